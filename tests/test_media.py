"""Pictures: their size, their bytes, and that nothing in a request can break them."""

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mockserver.media import LEAST_EDGE, MOST_EDGE, Picture, draw, draw_grid, size_of

FOX = Picture("a1b2c3d4-e5f6-7890-abcd-ef1234567890", "some-model", "a fox in the snow", 1, 256, 128)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ({}, (1024, 1024)),
        ({"aspect_ratio": "16:9"}, (1024, 576)),
        ({"aspect_ratio": "9:16"}, (576, 1024)),
        ({"aspect_ratio": "999999999:1"}, (1024, 64)),
        ({"aspect_ratio": "1:" + "9" * 300}, (64, 1024)),
        ({"aspect_ratio": "1:1", "resolution": "2K"}, (2048, 2048)),
        ({"aspect_ratio": "2:1", "image_size": "512px"}, (512, 256)),
        ({"width": 800, "height": 600, "aspect_ratio": "16:9"}, (800, 600)),
        ({"width": 800, "aspect_ratio": "16:9"}, (1024, 576)),
        ({"size": "640x480"}, (640, 480)),
        ({"image_size": "square"}, (512, 512)),
        ({"image_size": "square_hd"}, (1024, 1024)),
        ({"image_size": "portrait_4_3"}, (768, 1024)),
        ({"image_size": "landscape_16_9"}, (1024, 576)),
        ({"aspect_ratio": "999999:1"}, (1024, 64)),
        ({"aspect_ratio": "0:1"}, (1024, 1024)),
        ({"aspect_ratio": "9" * 5000 + ":1"}, (1024, 1024)),
        ({"aspect_ratio": "match_input_image"}, (1024, 1024)),
        ({"width": 1, "height": 99_999}, (64, 4096)),
    ],
)
def test_a_picture_has_the_size_that_was_asked_for(parameters: dict[str, Any], size: tuple[int, int]) -> None:
    assert size_of(parameters) == size


names = st.sampled_from(["width", "height", "aspect_ratio", "size", "resolution", "image_size"])
values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.from_regex(r"\d+[:x]\d+"))


@given(st.dictionaries(names, values))
def test_no_parameters_give_a_size_out_of_bounds(parameters: dict[str, Any]) -> None:
    assert all(LEAST_EDGE <= edge <= MOST_EDGE for edge in size_of(parameters))


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
