"""What every drawing starts from: a gradient of its own, and lines of text that read on it."""

import math
from bisect import bisect_right
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
WHITE = (255, 255, 255)


def gradient(seed: bytes, width: int, height: int) -> Image.Image:
    """Three colours from top to bottom. Rows of one colour keep the file small and the drawing fast."""
    stops = Image.new("RGB", (1, 3))
    stops.putdata([_colour(seed, stop) for stop in range(3)])
    column = stops.resize((1, height), Image.Resampling.BICUBIC)
    return column.resize((width, height), Image.Resampling.NEAREST)


@lru_cache(maxsize=64)
def font_of(size: int) -> Font:
    """The font whose lines are *size* pixels high."""
    return ImageFont.load_default(size)


def write(pen: ImageDraw.ImageDraw, place: tuple[int, int], text: str, font: Font, width: int) -> None:
    """One line with a soft shadow, so that it reads on any colour; what does not fit is cut."""
    if font.getlength(text) > width:
        text = text[: fitting(text, font, width)]
    offset = max(1, round(font.getbbox("x")[3] / 24))
    pen.text((place[0] + offset, place[1] + offset), text, font=font, fill=(0, 0, 0))
    pen.text(place, text, font=font, fill=WHITE)


def fitting(text: str, font: Font, width: int) -> int:
    """How many characters of *text* fit into *width* pixels."""
    return bisect_right(range(1, len(text) + 1), width, key=lambda count: math.ceil(font.getlength(text[:count])))


def one_line(text: str, most: int) -> str:
    """The first *most* characters of a text without line breaks and what cannot be shown."""
    return " ".join("".join(char if char.isprintable() else " " for char in text[:most]).split())


def _colour(seed: bytes, stop: int) -> Colour:
    """A colour of medium darkness, on which white reads well, near to the other stops' in hue."""
    hue, saturation, value = (
        (seed[0] + 24 * stop) % 256,
        120 + seed[1 + stop] % 80,
        150 - 35 * stop + seed[4 + stop] % 20,
    )
    red, green, blue = Image.new("HSV", (1, 1), (hue, saturation, value)).convert("RGB").tobytes()
    return red, green, blue
