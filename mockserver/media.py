"""Pictures that stand for results: drawn from the job and its request, the same bytes each time."""

import hashlib
import io
import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

LONGEST_EDGE = 1024
LEAST_EDGE = 64
MOST_EDGE = 4096
MOST_STRETCH = 16
MOST_PROMPT = 600
"""Characters of a prompt that are looked at; more would not fit in any picture."""
_RATIO = re.compile(r"(\d{1,300}):(\d{1,300})", re.ASCII)  # a float holds what longer ones would come to
_PIXELS = re.compile(r"(\d{2,5})x(\d{2,5})", re.ASCII)
_NAMED_RATIO = re.compile(r"(?:portrait|landscape)_(\d{1,2})_(\d{1,2})", re.ASCII)
_EDGES = {"512px": 512, "1k": 1024, "2k": 2048, "4k": 4096, "square": 512, "square_hd": 1024}
_SIZE_NAMES = ("resolution", "size", "image_size")
_WHITE = (255, 255, 255)

PROMPT_SIZES = (9, 12, 16, 22, 30)
"""Sizes of the prompt, as shares of the shorter edge, largest first."""

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Picture(NamedTuple):
    """What to draw."""

    job_id: str
    model: str
    prompt: str
    number: int
    """From 1."""
    width: int
    height: int


def size_of(parameters: Mapping[str, object]) -> tuple[int, int]:
    """Width and height that a parameter object asks for, each from 64 to 4,096 pixels.

    `width` and `height` where both are whole numbers; else a size such as `1024x768`; else `aspect_ratio` or a named
    size, on the edge that `1K`, `2K`, `4K` or `512px` name; else a square of 1,024.
    """
    width, height = parameters.get("width"), parameters.get("height")
    if isinstance(width, int) and isinstance(height, int):
        return _bounded(width, height)
    texts = [value.lower() for name in _SIZE_NAMES if isinstance(value := parameters.get(name), str)]
    for text in texts:
        if pixels := _PIXELS.fullmatch(text):
            return _bounded(int(pixels[1]), int(pixels[2]))
    edge = next((_EDGES[text] for text in texts if text in _EDGES), LONGEST_EDGE)
    across, down = _ratio(parameters.get("aspect_ratio"), texts)
    stretch = min(MOST_STRETCH, max(across, down) / min(across, down))
    short = max(LEAST_EDGE, round(edge / stretch / 8) * 8)
    return (edge, short) if across > down else (short, edge)


def draw(picture: Picture) -> bytes:
    """The picture as PNG: model, prompt, job and number on a gradient of its own."""
    return _png(_drawn(picture))


def draw_grid(pictures: Sequence[Picture]) -> bytes:
    """Four pictures of one size as one PNG of twice the width and height, in reading order."""
    first = pictures[0]
    grid = Image.new("RGB", (2 * first.width, 2 * first.height))
    for place, picture in enumerate(pictures[:4]):
        grid.paste(_drawn(picture), (place % 2 * first.width, place // 2 * first.height))
    return _png(grid)


def _ratio(asked: object, texts: Sequence[str]) -> tuple[int, int]:
    found = _RATIO.fullmatch(asked) if isinstance(asked, str) else None
    found = found or next(filter(None, map(_NAMED_RATIO.fullmatch, texts)), None)
    if found is None:
        return 1, 1
    first, second = int(found[1]), int(found[2])
    if not first or not second:
        return 1, 1
    return (second, first) if found[0].startswith("portrait") and first > second else (first, second)


def _bounded(width: int, height: int) -> tuple[int, int]:
    return min(MOST_EDGE, max(LEAST_EDGE, width)), min(MOST_EDGE, max(LEAST_EDGE, height))


def _drawn(picture: Picture) -> Image.Image:
    image = _gradient(picture)
    pen = ImageDraw.Draw(image)
    width, height = image.size
    unit = min(width, height)
    margin = unit // 14
    inner = width - 2 * margin
    small = _font(max(8, unit // 34))
    line_height = max(8, unit // 34) * 3 // 2
    _write(pen, (margin, margin), picture.model, _font(max(9, unit // 22)), inner)
    facts = [picture.job_id, f"image {picture.number}   {width} x {height}   mock"]
    for row, text in enumerate(facts):
        _write(pen, (margin, height - margin - (len(facts) - row) * line_height), text, small, inner)
    _write_prompt(pen, picture.prompt, (margin, 3 * margin, inner, height - 5 * margin - 2 * line_height), unit)
    return image


def _write_prompt(pen: ImageDraw.ImageDraw, prompt: str, box: tuple[int, int, int, int], unit: int) -> None:
    """The prompt in the largest of a few sizes in which all of it fits, cut where none is small enough."""
    left, top, width, height = box
    text = " ".join("".join(char if char.isprintable() else " " for char in prompt[:MOST_PROMPT]).split())
    for share in PROMPT_SIZES:
        size = max(8, unit // share)
        rows = max(1, height // (size * 5 // 4))
        lines = list(_wrapped(text, _font(size), width))
        if len(lines) <= rows or share == PROMPT_SIZES[-1]:
            shown = lines if len(lines) <= rows else [*lines[: rows - 1], f"{lines[rows - 1]}..."]
            for row, line in enumerate(shown):
                _write(pen, (left, top + row * size * 5 // 4), line, _font(size), width)
            return


def _wrapped(text: str, font: Font, width: int) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        rest = word
        while rest and font.getlength(f"{line} {rest}".strip()) > width:
            if line:
                yield line
                line = ""
                continue
            fits = max(1, _fitting(rest, font, width))
            yield rest[:fits]
            rest = rest[fits:]
        line = f"{line} {rest}".strip()
    yield line


def _fitting(text: str, font: Font, width: int) -> int:
    """How many characters of *text* fit."""
    return bisect_right(range(1, len(text) + 1), width, key=lambda count: math.ceil(font.getlength(text[:count])))


@lru_cache(maxsize=64)
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _write(
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    font: Font,
    width: int,
) -> None:
    """One line with a soft shadow, so that it reads on any colour; what does not fit is cut."""
    if font.getlength(text) > width:
        text = text[: _fitting(text, font, width)]
    offset = max(1, round(font.getbbox("x")[3] / 24))
    pen.text((place[0] + offset, place[1] + offset), text, font=font, fill=(0, 0, 0))
    pen.text(place, text, font=font, fill=_WHITE)


def _gradient(picture: Picture) -> Image.Image:
    """Three colours from top to bottom. Rows of one colour keep the file small and the drawing fast."""
    seed = hashlib.sha256(f"{picture.job_id}/{picture.number}".encode()).digest()
    stops = Image.new("RGB", (1, 3))
    stops.putdata([_colour(seed, stop) for stop in range(3)])
    column = stops.resize((1, picture.height), Image.Resampling.BICUBIC)
    return column.resize((picture.width, picture.height), Image.Resampling.NEAREST)


def _colour(seed: bytes, stop: int) -> Colour:
    """A colour of medium darkness, on which white reads well, near to the other stops' in hue."""
    hue, saturation, value = (
        (seed[0] + 24 * stop) % 256,
        120 + seed[1 + stop] % 80,
        150 - 35 * stop + seed[4 + stop] % 20,
    )
    red, green, blue = Image.new("HSV", (1, 1), (hue, saturation, value)).convert("RGB").tobytes()
    return red, green, blue


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=6)
    return file.getvalue()
