"""A file is what its first bytes say, whatever it is called."""

import io
import struct

import pytest
from PIL import Image

from mockserver.core.filekinds import KINDS, kind_of


def picture(form: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, form)
    return file.getvalue()


def boxed(brand: bytes, *compatible: bytes) -> bytes:
    brands = b"".join(compatible)
    return struct.pack(">I4s4sI", 16 + len(brands), b"ftyp", brand, 512) + brands + b"\0\0\0\x08free"


def matroska(kind: bytes) -> bytes:
    return b"\x1aE\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82" + bytes([0x80 | len(kind)]) + kind + b"\x18S\x80g" + bytes(50)


def frames(head: str) -> bytes:
    return (bytes.fromhex(head) + bytes(413)) * 3


TAKEN = {
    "png": [picture("PNG"), b"\x89PNG"],
    "jpg": [picture("JPEG"), b"\xff\xd8\xff\xe1\0\x20Exif\0\0", b"\xff\xd8\xff\xdb\0\x43"],
    "webp": [picture("WEBP"), b"RIFF\x24\0\0\0WEBPVP8X" + bytes(10)],
    "gif": [picture("GIF"), b"GIF87a", b"GIF89a<script>alert(1)</script>"],
    "mp4": [
        boxed(brand) for brand in (b"isom", b"iso2", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash", b"MSNV")
    ],
    "webm": [matroska(b"webm")],
    "mov": [
        boxed(b"qt  ", b"qt  "),
        b"\0\0\1\0moov\0\0\0\x6cmvhd",
        b"\0\0\0\x08wide\0\0\1\0mdat",
        b"\0\0\1\0mdat" + bytes(9),
    ],
    "mp3": [b"ID3\x03\0\0\0\0\0\x0a", *map(frames, ("fffb9064", "fffa9064", "fff38464", "fff28464", "ffe38464"))],
    "wav": [b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"],
    "ogg": [b"OggS\0\x02" + bytes(22) + b"\x01vorbis", b"OggS\0\x02" + bytes(22) + b"OpusHead"],
    "m4a": [boxed(b"M4A ", b"M4A ", b"mp42", b"isom"), boxed(b"M4B ")],
}


def test_every_type_is_told_by_its_first_bytes() -> None:
    assert TAKEN.keys() == KINDS.keys()
    told = {name: [kind_of(head) for head in heads] for name, heads in TAKEN.items()}
    assert told == {name: [KINDS[name]] * len(heads) for name, heads in TAKEN.items()}


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff",
        b"\xff\xfe" + "hi".encode("utf-16-le"),
        b"\xff\xff\xff\xff" * 9,
        frames("fff15080"),  # AAC
        frames("fff9507c"),
        b"\0\0\0\x10ftyp",
        boxed(b"heic", b"mif1", b"heic"),
        boxed(b"avif", b"mif1"),
        boxed(b"3gp5"),
        matroska(b"matroska"),
        picture("BMP"),
        picture("TIFF"),
        b"RIFF\x24\0\0\0AVI LIST",
        b"RIFF",
        b"fLaC" + bytes(50),
        b"%PDF-1.4",
        b"PK\3\4" + bytes(50),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"just text, moov",
    ],
)
def test_other_files_are_told_from_them(head: bytes) -> None:
    assert kind_of(head) is None


def test_a_video_may_be_larger() -> None:
    limits = {row.kind: row.most_bytes for row in KINDS.values()}
    assert limits == {"image": 26_214_400, "audio": 26_214_400, "video": 52_428_800}
