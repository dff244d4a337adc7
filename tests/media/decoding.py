"""Opens videos and tracks with a real decoder, which has nothing to complain about."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import av
import av.logging
from av.video.plane import VideoPlane


class Seen(NamedTuple):
    """A video as a decoder sees it."""

    size: tuple[int, int]
    profile: str
    rate: float
    """Pictures a second."""
    seconds: float
    times: list[float]
    pictures: list[tuple[bytes, bytes, bytes]]
    """The three planes of each."""


class Heard(NamedTuple):
    """A track as a decoder hears it."""

    codec: str
    rate: int
    channels: int
    seconds: float
    tags: dict[str, str]
    samples: list[float]


def seen(content: bytes) -> Seen:
    with _complaints() as complaints, av.open(io.BytesIO(content), "r") as file:
        [stream] = file.streams
        assert isinstance(stream, av.VideoStream)
        stream.codec_context.options = {"err_detect": "explode"}
        frames = list(file.decode(stream))
        assert all(frame.format.name == "yuv420p" for frame in frames)
        found = Seen(
            (stream.width, stream.height),
            str(stream.profile),
            float(stream.average_rate or 0),
            float((stream.duration or 0) * (stream.time_base or 0)),
            [float(frame.time or 0) for frame in frames],
            [_planes(frame) for frame in frames],
        )
    assert complaints == []
    return found


def heard(content: bytes) -> Heard:
    with _complaints() as complaints, av.open(io.BytesIO(content), "r") as file:
        stream = file.streams.audio[0]
        samples: list[float] = []
        for frame in file.decode(stream):
            samples += memoryview(frame.planes[0]).cast("B").cast("f")[: frame.samples]
        found = Heard(
            stream.codec.canonical_name,
            stream.rate or 0,
            stream.channels,
            (file.duration or 0) / 1_000_000,
            dict(file.metadata),
            samples,
        )
    assert complaints == []
    return found


def _planes(frame: av.VideoFrame) -> tuple[bytes, bytes, bytes]:
    luma, blue, red = map(_plane, frame.planes)
    return luma, blue, red


def _plane(plane: VideoPlane) -> bytes:
    content = bytes(plane)
    return b"".join(content[row * plane.line_size :][: plane.width] for row in range(plane.height))


@contextmanager
def _complaints() -> Iterator[list[str]]:
    complaints: list[str] = []
    before = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture(local=False) as captured:
            yield complaints
            complaints += [text for _, _, text in captured]
    finally:
        av.logging.set_level(before)
