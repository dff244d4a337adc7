"""MPEG-1 Layer III without an encoder: frames of steady tones, written as lines of the spectrum. ISO/IEC 11172-3.

A granule is 576 samples and its spectrum has 576 lines. One line that is the same in every granule, or changes its sign
from one to the next, decodes to a pure tone at a multiple of half the rate of granules: windows that overlap add up to
it. So a melody of such tones needs no transform: it is a few lines a granule, and a loudness.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from mockserver.media.bits import Bits

RATE = 32_000
"""Samples a second."""
GRANULE = 576
"""Samples in a granule; a frame holds two."""
_FRAME_BYTES = 144
"""At 32,000 bits a second, which makes frames of one length without padding."""
_HEAD = b"\xff\xfb\x18\xc0"
"""MPEG-1 Layer III without checksums, 32,000 bits a second, 32 kHz, one channel."""
_SIDE_BYTES = 17
_SILENCE = 0
_HAS_FRAMES_AND_BYTES = 3


class Granule(NamedTuple):
    """What sounds for 18 ms."""

    tones: tuple[int, ...]
    """Each as a multiple of 27.8 Hz, from 2 to 100; none is silence."""
    loudness: int
    """In steps of 1.5 dB; each tone alone is at full scale with 210."""


def frames(granules: Iterable[Granule]) -> bytes:
    """The frames of a track, the first of which tells how many follow."""
    coded = [_coded(granule, place) for place, granule in enumerate(granules)]
    if len(coded) % 2:
        coded.append(_coded(Granule((), _SILENCE), len(coded)))
    sound = [_frame(first, second) for first, second in zip(coded[::2], coded[1::2], strict=True)]
    count = struct.pack(">4sIII", b"Info", _HAS_FRAMES_AND_BYTES, len(sound), _FRAME_BYTES * (len(sound) + 1))
    told = (_HEAD + bytes(_SIDE_BYTES) + count).ljust(_FRAME_BYTES, b"\0")
    return told + b"".join(sound)


class _Coded(NamedTuple):
    """A granule: its part of the side information, and its bits of the spectrum."""

    lines: int
    line_bits: int
    loudness: int


def _frame(*granules: _Coded) -> bytes:
    bits = Bits()
    bits.fields((0, 9), (0, 5), (0, 4))
    for granule in granules:
        # All values are at most 1, so that none is in the region of large ones; no scale factors; table B.
        bits.fields((granule.line_bits, 12), (0, 9), (granule.loudness, 8), (0, 4), (0, 1), (0, 22), (0b001, 3))
    for granule in granules:
        bits.put(granule.lines, granule.line_bits)
    return (_HEAD + bits.to_bytes()).ljust(_FRAME_BYTES, b"\0")


def _coded(granule: Granule, place: int) -> _Coded:
    """The granule at this place of the track, from 0, which decides the signs."""
    signs = {tone: tone * place % 2 for tone in granule.tones}
    bits = Bits()
    for start in range(0, max(signs, default=-4) + 4, 4):
        quad = range(start, start + 4)
        bits.put(sum((line not in signs) << (3 - at) for at, line in enumerate(quad)), 4)
        for line in quad:
            if line in signs:
                bits.put(signs[line], 1)
    return _Coded(*bits.taken(), granule.loudness)
