"""Videos that stand for results: what was asked for, and discs that move, on a gradient of its own."""

from typing import NamedTuple

from PIL import Image, ImageDraw

from mockserver.media import h264, mp4
from mockserver.media.canvas import WHITE, font_of, gradient, one_line, write
from mockserver.media.h264 import EDGE
from mockserver.media.seeds import seed_of

RATE = 24
"""Pictures a second."""
MOST_SECONDS = 4
"""A longer video is stood for by one of this length."""
MOST_LANES = 3
MOST_TURNS = 3
MOST_PROMPT = 80
"""Characters of a prompt that are looked at; more would not fit in one line."""
_TALL = 14
"""Rows of macroblocks from which on discs are three of them wide, and text has a margin."""
_LEAST_WITH_TEXT = 6
_FONT_SIZE = 11
_SHARP = 4
"""How many times larger a disc is drawn, so that its edge is smooth."""
_NARROW = [16 + (value * 219 + 127) // 255 for value in range(256)]
_NARROW_CHROMA = [128 + ((value - 128) * 224 + 127) // 255 for value in range(256)]


class Video(NamedTuple):
    """What to draw."""

    job_id: str
    model: str
    prompt: str
    number: int
    """From 1."""
    width: int
    height: int
    """Both even, and at least 32."""
    seconds: int


class _Lane(NamedTuple):
    """Rows of macroblocks that move together, and the disc in them."""

    top: int
    """The first row."""
    rows: int
    home: int
    """Pixels between the disc and the left edge at the start."""
    way: int
    """Pixels to the right, or with a minus to the left, to where the disc turns back."""
    turns: int
    """How often it comes back in the whole video."""

    def shift(self, picture: int, of: int) -> int:
        """Pixels by which the lane stands to the right of where it was, in a picture of so many."""
        at = picture * self.turns % of * 2
        at = min(at, 2 * of - at)  # there and back, in `of` steps each way
        return self.way * at * at * (3 * of - 2 * at) // of**3


def draw(video: Video) -> bytes:
    """The video as MP4."""
    seed = seed_of(video.job_id, video.number)
    lanes = _lanes(video, seed)
    planes = _planes(_first_picture(video, seed, lanes))
    count = RATE * video.seconds
    units = [h264.first_picture(planes)]
    for picture in range(1, count):
        shifts = [0] * (planes.height // EDGE)
        for lane in lanes:
            shifts[lane.top : lane.top + lane.rows] = [lane.shift(picture, count)] * lane.rows
        units.append(h264.moved_picture(picture, shifts, planes.width // EDGE))
    sets = h264.parameter_sets(video.width, video.height, RATE)
    return mp4.file_of(mp4.Film(video.width, video.height, RATE, *sets, units))


def _lanes(video: Video, seed: bytes) -> list[_Lane]:
    """One to three lanes, between the lines of text."""
    rows = video.height // EDGE
    size = min(rows, video.width // EDGE, 2 if rows < _TALL else 3)
    text = _text_rows(rows)
    free = rows - 2 * text
    count = max(1, min(MOST_LANES, free // size))
    gap = (free - count * size) // (count + 1)
    lanes = []
    for place in range(count):
        chance = seed[8 + 3 * place : 11 + 3 * place]
        room = video.width // EDGE - size
        home = chance[0] % (room // 4 + 1)
        way = EDGE * (room - home)
        if chance[1] % 2:
            home, way = room - home, -way
        top = text + gap + place * (size + gap)
        lanes.append(_Lane(top, size, EDGE * home, way, 1 + chance[2] % min(MOST_TURNS, video.seconds)))
    return lanes


def _text_rows(rows: int) -> int:
    """How many rows of macroblocks hold text, above the lanes and again below."""
    return 0 if rows < _LEAST_WITH_TEXT else 2 if rows < _TALL else 3


def _first_picture(video: Video, seed: bytes, lanes: list[_Lane]) -> Image.Image:
    """The picture in whole macroblocks, of which the right and lower edge may be cut off."""
    width, height = (-(-edge // EDGE) * EDGE for edge in (video.width, video.height))
    image = gradient(seed, width, height)
    for place, lane in enumerate(lanes):
        size = EDGE * lane.rows
        image.paste(_light(seed[20 + place]), (lane.home, EDGE * lane.top), _disc(size))
    _write_facts(ImageDraw.Draw(image), video)
    return image


def _write_facts(pen: ImageDraw.ImageDraw, video: Video) -> None:
    rows = video.height // EDGE
    text = _text_rows(rows)
    if not text:
        return
    facts = f"video {video.number}   {video.width} x {video.height}   {video.seconds} s   mock"
    lines = {
        text - 2: video.model,
        text - 1: one_line(video.prompt, MOST_PROMPT),
        rows - text: video.job_id,
        rows - text + 1: facts,
    }
    for row, line in lines.items():
        write(pen, (EDGE // 2, EDGE * row), line, font_of(_FONT_SIZE), video.width - EDGE)


def _disc(size: int) -> Image.Image:
    large = Image.new("L", (_SHARP * size, _SHARP * size))
    ImageDraw.Draw(large).ellipse((_SHARP, _SHARP, _SHARP * (size - 1), _SHARP * (size - 1)), fill=WHITE[0])
    return large.reduce(_SHARP)


def _light(chance: int) -> tuple[int, int, int]:
    red, green, blue = Image.new("HSV", (1, 1), (chance, 90, 240)).convert("RGB").tobytes()
    return red, green, blue


def _planes(image: Image.Image) -> h264.Planes:
    """The picture's samples in the narrow range of video, chroma of each four pixels as their mean."""
    luma, blue, red = image.convert("YCbCr").split()
    return h264.Planes(
        *image.size,
        luma.point(_NARROW).tobytes(),
        blue.reduce(2).point(_NARROW_CHROMA).tobytes(),
        red.reduce(2).point(_NARROW_CHROMA).tobytes(),
    )
