"""Pictures: their bytes, and that nothing in a request can break them."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mockserver.media.pictures import Picture, draw, draw_cover, draw_grid

FOX = Picture("a1b2c3d4-e5f6-7890-abcd-ef1234567890", "some-model", "a fox in the snow", 1, 256, 128)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_the_same_picture_is_the_same_png() -> None:
    content = draw(FOX)
    assert draw(FOX) == content
    assert (opened(content).format, opened(content).size) == ("PNG", (256, 128))


def test_pictures_of_one_job_differ_in_colour() -> None:
    corners = {opened(draw(FOX._replace(number=number))).getpixel((0, 0)) for number in range(1, 5)}
    assert len(corners) == 4


def test_a_grid_is_the_composite_of_its_four_pictures() -> None:
    four = [FOX._replace(number=number) for number in range(1, 5)]
    grid = opened(draw_grid(four))
    assert grid.size == (512, 256)
    for place, picture in enumerate(four):
        left, top = place % 2 * 256, place // 2 * 128
        assert grid.crop((left, top, left + 256, top + 128)).tobytes() == opened(draw(picture)).tobytes()


def test_a_cover_is_a_jpeg_that_is_the_same_each_time() -> None:
    cover = FOX._replace(name="cover", number=0, width=512, height=512)
    content = draw_cover(cover)
    assert draw_cover(cover) == content
    assert (opened(content).format, opened(content).size) == ("JPEG", (512, 512))
    assert len(content) < 60_000
    assert draw_cover(cover._replace(number=1)) != content


@settings(max_examples=40, deadline=None)
@given(st.text(), st.sampled_from([(64, 64), (64, 1024), (512, 64)]))
def test_any_prompt_can_be_drawn(prompt: str, size: tuple[int, int]) -> None:
    picture = FOX._replace(prompt=prompt, width=size[0], height=size[1])
    assert opened(draw(picture)).size == size


@pytest.mark.parametrize(
    "prompt", ["", " ", "x" * 5000, "\ud800\udfff", "\x00\x1b[31m", "שלום עולם", "😀" * 2000, "a " * 2500]
)
def test_a_hostile_prompt_can_be_drawn(prompt: str) -> None:
    assert opened(draw(FOX._replace(prompt=prompt))).size == (256, 128)
