"""The journal as an HTTP Archive, which browsers' tools and many others open. Source: HAR 1.2."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from mockserver import __version__
from mockserver.control.records import answer_headers, sent_headers
from mockserver.core.instants import iso
from mockserver.journal import Entry
from mockserver.logs import masked

HTTP = "HTTP/1.1"
UNKNOWN = -1
"""HAR's way to say that a size or a time is not known."""


def har_of(entries: Iterable[Entry], origin: str) -> dict[str, Any]:
    """One log of all entries; *origin* is where the mock was reached."""
    creator = {"name": "apiframe-mockserver", "version": __version__}
    return {"log": {"version": "1.2", "creator": creator, "entries": [_entry(entry, origin) for entry in entries]}}


def _entry(entry: Entry, origin: str) -> dict[str, Any]:
    took_ms = round(entry.took_s * 1000, 3)
    return {
        "startedDateTime": iso(entry.at),
        "time": took_ms,
        "request": _request(entry, origin),
        "response": _response(entry),
        "cache": {},
        "timings": {"send": 0, "wait": took_ms, "receive": 0},
        "comment": ", ".join(f"fault {rule}" for rule in entry.fired),
    }


def _request(entry: Entry, origin: str) -> dict[str, Any]:
    query = masked(entry.target).partition("?")[2]
    headers = sent_headers(entry)
    request = {
        "method": entry.method,
        "url": origin + masked(entry.target) if entry.target.startswith("/") else masked(entry.target),
        "httpVersion": HTTP,
        "cookies": [],
        "headers": _pairs(headers),
        "queryString": [{"name": name, "value": value} for name, value in parse_qsl(query, keep_blank_values=True)],
        "headersSize": UNKNOWN,
        "bodySize": entry.body_bytes,
    }
    if entry.body:
        request["postData"] = {"mimeType": entry.header("content-type"), "text": _text(entry.body)}
    return request


def _response(entry: Entry) -> dict[str, Any]:
    headers = dict(answer_headers(entry))
    content = {"size": entry.content_bytes, "mimeType": entry.kind.decode("latin-1")}
    if entry.content:
        content["text"] = _text(entry.content)
    return {
        "status": entry.status or 0,
        "statusText": "",
        "httpVersion": HTTP,
        "cookies": [],
        "headers": _pairs(headers) if entry.status is not None else [],
        "content": content if entry.status is not None else {"size": 0, "mimeType": "x-unknown"},
        "redirectURL": "",
        "headersSize": UNKNOWN,
        "bodySize": entry.content_bytes if entry.status is not None else UNKNOWN,
    }


def _pairs(headers: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _text(body: bytes) -> str:
    return masked(body.decode("utf-8", "replace"))
