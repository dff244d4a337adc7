"""Fixtures as text: JSON that a person can read, the same bytes every time."""

import json
from typing import Any

WIDTH = 120


def text_of(value: Any) -> str:
    """The value as JSON in lines of at most 120 characters where that is possible, with a line break at the end."""
    return _lines(value, "", 0) + "\n"


def _lines(value: Any, indent: str, before: int) -> str:
    """The value, which follows *before* characters of its line."""
    flat = json.dumps(value, ensure_ascii=False)
    if not (isinstance(value, (dict, list)) and value) or len(indent) + before + len(flat) < WIDTH:
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        heads = [f"{json.dumps(name, ensure_ascii=False)}: " for name in value]
        rows = [head + _lines(item, inner, len(head)) for head, item in zip(heads, value.values(), strict=True)]
    else:
        rows = [_lines(item, inner, 0) for item in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}\n" + ",\n".join(inner + row for row in rows) + f"\n{indent}{last}"
