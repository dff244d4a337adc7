"""One request with its answer, as sent and as received."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SHOWN_BODY = 300
KEY_HEADER = "X-API-Key"
_UNREAD = object()


@dataclass(slots=True)
class Exchange:
    """What was sent, and what came back: an answer, or an error instead of one."""

    method: str
    url: str
    path: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None
    status: int | None = None
    answer_headers: Sequence[tuple[str, str]] = ()
    answer: bytes = b""
    error: str | None = None
    timed_out: bool = False
    took_s: float = 0.0
    _value: Any = field(default=_UNREAD, repr=False)

    def header(self, name: str) -> str | None:
        """The first answer header of that name, in any case."""
        return next((value for known, value in self.answer_headers if known.lower() == name.lower()), None)

    @property
    def value(self) -> Any:
        """The answer's JSON value; none where it is no JSON."""
        if self._value is _UNREAD:
            try:
                self._value = json.loads(self.answer)
            except (ValueError, RecursionError):
                self._value = None
        return self._value

    @property
    def fields(self) -> Mapping[str, Any]:
        """The answer's JSON object; empty where it is none."""
        value = self.value
        return value if isinstance(value, dict) else {}

    @property
    def summary(self) -> str:
        """Status and the start of the body, on one line."""
        if self.status is None:
            return f"no answer: {self.error}"
        text = " ".join(self.answer[: 4 * SHOWN_BODY].decode("utf-8", "replace").split())
        more = "..." if len(text) > SHOWN_BODY else ""
        broken = f" ({self.error})" if self.error else ""
        return f"{self.status} {text[:SHOWN_BODY]}{more}{broken}".rstrip()

    @property
    def asked(self) -> str:
        """Method, path and the start of the body, on one line."""
        text = "" if self.body is None else " " + self.body[:SHOWN_BODY].decode("utf-8", "backslashreplace")
        more = "..." if len(self.body or b"") > SHOWN_BODY else ""
        key = next((f" [Idempotency-Key: {v[:40]}]" for k, v in self.headers if k.lower() == "idempotency-key"), "")
        return f"{self.method} {self.path[:SHOWN_BODY]}{key}{' '.join(text.splitlines())}{more}"

    def curl(self, secrets: Mapping[str, str]) -> str:
        """A line that repeats the request; *secrets* gives the variable that stands for a value."""
        parts = ["curl", "-sS", "-i"]
        if self.method == "HEAD":
            parts.append("-I")
        elif self.method != ("GET" if self.body is None else "POST"):
            parts += ["-X", self.method]
        parts += [part for name, value in self.headers for part in _curl_header(name, value, secrets)]
        if self.body is not None:
            text = self.body.decode("utf-8", "surrogateescape")
            if text.isprintable() and len(text) < 20_000:  # noqa: PLR2004 - what a shell takes with ease
                parts += ["--data-binary", shlex.quote(text)]
            else:
                parts += ["--data-binary", "@body.bin"]
        return " ".join([*parts, shlex.quote(self.url)])

    def shown(self, secrets: Mapping[str, str]) -> dict[str, Any]:
        """As the report keeps it; headers that hold a secret hold the name of its variable."""
        answer = None
        if self.status is not None:
            answer = {
                "status": self.status,
                "headers": [list(pair) for pair in self.answer_headers],
                "body": self.answer[:100_000].decode("utf-8", "replace"),
            }
        return {
            "request": {
                "method": self.method,
                "url": self.url,
                "headers": [[name, secrets.get(value, value)] for name, value in self.headers],
                "body": (self.body or b"")[:100_000].decode("utf-8", "replace"),
            },
            "answer": answer,
            "error": self.error,
            "tookS": round(self.took_s, 4),
        }


def _curl_header(name: str, value: str, secrets: Mapping[str, str]) -> list[str]:
    if value in secrets:
        return ["-H", f'"{name}: {secrets[value]}"']
    return ["-H", shlex.quote(f"{name}: {value}" if value else f"{name};")]
