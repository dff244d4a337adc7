"""The query strings of levers: matches, spans to wait, numbers."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from mockserver.control.levers import Problem
from mockserver.core.documents import DocumentCheck, DocumentError
from mockserver.core.durations import duration_s
from mockserver.core.errors import Invalid
from mockserver.core.matching import Match, read_match
from mockserver.http.request import Request
from mockserver.schemas import control_schema

MATCH_FIELDS = ("method", "path", "operation", "model", "key", "prompt", "status", "job", "fault", "body", "headers")
LONGEST_WAIT_S = 600.0
MOST = 10**9


def query_of(request: Request, *known: str) -> dict[str, str]:
    """The query's fields, all of them among *known*.

    Raises:
        Problem: 400 for another, or for one that stands twice.
    """
    try:
        sent = request.single_values()
    except Invalid as error:
        twice = ", ".join(error.details)
        raise Problem(400, "Invalid query", f"{twice}: want it once, percent-encoded UTF-8") from None
    for name in sent:
        if name not in known:
            raise Problem(400, "Invalid query", f'there is no "{name[:80]}"; there are {", ".join(known)}')
    return sent


def match_in(sent: Mapping[str, str]) -> Match:
    """The match of a query's fields; `body` and `headers` are JSON.

    Raises:
        Problem: 400.
    """
    fields: dict[str, Any] = {name: text for name, text in sent.items() if name in MATCH_FIELDS}
    for name in ("body", "headers"):
        if name in fields:
            try:
                fields[name] = json.loads(fields[name])
            except (ValueError, RecursionError):
                raise Problem(400, "Invalid query", f"{name}: want JSON") from None
    return match_of(fields)


def match_of(fields: Any, place: str = "") -> Match:
    """The match of a JSON value.

    Raises:
        Problem: 400 that names each mistake.
    """
    try:
        _check().check(fields)
    except DocumentError as error:
        raise Problem(400, "Invalid match", "; ".join(f"{place}{mistake}" for mistake in error.mistakes)) from None
    return read_match(fields)


def number_in(sent: Mapping[str, str], name: str, otherwise: int, least: int = 0) -> int:
    """A whole number of the query.

    Raises:
        Problem: 400 for anything else.
    """
    text = sent.get(name)
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdecimal() and len(text) < 12 and least <= int(text) <= MOST):  # noqa: PLR2004 - digits that are worth reading
        raise Problem(400, "Invalid query", f'{name}: "{text[:40]}" will not do: want a whole number from {least}')
    return int(text)


def patience_in(sent: Mapping[str, str]) -> float:
    """How many real seconds a long poll may take.

    Raises:
        Problem: 400.
    """
    return patience_s(sent.get("wait", "0s"))


def patience_s(text: str) -> float:
    """The seconds of a span that somebody wants to wait.

    Raises:
        Problem: 400.
    """
    try:
        return min(duration_s(text), LONGEST_WAIT_S)
    except ValueError:
        raise Problem(400, "Invalid wait", f'wait: "{text[:40]}" will not do: want a span, as in "5s"') from None


@cache
def _check() -> DocumentCheck:
    """Of a match alone, which has what one of a fault rule has but its `call`, and what is known afterwards."""
    schema = control_schema("fault")["properties"]["match"]
    text = {"type": "string", "minLength": 1}
    known = {name: field for name, field in schema["properties"].items() if name != "call"}
    seen = {
        "status": {
            "description": 'a status, as in 503, "4xx" or "none" for a connection that was dropped',
            "type": ["integer", "string"],
            "minimum": 100,
            "maximum": 999,
            "pattern": "^([1-9][0-9x][0-9x]|none)$",
        },
        "job": {"description": "the id of a job", **text},
        "fault": {"description": "the id of a fault rule", **text},
    }
    return DocumentCheck({**schema, "properties": {**known, **seen}})
