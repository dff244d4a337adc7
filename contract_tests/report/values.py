"""Values of a report as JSON text, whatever they hold."""

import json
import math
from typing import Any

_LONGEST_INTEGER_BITS = 14_000
"""Python writes no more than 4,300 decimal digits."""


def as_text(value: Any) -> str:
    """*value* as a reader wants it: a text bare, anything else as JSON on one line."""
    if isinstance(value, str):
        return value
    return json.dumps(writable(value), ensure_ascii=False)


def writable(value: Any) -> Any:
    """*value* with what JSON cannot hold as text: an infinite number, one that is not a number, an endless integer."""
    match value:
        case dict():
            return {str(name): writable(item) for name, item in value.items()}
        case list() | tuple():
            return [writable(item) for item in value]
        case float() if not math.isfinite(value):
            return str(value)
        case int() if value.bit_length() > _LONGEST_INTEGER_BITS:
            return f"an integer of {value.bit_length()} bits"
        case _:
            return value
