"""The writer of H.264 and MP4: a decoder shows exactly the pictures that were written."""

import random
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.media.h264 import EDGE, Planes, first_picture, moved_picture, parameter_sets
from mockserver.media.mp4 import Film, file_of
from tests.media.decoding import seen

CELL = 8
"""A macroblock's chroma is so many samples wide."""


def planes(across: int, down: int, seed: int, kept: float) -> Planes:
    """Blocks of noise that holds many zeros; a share of them repeats what stands to its left."""
    chance = random.Random(seed)
    kinds = {(row, column): chance.random() < kept for row, column in product(range(down), range(across))}

    def plane(edge: int) -> bytes:
        rows = [bytearray(edge * across) for _ in range(edge * down)]
        for (row, column), repeats in kinds.items():
            for line in rows[row * edge : (row + 1) * edge]:
                left, start = line[max(0, column * edge - 1)], column * edge
                noise = bytes(chance.choice((0, 0, 0, 1, 3, 200, 255)) for _ in range(edge))
                line[start : start + edge] = bytes([left] * edge) if repeats else noise
        return b"".join(rows)

    return Planes(across * EDGE, down * EDGE, plane(EDGE), plane(CELL), plane(CELL))


def cropped(plane: bytes, across: int, width: int, height: int, shifts: list[int], edge: int) -> bytes:
    """What is seen of a plane whose rows of blocks are moved to the right; the outermost samples repeat."""
    shown = []
    for row in range(height):
        line = plane[row * across : (row + 1) * across]
        by = shifts[row // edge]
        shown.append(bytes(line[min(across - 1, max(0, x - by))] for x in range(width)))
    return b"".join(shown)


def expected(drawn: Planes, size: tuple[int, int], shifts: list[int]) -> tuple[bytes, bytes, bytes]:
    (width, height), half = size, [shift // 2 for shift in shifts]
    small = (drawn.width // 2, width // 2, height // 2, half, CELL)
    return (
        cropped(drawn.luma, drawn.width, width, height, shifts, EDGE),
        cropped(drawn.blue, *small),
        cropped(drawn.red, *small),
    )


@settings(max_examples=25)
@given(st.data())
def test_a_decoder_shows_exactly_what_was_written(data: st.DataObject) -> None:
    across, down = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    size = (across * EDGE - 2 * data.draw(st.integers(0, 7)), down * EDGE - 2 * data.draw(st.integers(0, 7)))
    drawn = planes(across, down, data.draw(st.integers(0, 99)), data.draw(st.sampled_from([0.0, 0.5, 0.9])))
    shift = st.integers(-50, 50).map(lambda half: 2 * half) | st.just(0)
    moves = data.draw(st.lists(st.lists(shift, min_size=down, max_size=down), max_size=3))
    units = [first_picture(drawn), *(moved_picture(number, move, across) for number, move in enumerate(moves, 1))]
    video = seen(file_of(Film(*size, 24, *parameter_sets(*size, 24), units)))
    assert video.size == size
    assert video.pictures == [expected(drawn, size, move) for move in [[0] * down, *moves]]


def test_pictures_follow_each_other_at_the_rate_that_the_file_names() -> None:
    units = [first_picture(planes(2, 2, 1, 0.5)), *(moved_picture(number, [2, 0], 2) for number in range(1, 400))]
    video = seen(file_of(Film(32, 32, 25, *parameter_sets(32, 32, 25), units)))
    assert (video.rate, video.seconds, len(video.pictures)) == (25, 16, 400)
    assert video.times == [number / 25 for number in range(400)]
