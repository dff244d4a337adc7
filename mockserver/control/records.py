"""Entries of the journal as JSON and as lines, with keys masked."""

import json
from collections.abc import Iterable
from typing import Any

from mockserver.core.accounts import shown_prefix
from mockserver.core.instants import iso
from mockserver.core.jsontext import parse
from mockserver.journal import Entry
from mockserver.logs import masked

SECRET_HEADERS = frozenset({"x-api-key", "authorization", "proxy-authorization", "cookie", "x-mock-token"})


def shown(entry: Entry, findings: Iterable[str]) -> dict[str, Any]:
    """An entry as GET /_mock/requests shows it, with the ids of the findings that name it."""
    caller = entry.caller
    return {
        "number": entry.number,
        "at": iso(entry.at),
        "seconds": round(entry.took_s, 6),
        "id": entry.id,
        "method": entry.method,
        "path": masked(entry.target),
        "operation": entry.operation or None,
        "key": caller and {"prefix": caller.key.prefix, "name": caller.key.name, "teamId": caller.team.id},
        "request": {
            "headers": sent_headers(entry),
            "body": value_of(entry.body),
            "bytes": entry.body_bytes,
        },
        "answer": None
        if entry.status is None
        else {
            "status": entry.status,
            "headers": dict(answer_headers(entry)),
            "body": value_of(entry.content),
            "bytes": entry.content_bytes,
        },
        "jobId": entry.job_id or None,
        "replayed": entry.is_replay,
        "credits": entry.cost,
        "faults": list(entry.fired),
        "findings": list(findings),
    }


def line(entry: Entry) -> str:
    """Method, address and status."""
    status = "no answer" if entry.status is None else str(entry.status)
    return f"{entry.method} {masked(entry.target)[:200]} -> {status}"


def sent_headers(entry: Entry) -> dict[str, str]:
    """The request's headers, those that stand twice joined, with keys masked."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in entry.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        shown_value = hidden(value) if name.lower() in SECRET_HEADERS else masked(value)
        headers[name] = f"{headers[name]}, {shown_value}" if name in headers else shown_value
    return headers


def answer_headers(entry: Entry) -> list[tuple[str, str]]:
    """The answer's headers, those left out that every answer carries."""
    kind = entry.kind.decode("latin-1")
    return [("Content-Type", kind), ("x-request-id", entry.id), *entry.answer_headers]


def hidden(secret: str) -> str:
    """What may be shown of a header that carries a secret: its scheme and a start."""
    scheme, space, rest = secret.rpartition(" ")
    return f"{scheme}{space}{shown_prefix(rest)}…"


def value_of(body: bytes) -> Any:
    """A body as JSON: its value, or its text where it is no JSON that can be told; none where there is none."""
    if not body:
        return None
    try:
        value = parse(body).value
        json.dumps(_deeper(value), allow_nan=False)
    except (ValueError, RecursionError):
        return masked(body.decode("utf-8", "replace"))
    return json.loads(masked(json.dumps(value))) if b"afk_" in body else value


def _deeper(value: Any) -> Any:
    """The value as deep as the answers stand that tell it."""
    for _ in range(20):
        value = [value]
    return value
