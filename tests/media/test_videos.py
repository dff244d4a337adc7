"""Videos: they play, look as was asked for, and are the same bytes each time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.media.sizes import video_size
from mockserver.media.videos import RATE, Video, draw
from tests.media.decoding import seen

FOX = Video("a1b2c3d4-e5f6-7890-abcd-ef1234567890", "some-model", "a fox in the snow", 1, 64, 96, 1)


@pytest.mark.parametrize("ratio", ["16:9", "9:16", "1:1", "21:9", "99:1"])
def test_every_picture_of_a_video_decodes(ratio: str) -> None:
    width, height = video_size({"aspect_ratio": ratio})
    content = draw(FOX._replace(width=width, height=height, prompt="a fox in the snow " * 9))
    video = seen(content)
    assert (video.size, video.profile, video.rate, video.seconds) == (
        (width, height),
        "Constrained Baseline",
        RATE,
        1,
    )
    assert len(video.pictures) == RATE
    assert len(set(video.pictures)) > RATE // 4
    assert len(content) < 60_000


def test_the_longest_video_is_small() -> None:
    content = draw(FOX._replace(width=320, height=320, prompt="a fox in the snow " * 9, seconds=4))
    assert len(content) < 60_000
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_same_video_is_the_same_bytes_and_every_other_looks_other() -> None:
    videos = [FOX._replace(job_id=job, number=number) for job in ("one", "two") for number in (1, 2)]
    contents = [draw(video) for video in videos]
    assert [draw(video) for video in videos] == contents
    assert len({seen(content).pictures[0] for content in contents}) == 4
    assert len({tuple(seen(content).pictures) for content in contents}) == 4


@settings(max_examples=15)
@given(st.text(), st.integers(16, 160), st.integers(16, 160))
def test_any_prompt_and_size_can_be_shown(prompt: str, half_width: int, half_height: int) -> None:
    video = seen(draw(FOX._replace(prompt=prompt, width=2 * half_width, height=2 * half_height)))
    assert (video.size, len(video.pictures)) == ((2 * half_width, 2 * half_height), RATE)
