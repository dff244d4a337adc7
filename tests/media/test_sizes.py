"""Sizes and lengths: what is asked for, within bounds, whatever a request holds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.media.sizes import LEAST_EDGE, MOST_EDGE, picture_size, seconds, video_size


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
        ({"upscale_factor": 2}, (2048, 2048)),
        ({"scale_factor": 8}, (4096, 4096)),
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
    assert picture_size(parameters) == size


names = st.sampled_from(["width", "height", "aspect_ratio", "size", "resolution", "image_size"])
values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.from_regex(r"\d+[:x]\d+"))


@given(st.dictionaries(names, values))
def test_no_parameters_give_a_size_out_of_bounds(parameters: dict[str, Any]) -> None:
    assert all(LEAST_EDGE <= edge <= MOST_EDGE for edge in picture_size(parameters))


@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        ("16:9", (320, 180)),
        ("9:16", (180, 320)),
        ("1:1", (320, 320)),
        ("4:3", (320, 240)),
        ("2:3", (212, 318)),
        ("21:9", (322, 138)),
        ("9:21", (138, 322)),
        ("7:5", (322, 230)),
        ("1:999", (40, 320)),
        ("9" * 300 + ":1", (320, 40)),
        ("adaptive", (320, 180)),
        ("auto", (320, 180)),
        ("0:0", (320, 180)),
        (None, (320, 180)),
        (["16:9"], (320, 180)),
    ],
)
def test_a_video_has_the_ratio_that_was_asked_for(ratio: object, size: tuple[int, int]) -> None:
    assert video_size({"aspect_ratio": ratio}) == size


@given(st.integers(1, 99), st.integers(1, 99))
def test_the_ratio_of_a_video_is_met_to_a_hundredth(across: int, down: int) -> None:
    width, height = video_size({"aspect_ratio": f"{across}:{down}"})
    wanted = min(8, max(1 / 8, across / down))
    assert (width % 2, height % 2) == (0, 0)
    assert width / height == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize(
    ("parameters", "length"),
    [
        ({}, 4),
        ({"duration": 3}, 3),
        ({"duration": 2.9}, 2),
        ({"duration": 15}, 4),
        ({"duration": 0}, 1),
        ({"duration": -1e400}, 1),
        ({"duration": 1e400}, 4),
        ({"duration": 10**400}, 4),
        ({"duration": "2"}, 4),
        ({"music_length_ms": 3000}, 3),
        ({"music_length_ms": 300_000, "duration": 1}, 4),
    ],
)
def test_a_length_stands_for_the_one_that_was_asked_for(parameters: dict[str, Any], length: int) -> None:
    assert seconds(parameters, 4) == length
