"""H.264 without an encoder: one picture kept as it is, and others that move whole rows of it. ITU-T H.264.

The first picture is free of loss: a macroblock repeats the last column of its left neighbour, or stands there sample by
sample. Each other picture moves rows of macroblocks of the first one to the left or right. Nothing is transformed, so
there is no table of codes but one, and each picture that a decoder should show is known exactly.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from mockserver.media.bits import Bits

EDGE = 16
"""Pixels of a macroblock's edge."""
_BASELINE, _CONSTRAINED, _LEVEL = 66, 0xC0, 30
_SDTV = 6
"""Colours as Pillow has them: BT.601."""
_REFERENCE, _IDR, _OTHER, _SPS, _PPS = 0x60, 5, 1, 7, 8
_I_SLICE, _P_SLICE = 7, 5
_AS_IT_IS, _AS_LEFT = 25, 2
"""mb_type: I_PCM, and Intra16x16 predicted from the left without residual."""
_NOTHING = {0: (1, 1), 8: (3, 6), 16: (3, 6)}
"""coeff_token of no coefficients, by how many the neighbours are taken to have (table 9-5)."""
_ESCAPED = re.compile(rb"\x00\x00(?=[\x00-\x03])")


class Planes(NamedTuple):
    """A picture in whole macroblocks: luma, and the two chroma planes of half its width and height."""

    width: int
    height: int
    luma: bytes
    blue: bytes
    red: bytes


def parameter_sets(width: int, height: int, rate: int) -> tuple[bytes, bytes]:
    """The sequence and picture parameter sets of pictures of this size in pixels, both even, *rate* a second."""
    across, down = -(-width // EDGE), -(-height // EDGE)
    bits = Bits()
    bits.fields((_BASELINE, 8), (_CONSTRAINED, 8), (_LEVEL, 8))
    bits.unsigned(0, 0, 0, 12, 1)  # ids; frame numbers of 4 bits; order counts of 16 bits; one reference
    bits.put(0, 1)
    bits.unsigned(across - 1, down - 1)
    bits.put(0b111, 3)  # frames only; direct_8x8_inference; cropped, in units of two pixels
    bits.unsigned(0, (EDGE * across - width) // 2, 0, (EDGE * down - height) // 2)
    _usability(bits, rate)
    sequence = _unit(_REFERENCE | _SPS, bits)
    bits = Bits()
    bits.unsigned(0, 0)
    bits.put(0, 2)  # codes of variable length; no fields
    bits.unsigned(0, 0, 0)
    bits.put(0, 3)  # no weights
    bits.signed(0, 0, 0)
    bits.put(0b100, 3)  # slices say that they want no deblocking
    return sequence, _unit(_REFERENCE | _PPS, bits)


def first_picture(planes: Planes) -> bytes:
    """The picture as a unit that a decoder can start with."""
    bits = Bits()
    _slice_header(bits, _I_SLICE, 0)
    blocks = _Blocks(planes)
    for row in range(planes.height // EDGE):
        for column in range(planes.width // EDGE):
            blocks.write(bits, row, column)
    return _unit(_REFERENCE | _IDR, bits)


def moved_picture(number: int, shifts: Sequence[int], across: int) -> bytes:
    """The *number*-th picture, from 1: the first one, each row of macroblocks moved right by so many pixels.

    *shifts* has one entry for each row, *across* is how many macroblocks a row has. What moves in at a side repeats
    the outermost column.
    """
    bits = Bits()
    _slice_header(bits, _P_SLICE, number)
    value, count = _moves(tuple(shifts), across)
    bits.put(value, count)
    return _unit(_OTHER, bits)


class _Blocks:
    """The macroblocks of the first picture; knows which of them stand there sample by sample."""

    def __init__(self, planes: Planes) -> None:
        self._planes = planes
        self._is_whole: dict[tuple[int, int], bool] = {}

    def write(self, bits: Bits, row: int, column: int) -> None:
        whole = not self._repeats_left(row, column)
        self._is_whole[row, column] = whole
        if whole:
            bits.unsigned(_AS_IT_IS)
            bits.whole(b"".join(b"".join(rows) for rows in self._samples(row, column)))
            return
        bits.unsigned(_AS_LEFT, 1)  # chroma is predicted from the left too
        bits.signed(0)
        near = [
            16 * self._is_whole[place] for place in ((row, column - 1), (row - 1, column)) if place in self._is_whole
        ]
        bits.put(*_NOTHING[sum(near) // len(near)])

    def _repeats_left(self, row: int, column: int) -> bool:
        if not column:
            return False
        return all(
            samples == before[-1:] * len(samples)
            for own, left in zip(self._samples(row, column), self._samples(row, column - 1), strict=True)
            for samples, before in zip(own, left, strict=True)
        )

    def _samples(self, row: int, column: int) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """The rows of samples of one macroblock, for each plane."""
        width, _, luma, blue, red = self._planes
        return (
            _square(luma, width, EDGE, row, column),
            _square(blue, width // 2, EDGE // 2, row, column),
            _square(red, width // 2, EDGE // 2, row, column),
        )


def _square(plane: bytes, width: int, edge: int, row: int, column: int) -> list[bytes]:
    start = row * edge * width + column * edge
    return [plane[at : at + edge] for at in range(start, start + edge * width, width)]


@lru_cache(maxsize=512)
def _moves(shifts: tuple[int, ...], across: int) -> tuple[int, int]:
    """The macroblocks of a moved picture as a number and its count of bits."""
    bits, skipped, above = Bits(), 0, 0
    for row, shift in enumerate(shifts):
        vector = -4 * shift  # in quarters of a pixel, and to where the samples come from
        for column in range(across):
            if vector == (above if row and column and vector else 0):  # as a skipped one would move (8.4.1.1)
                skipped += 1
                continue
            expected = above if row else vector * (column > 0)  # the median of the neighbours (8.4.1.3)
            bits.unsigned(skipped, 0)
            bits.signed(vector - expected, 0)
            bits.unsigned(0)
            skipped = 0
        above = vector
    if skipped:
        bits.unsigned(skipped)
    return bits.taken()


def _slice_header(bits: Bits, kind: int, number: int) -> None:
    bits.unsigned(0, kind, 0)
    bits.put(min(number, 1), 4)  # frame_num: only the first picture is ever referred to
    if not number:
        bits.unsigned(0)
    bits.put(2 * number, 16)
    bits.put(0, 2)  # first: reference marking; others: neither a longer nor a reordered list
    bits.signed(0)
    bits.unsigned(1)  # no deblocking


def _usability(bits: Bits, rate: int) -> None:
    """Square pixels, colours, pace, and that no picture waits for a later one: annex E."""
    bits.fields((1, 1), (1, 1), (1, 8), (0, 1))
    bits.fields((1, 1), (5, 3), (0, 1), (1, 1), (_SDTV, 8), (_SDTV, 8), (_SDTV, 8), (0, 1))
    bits.fields((1, 1), (1, 32), (2 * rate, 32), (1, 1), (0, 3), (1, 1), (1, 1))
    bits.unsigned(0, 0, 11, 11, 0, 1)


def _unit(head: int, bits: Bits) -> bytes:
    bits.put(1, 1)  # rbsp_trailing_bits
    return bytes([head]) + _ESCAPED.sub(b"\x00\x00\x03", bits.to_bytes())
