"""Which requests are meant, by faults, journal and verification, and why a request misses it."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from mockserver.core.accounts import shown_prefix
from mockserver.core.jsontext import encode
from mockserver.core.messages import shortened
from mockserver.core.signing import key_digest

NO_ANSWER = "none"
"""The status of a request whose connection was dropped."""
ABSENT = "nothing"


class Seen(NamedTuple):
    """What there is to know of one request; what is not known yet is empty."""

    method: str
    path: str
    """Without the query."""
    operation: str = ""
    digest: str = ""
    """SHA-256 of the API key."""
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    body: Any = None
    """The JSON value."""
    status: int | None = None
    job_id: str = ""
    fired: Sequence[str] = ()
    """The rules whose faults it met."""
    model: str = ""
    """Of the job that is asked for, where it does not stand in the body."""

    @property
    def prompt(self) -> str:
        """What the job is asked to show: beside the model, or in the parameter object."""
        body = self.body if isinstance(self.body, dict) else {}
        places = [body, *(value for value in body.values() if isinstance(value, dict))]
        return next(filter(None, (_text(place.get("prompt")) for place in places)), "")


class Match(NamedTuple):
    """Every part that is set has to fit; `*` in a text stands for any text."""

    method: str = ""
    path: str = ""
    operation: str = ""
    model: str = ""
    digest: str = ""
    key_prefix: str = ""
    """What may be shown of the key."""
    prompt: str = ""
    """A part of the prompt, in either case."""
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    status: str = ""
    job_id: str = ""
    fault: str = ""

    @property
    def needs_body(self) -> bool:
        """Whether the request's body has to be known."""
        return bool(self.model or self.prompt or self.body is not None)


class Difference(NamedTuple):
    """One part that does not fit."""

    field: str
    wanted: str
    got: str


def read_match(fields: Mapping[str, Any]) -> Match:
    """A match from its JSON form, which is valid by its schema; `call` is not for this."""
    key = fields.get("key", "")
    return Match(
        method=fields.get("method", "").upper(),
        path=fields.get("path", ""),
        operation=fields.get("operation", ""),
        model=fields.get("model", ""),
        digest=key_digest(key) if key else "",
        key_prefix=shown_prefix(key) if key else "",
        prompt=fields.get("prompt", ""),
        body=fields.get("body"),
        headers=tuple((name.lower(), text) for name, text in fields.get("headers", {}).items()),
        status=str(fields.get("status", "")).lower(),
        job_id=fields.get("job", "").lower(),
        fault=fields.get("fault", ""),
    )


def differences(match: Match, seen: Seen) -> list[Difference]:
    """Every part of the match that the request does not fit; none for a request that is meant."""
    body = seen.body if isinstance(seen.body, dict) else {}
    texts = [
        ("method", match.method, seen.method),
        ("path", match.path, seen.path),
        ("operation", match.operation, seen.operation),
        ("model", match.model, seen.model or _text(body.get("model"))),
        ("job", match.job_id, seen.job_id),
        *((f"headers.{name}", wanted, seen.headers.get(name, "")) for name, wanted in match.headers),
    ]
    found = [Difference(field, wanted, got or ABSENT) for field, wanted, got in texts if not _is_like(wanted, got)]
    prompt = seen.prompt if match.prompt else ""
    if match.prompt and not _pattern(f"*{match.prompt}*", re.IGNORECASE).fullmatch(prompt):
        found.append(Difference("prompt", match.prompt, shortened(prompt) or ABSENT))
    if match.digest and match.digest != seen.digest:
        found.append(Difference("key", f"{match.key_prefix}…", "another key" if seen.digest else "no known key"))
    if match.status and not _has_status(match.status, seen.status):
        found.append(Difference("status", match.status, _status(seen.status)))
    if match.fault and not any(_is_like(match.fault, rule) for rule in seen.fired):
        found.append(Difference("fault", match.fault, ", ".join(seen.fired) or ABSENT))
    if match.body is not None:
        found += _body_differences("body", match.body, seen.body)
    return found


def _body_differences(place: str, wanted: Any, got: Any) -> list[Difference]:
    """Where *got* lacks something of *wanted*: objects may have more fields, all else has to be equal."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        found = []
        for name, value in wanted.items():
            if name in got:
                found += _body_differences(f"{place}.{name}", value, got[name])
            else:
                found.append(Difference(f"{place}.{name}", _shown(value), ABSENT))
        return found
    is_equal = wanted == got and isinstance(wanted, bool) == isinstance(got, bool)
    return [] if is_equal else [Difference(place, _shown(wanted), ABSENT if got is None else _shown(got))]


def _is_like(wanted: str, got: str) -> bool:
    if not wanted:
        return True
    return wanted == got if "*" not in wanted else bool(got) and bool(_pattern(wanted).fullmatch(got))


@lru_cache(maxsize=1024)
def _pattern(text: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    parts = [re.escape(part) for part in re.split(r"\*+", text)]
    return re.compile(".*".join(parts), flags | re.DOTALL)


def _has_status(wanted: str, got: int | None) -> bool:
    if got is None:
        return wanted == NO_ANSWER
    return wanted in (str(got), f"{got // 100}xx")


def _status(got: int | None) -> str:
    return NO_ANSWER if got is None else str(got)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _shown(value: Any) -> str:
    return shortened(encode(value).decode())
