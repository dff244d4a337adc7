"""What parsers of JSON and TOML let through, and a document cannot hold."""

import math
from collections.abc import Iterator
from typing import Any


def strangers(value: Any, place: str = "") -> Iterator[str]:
    """A line for each date, endless number and broken text in a parsed value, with its place and what is wanted."""
    match value:
        case dict():
            for name, each in value.items():
                yield from strangers(each, f"{place}.{name}" if place else name)
        case list():
            for number, each in enumerate(value):
                yield from strangers(each, f"{place}[{number}]")
        case float() if not math.isfinite(value):
            yield f"{place}: {value} will not do: want a number"
        case str() if not (value.isascii() or _is_whole(value)):
            yield f"{place}: {ascii(value)[:80]} will not do: want whole characters, not half of a pair"
        case None | bool() | int() | float() | str():
            return
        case _:
            yield f"{place}: {value} will not do: want a text, in quotes"


def _is_whole(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)
