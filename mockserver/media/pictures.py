"""Pictures that stand for results: drawn from the job and its request, the same bytes each time."""

import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

from mockserver.media.canvas import Font, fitting, font_of, gradient, one_line, write
from mockserver.media.seeds import seed_of

MOST_PROMPT = 600
"""Characters of a prompt that are looked at; more would not fit in any picture."""
PROMPT_SIZES = (9, 12, 16, 22, 30)
"""Sizes of the prompt, as shares of the shorter edge, largest first."""


class Picture(NamedTuple):
    """What to draw."""

    job_id: str
    model: str
    prompt: str
    number: int
    """From 1."""
    width: int
    height: int
    name: str = "image"
    """What the picture calls itself, before its number."""


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


def draw_cover(picture: Picture) -> bytes:
    """The picture as JPEG, as covers of tracks are."""
    file = io.BytesIO()
    _drawn(picture).save(file, "JPEG", quality=85)
    return file.getvalue()


def _drawn(picture: Picture) -> Image.Image:
    image = gradient(seed_of(picture.job_id, picture.number), picture.width, picture.height)
    pen = ImageDraw.Draw(image)
    width, height = image.size
    unit = min(width, height)
    margin = unit // 14
    inner = width - 2 * margin
    small = font_of(max(8, unit // 34))
    line_height = max(8, unit // 34) * 3 // 2
    write(pen, (margin, margin), picture.model, font_of(max(9, unit // 22)), inner)
    facts = [picture.job_id, f"{picture.name} {picture.number}   {width} x {height}   mock"]
    for row, text in enumerate(facts):
        write(pen, (margin, height - margin - (len(facts) - row) * line_height), text, small, inner)
    _write_prompt(pen, picture.prompt, (margin, 3 * margin, inner, height - 5 * margin - 2 * line_height), unit)
    return image


def _write_prompt(pen: ImageDraw.ImageDraw, prompt: str, box: tuple[int, int, int, int], unit: int) -> None:
    """The prompt in the largest of a few sizes in which all of it fits, cut where none is small enough."""
    left, top, width, height = box
    text = one_line(prompt, MOST_PROMPT)
    for share in PROMPT_SIZES:
        size = max(8, unit // share)
        rows = max(1, height // (size * 5 // 4))
        lines = list(_wrapped(text, font_of(size), width))
        if len(lines) <= rows or share == PROMPT_SIZES[-1]:
            shown = lines if len(lines) <= rows else [*lines[: rows - 1], f"{lines[rows - 1]}..."]
            for row, line in enumerate(shown):
                write(pen, (left, top + row * size * 5 // 4), line, font_of(size), width)
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
            fits = max(1, fitting(rest, font, width))
            yield rest[:fits]
            rest = rest[fits:]
        line = f"{line} {rest}".strip()
    yield line


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=6)
    return file.getvalue()
