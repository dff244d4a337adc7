"""Sizes and lengths are read from files as they are found in the world, and broken files are told."""

import io
import struct
import wave
import zlib
from pathlib import Path

import pytest
from PIL import Image

from mockserver.measuring import Unmeasurable, image_size, seconds


def box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), name) + content


def movie(*inside: bytes, brand: bytes = b"isom") -> bytes:
    return box(b"ftyp", brand, bytes(4)) + box(b"free", bytes(99)) + box(b"moov", *inside)


def head(unit: int, length: int) -> bytes:
    return box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, unit, length), bytes(80))


def long_head(unit: int, length: int) -> bytes:
    return box(b"mvhd", struct.pack(">IQQIQ", 1 << 24, 0, 0, unit, length), bytes(80))


def element(name: str, content: bytes) -> bytes:
    return bytes.fromhex(name) + struct.pack(">Q", len(content) | 1 << 56) + content


def webm(*information: bytes) -> bytes:
    start = element("1a45dfa3", element("4282", b"webm"))
    return start + element("18538067", element("114d9b74", b"") + element("1549a966", b"".join(information)))


def wav(rate: int, count: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, rate, 0, "NONE", ""))
        sound.writeframes(bytes(2 * count))
    return file.getvalue()


def page(flags: int, granule: int, number: int, content: bytes) -> bytes:
    fields = struct.pack("<BBqIIIB", 0, flags, granule, 1, number, 0, 1)
    return b"OggS" + fields + bytes([len(content)]) + content


OPUS = page(2, 0, 0, b"OpusHead\1\1" + struct.pack("<HIhB", 0, 48_000, 0, 0)) + page(0, 0, 1, b"OpusTags" + bytes(8))
FRAMES = (bytes.fromhex("fffb9064") + bytes(413)) * 100
LENGTHS = {
    "MP4": (movie(head(600, 7500)), 12.5),
    "MP4 with a head of the longer form": (movie(long_head(90_000, 450_000)), 5.0),
    "MP4 in fragments": (movie(head(1000, 0), box(b"mvex", box(b"mehd", struct.pack(">II", 0, 2500)))), 2.5),
    "MP4 with a large box": (
        box(b"ftyp", b"mp42", bytes(4)) + struct.pack(">I4sQ", 1, b"mdat", 116) + bytes(100) + box(b"moov", head(1, 3)),
        3.0,
    ),
    "MOV": (movie(head(600, 600), brand=b"qt  "), 1.0),
    "M4A": (movie(head(44_100, 88_200), brand=b"M4A "), 2.0),
    "WebM": (webm(element("2ad7b1", struct.pack(">I", 1_000_000)), element("4489", struct.pack(">d", 4200.0))), 4.2),
    "WebM without a tick": (webm(element("4489", struct.pack(">f", 1500.0))), 1.5),
    "WAV": (wav(8000, 12_000), 1.5),
    "MP3": (FRAMES, 2.612),
    "MP3 with a tag": (b"ID3\3\0\0\0\0\0\x0a" + bytes(10) + FRAMES, 2.612),
    "OGG": (OPUS + page(4, 96_000, 2, bytes(200)), 2.0),
}
SILENT = "a file that does not say how long it lasts"
OTHER = "no MP4, MOV, WebM, M4A, MP3, WAV or OGG"
UNKNOWN = {
    "nothing": (b"", OTHER),
    "text": (b"just text", OTHER),
    "a picture": (b"\x89PNG\r\n\x1a\n", OTHER),
    "an MP4 without a movie": (box(b"ftyp", b"isom", bytes(4)), SILENT),
    "a movie without a head": (movie(), SILENT),
    "no unit": (movie(head(0, 600)), SILENT),
    "no known length": (movie(head(600, 0xFFFFFFFF)), SILENT),
    "half a head": (movie(box(b"mvhd", bytes(9))), "a broken file"),
    "a box without end": (box(b"ftyp", b"isom", bytes(4)) + b"\0\0\0\3moov", SILENT),
    "boxes without end": (box(b"ftyp", b"isom", bytes(4)) + box(b"free") * 20_000 + movie(head(1, 1)), SILENT),
    "a WebM without a length": (webm(), SILENT),
    "half a WebM": (webm(element("4489", bytes(3))), "a broken file"),
    "endless": (webm(element("4489", struct.pack(">d", float("inf")))), SILENT),
    "half a WAV": (b"RIFF\x24\0\0\0WAVEfmt \xff\xff\xff\xff", "a broken file"),
    "an MP3 of a tag alone": (b"ID3\3\0\0\0\0\0\x0a" + bytes(10), SILENT),
}


def picture(form: str, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, form)
    return file.getvalue()


def huge(width: int, height: int) -> bytes:
    inside = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + inside + struct.pack(">I", zlib.crc32(inside)) + b"\0\0\0\0IDAT"
    )


@pytest.mark.parametrize("name", LENGTHS)
def test_a_file_says_how_long_it_lasts(tmp_path: Path, name: str) -> None:
    content, length_s = LENGTHS[name]
    path = tmp_path / "file"
    path.write_bytes(content)
    assert seconds(path) == pytest.approx(length_s, abs=0.001)


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_file_that_does_not_say_it_is_told(tmp_path: Path, name: str) -> None:
    content, text = UNKNOWN[name]
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Unmeasurable, match=f"^{text}$"):
        seconds(path)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_image_says_its_size(tmp_path: Path, form: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(picture(form, (13, 7)))
    assert image_size(path) == (13, 7)


def test_nothing_of_a_large_image_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(huge(12_000, 10_000))
    assert image_size(path) == (12_000, 10_000)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (huge(60_000, 60_000), "an image of too many pixels"),
        (b"", "no PNG, JPEG, WebP or GIF, or a broken one"),
        (b"\x89PNG\r\n\x1a\n", "no PNG, JPEG, WebP or GIF, or a broken one"),
        (b"\xff\xd8\xff\xe0\0\x10", "no PNG, JPEG, WebP or GIF, or a broken one"),
        (picture("BMP", (3, 3)), "no PNG, JPEG, WebP or GIF, or a broken one"),
    ],
)
def test_a_file_that_is_no_image_is_told(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Unmeasurable, match=f"^{text}$"):
        image_size(path)
