"""How Python values and those of the wire turn into each other."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from mockserver.core.durations import duration_s

Span = str | float | timedelta
"""A length of time: `"30s"`, `"500ms"`, `"2m"`, a number of seconds, or a timedelta."""


class Headers(Mapping[str, str]):
    """Headers by name, in any case."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._shown = dict(headers)
        self._values = {name.lower(): value for name, value in headers.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shown)

    def __len__(self) -> int:
        return len(self._shown)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __repr__(self) -> str:
        return repr(self._shown)


def seconds(span: Span) -> float:
    """How many they are.

    Raises:
        ValueError: a text of another form.
    """
    if isinstance(span, timedelta):
        return span.total_seconds()
    return duration_s(span) if isinstance(span, str) else float(span)


def span_text(span: Span) -> str:
    """As the control plane reads it; a text stays as it is."""
    return span if isinstance(span, str) else f"{seconds(span):.6f}".rstrip("0").rstrip(".") + "s"


def instant(text: str) -> datetime:
    """An instant of the wire, in UTC."""
    return datetime.fromisoformat(text)


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are given."""
    return {name: value for name, value in fields.items() if value is not None}
