"""How large an image is and how long a video or a track lasts, read from its file without decoding it."""

import math
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mockserver.core.filekinds import HEAD_BYTES, kind_of

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MOST_BOXES = 10_000
WEBM_HEAD_BYTES = 1024 * 1024
UNKNOWN_LENGTH = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
NANOSECONDS = 1_000_000_000
_INFO, _TICK, _DURATION = b"\x15\x49\xa9\x66", b"\x2a\xd7\xb1", b"\x44\x89"


class Unmeasurable(Exception):
    """The file is of another type, is broken, or does not say; the text says which."""


def image_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels of a PNG, JPEG, WebP or GIF; only its head is read.

    Raises:
        Unmeasurable: as named.
        OSError: the file cannot be read.
    """
    from PIL import Image  # noqa: PLC0415 - loaded when the first image is measured

    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # nothing is decompressed
        try:
            with Image.open(file, formats=FORMATS) as image:
                return image.size
        except Image.DecompressionBombError as error:
            msg = "an image of too many pixels"
            raise Unmeasurable(msg) from error
        except (OSError, SyntaxError, ValueError, struct.error) as error:
            msg = "no PNG, JPEG, WebP or GIF, or a broken one"
            raise Unmeasurable(msg) from error


def seconds(path: Path) -> float:
    """How long an MP4, MOV, WebM, M4A, MP3, WAV or OGG lasts.

    Raises:
        Unmeasurable: as named.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        kind = kind_of(head)
        if kind is None or kind.kind == "image":
            msg = "no MP4, MOV, WebM, M4A, MP3, WAV or OGG"
            raise Unmeasurable(msg)
        try:
            match kind.extension:
                case "mp4" | "mov" | "m4a":
                    length_s = _movie_s(file)
                case "webm":
                    length_s = _webm_s(file)
                case extension:
                    length_s = _tagged_s(file, extension)
        except (struct.error, ValueError, IndexError) as error:
            msg = "a broken file"
            raise Unmeasurable(msg) from error
    if not (length_s > 0 and math.isfinite(length_s)):
        msg = "a file that does not say how long it lasts"
        raise Unmeasurable(msg)
    return length_s


def _movie_s(file: BinaryIO) -> float:
    """From the head of the movie; of one in fragments, from where it sums them up. 0 where there is none."""
    end = file.seek(0, 2)
    for movie, first, last in _boxes(file, 0, end):
        if movie != b"moov":
            continue
        unit, length = 0, 0
        for name, start, stop in _boxes(file, first, last):
            if name == b"mvhd":
                unit, length = _movie_head(_content(file, start, stop))
            elif name == b"mvex" and not length:
                for inner, begin, over in _boxes(file, start, stop):
                    length = _fragments(_content(file, begin, over)) if inner == b"mehd" else length
        return length / unit if unit and length not in UNKNOWN_LENGTH else 0
    return 0


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name and place of the content of each box in a part of the file."""
    for _ in range(MOST_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8))
        content = start + 8
        if size == 1:
            size, content = struct.unpack(">Q", file.read(8))[0], content + 8
        stop = end if size == 0 else min(start + size, end)
        if stop < content:
            return
        yield name, content, stop
        start = stop


def _content(file: BinaryIO, start: int, stop: int) -> bytes:
    file.seek(start)
    return file.read(min(stop - start, 100))


def _movie_head(content: bytes) -> tuple[int, int]:
    """Units a second, and the length in units."""
    found: tuple[int, int] = (
        struct.unpack_from(">IQ", content, 20) if content[0] else struct.unpack_from(">II", content, 12)
    )
    return found


def _fragments(content: bytes) -> int:
    length: int = struct.unpack_from(">Q" if content[0] else ">I", content, 4)[0]
    return length


def _webm_s(file: BinaryIO) -> float:
    """From the segment's information, which stands before its pictures; 0 where it has no duration."""
    file.seek(0)
    head = file.read(WEBM_HEAD_BYTES)
    place = head.find(_INFO)
    if place < 0:
        return 0
    size, place = _number(head, place + len(_INFO))
    end = min(place + size, len(head))
    tick_ns, ticks = 1_000_000, 0.0
    while place < end:
        width = 9 - head[place].bit_length()
        name, place = head[place : place + width], place + width
        size, place = _number(head, place)
        value = head[place : place + size]
        if name == _TICK:
            tick_ns = int.from_bytes(value)
        elif name == _DURATION:
            ticks = struct.unpack(">d" if size == 8 else ">f", value)[0]  # noqa: PLR2004 - the wider of the two
        place += size
    return ticks * tick_ns / NANOSECONDS


def _number(data: bytes, place: int) -> tuple[int, int]:
    """A number of variable width, and the place behind it."""
    width = 9 - data[place].bit_length()
    value = int.from_bytes(data[place : place + width]) & ((1 << 7 * width) - 1)
    return value, place + width


def _tagged_s(file: BinaryIO, extension: str) -> float:
    """From frames, samples or pages."""
    from tinytag import TinyTag, TinyTagException  # noqa: PLC0415 - loaded when the first track is measured

    file.seek(0)
    try:
        return TinyTag.get(f"track.{extension}", file_obj=file, tags=False).duration or 0
    except TinyTagException as error:
        raise ValueError(str(error)) from error
