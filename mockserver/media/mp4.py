"""An MP4 file with one H.264 track: what a player needs first, then the pictures. ISO/IEC 14496-12 and -15."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

_BRANDS = (b"isom", b"iso2", b"avc1", b"mp41")
_UNCHANGED = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
"""The matrix that leaves a picture as it is."""
_UNDETERMINED = 0x55C4
"""The language `und`."""
_DPI = 72 << 16
_COLOURS = struct.pack(">4s3HB", b"nclx", 6, 6, 6, 0)
"""BT.601, in the narrow range."""


class Film(NamedTuple):
    """Pictures in the order in which they are shown; the first is the only one that a player can start with."""

    width: int
    height: int
    rate: int
    """Pictures a second."""
    sequence: bytes
    """The sequence parameter set."""
    picture: bytes
    """The picture parameter set."""
    units: Sequence[bytes]
    """One a picture."""


def file_of(film: Film) -> bytes:
    """The whole file."""
    samples = [struct.pack(">I", len(unit)) + unit for unit in film.units]
    kind = _box(b"ftyp", _BRANDS[0], struct.pack(">I", 0x200), *_BRANDS)
    start = len(kind) + len(_movie(film, samples, 0)) + 8
    return b"".join([kind, _movie(film, samples, start), _box(b"mdat", *samples)])


def _movie(film: Film, samples: Sequence[bytes], start: int) -> bytes:
    """What the file holds; the pictures begin at byte *start*."""
    ticks, length = film.rate, len(samples)  # one tick a picture
    size = struct.pack(">II", film.width << 16, film.height << 16)
    media = _box(
        b"mdia",
        _full(b"mdhd", 0, struct.pack(">IIIIHH", 0, 0, ticks, length, _UNDETERMINED, 0)),
        _full(b"hdlr", 0, struct.pack(">I4s12x", 0, b"vide"), b"VideoHandler\0"),
        _box(b"minf", _full(b"vmhd", 1, bytes(8)), _here(), _table(film, samples, start)),
    )
    track = _full(b"tkhd", 3, struct.pack(">IIIII8xHHHH", 0, 0, 1, 0, length, 0, 0, 0, 0), _UNCHANGED, size)
    head = struct.pack(">IIIIIH10x", 0, 0, ticks, length, 0x10000, 0x100)
    return _box(
        b"moov",
        _full(b"mvhd", 0, head, _UNCHANGED, bytes(24), struct.pack(">I", 2)),
        _box(b"trak", track, media),
    )


def _here() -> bytes:
    """That the pictures are in this very file."""
    return _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1)))


def _table(film: Film, samples: Sequence[bytes], start: int) -> bytes:
    """How to read each picture, how long it is shown, and where it is."""
    count = len(samples)
    return _box(
        b"stbl",
        _full(b"stsd", 0, struct.pack(">I", 1), _coding(film)),
        _full(b"stts", 0, struct.pack(">3I", 1, count, 1)),
        _full(b"stss", 0, struct.pack(">2I", 1, 1)),
        _full(b"stsc", 0, struct.pack(">4I", 1, 1, count, 1)),
        _full(b"stsz", 0, struct.pack(f">{count + 2}I", 0, count, *map(len, samples))),
        _full(b"stco", 0, struct.pack(">2I", 1, start)),
    )


def _coding(film: Film) -> bytes:
    sets = struct.pack(">H", len(film.sequence)) + film.sequence
    sets += struct.pack(">BH", 1, len(film.picture)) + film.picture
    return _box(
        b"avc1",
        struct.pack(">6xH16xHHIIIH32xHh", 1, film.width, film.height, _DPI, _DPI, 0, 1, 24, -1),
        _box(b"avcC", b"\x01", film.sequence[1:4], b"\xff\xe1", sets),
        _box(b"colr", _COLOURS),
        _box(b"pasp", struct.pack(">II", 1, 1)),
    )


def _full(kind: bytes, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _box(kind: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I", 8 + sum(map(len, parts))) + kind + b"".join(parts)
