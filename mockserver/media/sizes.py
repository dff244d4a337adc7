"""The size and the length of a file, as the parameters of its job ask for them."""

import re
from collections.abc import Mapping, Sequence

LONGEST_EDGE = 1024
LEAST_EDGE = 64
MOST_EDGE = 4096
MOST_STRETCH = 16
_RATIO = re.compile(r"(\d{1,300}):(\d{1,300})", re.ASCII)  # a float holds what longer ones would come to
_PIXELS = re.compile(r"(\d{2,5})x(\d{2,5})", re.ASCII)
_NAMED_RATIO = re.compile(r"(?:portrait|landscape)_(\d{1,2})_(\d{1,2})", re.ASCII)
_EDGES = {"512px": 512, "1k": 1024, "2k": 2048, "4k": 4096, "square": 512, "square_hd": 1024}
_FACTOR_NAMES = ("upscale_factor", "scale_factor")
_SIZE_NAMES = ("resolution", "size", "image_size")

VIDEO_EDGE = 320
"""About the longer edge of a video: small, as no more is seen in a larger one."""
_VIDEO_EDGES = range(VIDEO_EDGE - 32, VIDEO_EDGE + 33, 2)
_MOST_VIDEO_STRETCH = 8
_WIDE = (16, 9)


def picture_size(parameters: Mapping[str, object]) -> tuple[int, int]:
    """Width and height that a parameter object asks for, each from 64 to 4,096 pixels.

    `width` and `height` where both are whole numbers; else a size such as `1024x768`; else `aspect_ratio` or a named
    size, on the edge that `1K`, `2K`, `4K` or `512px` name; else a square of 1,024. An upscale's factor enlarges it.
    """
    width, height = parameters.get("width"), parameters.get("height")
    if isinstance(width, int) and isinstance(height, int):
        return _bounded(width, height)
    texts = [value.lower() for name in _SIZE_NAMES if isinstance(value := parameters.get(name), str)]
    for text in texts:
        if pixels := _PIXELS.fullmatch(text):
            return _bounded(int(pixels[1]), int(pixels[2]))
    edge = next((_EDGES[text] for text in texts if text in _EDGES), LONGEST_EDGE)
    factors = (parameters.get(name) for name in _FACTOR_NAMES)
    edge = min(MOST_EDGE, edge * next((factor for factor in factors if isinstance(factor, int)), 1))
    across, down = _ratio(parameters.get("aspect_ratio"), texts)
    stretch = min(MOST_STRETCH, max(across, down) / min(across, down))
    short = max(LEAST_EDGE, round(edge / stretch / 8) * 8)
    return (edge, short) if across > down else (short, edge)


def video_size(parameters: Mapping[str, object]) -> tuple[int, int]:
    """Width and height of a video of the `aspect_ratio` that is asked for, both even; 16:9 where it names none.

    Among sizes whose longer edge is about 320 pixels, the one that meets the ratio best. Nothing is longer than eight
    times its width.
    """
    across, down = _ratio(parameters.get("aspect_ratio"), (), _WIDE)
    stretch = min(_MOST_VIDEO_STRETCH, max(across, down) / min(across, down))
    edges = [(edge, 2 * round(edge / stretch / 2)) for edge in _VIDEO_EDGES]
    long, short = min(edges, key=lambda edge: (abs(edge[0] / edge[1] - stretch), abs(edge[0] - VIDEO_EDGE)))
    return (long, short) if across >= down else (short, long)


def seconds(parameters: Mapping[str, object], most: int) -> int:
    """Whole seconds from 1 to *most* that stand for the `duration` or `music_length_ms` that is asked for.

    *most* where neither is.
    """
    length, milliseconds = parameters.get("duration"), parameters.get("music_length_ms")
    if isinstance(milliseconds, int | float):
        length = milliseconds / 1000
    return int(max(1, min(most, length))) if isinstance(length, int | float) else most


def _ratio(asked: object, texts: Sequence[str], default: tuple[int, int] = (1, 1)) -> tuple[int, int]:
    found = _RATIO.fullmatch(asked) if isinstance(asked, str) else None
    found = found or next(filter(None, map(_NAMED_RATIO.fullmatch, texts)), None)
    if found is None:
        return default
    first, second = int(found[1]), int(found[2])
    if not first or not second:
        return default
    return (second, first) if found[0].startswith("portrait") and first > second else (first, second)


def _bounded(width: int, height: int) -> tuple[int, int]:
    return min(MOST_EDGE, max(LEAST_EDGE, width)), min(MOST_EDGE, max(LEAST_EDGE, height))
