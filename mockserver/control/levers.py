"""What the levers act on, and the one way in which they are guarded, read and answered."""

import hmac
import ipaddress
from collections.abc import Callable
from typing import Any, NamedTuple

from mockserver.clock import Clock
from mockserver.core.catalog import Schema
from mockserver.core.errors import MethodNotAllowed, PathNotFound, Refusal
from mockserver.core.jsontext import Parsed, encode, parse
from mockserver.core.validation import SchemaCheck, details_of
from mockserver.findings.findings import Findings
from mockserver.http.answers import Answer, Headers
from mockserver.http.request import Request
from mockserver.journal import Journal
from mockserver.scenarios.stage import Stage
from mockserver.service import Service
from mockserver.settings import Settings
from mockserver.sharing import Sharing
from mockserver.stats import Stats
from mockserver.stores.protocol import Store, StoreDown
from mockserver.webhooks import Deliverer

PREFIX = "/_mock"
_PROBLEM = b"application/problem+json"
_LOOPBACK_NAMES = ("localhost", "")


class Problem(Refusal):
    """An error of the control plane itself, as RFC 9457 writes it."""

    def __init__(self, status: int, title: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.more = status, title, detail, more


class Levers(NamedTuple):
    """The parts of a running mock."""

    service: Service
    store: Store
    clock: Clock
    deliverer: Deliverer
    journal: Journal
    stats: Stats
    findings: Findings
    stage: Stage
    settings: Settings
    sharing: Sharing
    start_over: Callable[[], Any]
    """Coroutine function: everything back to the configured start."""


def refuse(refusal: Refusal, request: Request) -> Answer:
    """The problem body for a refusal."""
    headers: Headers = ()
    match refusal:
        case Problem(status=status, title=title, detail=detail, more=more):
            pass
        case PathNotFound():
            status, title, detail, more = 404, "Not found", f"{request.path_text[:200]} is no lever of the mock", {}
        case MethodNotAllowed(allowed=allowed):
            status, title, more = 405, "Method not allowed", {}
            detail = f"{request.method} is not possible here; {', '.join(allowed)} are"
            headers = (("Allow", ", ".join(allowed)),)
        case StoreDown():
            status, title, detail, more = 503, "Store down", str(refusal), {}
        case _:
            status, title, detail, more = 400, "Bad request", str(refusal) or type(refusal).__name__, {}
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Answer(status, encode(body), headers, content_type=_PROBLEM)


def guard(settings: Settings, request: Request) -> Answer | None:
    """Whether the caller may move levers: with the token where one is set, else from this machine alone.

    A page of another origin may not: its `Origin` differs from the address that it calls, or that address is a name
    that only pretends to be this machine.
    """
    problem = _denial(settings, request)
    return None if problem is None else refuse(problem, request)


def _denial(settings: Settings, request: Request) -> Problem | None:
    if settings.admin_token:
        sent = request.headers.get("X-Mock-Token", "")
        if hmac.compare_digest(sent.encode("utf-8", "surrogateescape"), settings.admin_token.encode()):
            return None
        return Problem(401, "Token required", "send the server's --admin-token in the header X-Mock-Token")
    if not _is_loopback(settings.host) or not _is_loopback(request.remote or ""):
        return Problem(
            403, "Control plane closed", "without --admin-token only this machine may use it, on a loopback --host"
        )
    host = request.headers.get("Host", "")
    origin = request.headers.get("Origin")
    if not _is_loopback(_host_name(host)) or (origin is not None and origin.partition("://")[2] != host):
        return Problem(403, "Control plane closed", "a page of another origin may not use it")
    return None


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host.lower() in _LOOPBACK_NAMES or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Body:
    """Reads a lever's JSON body by its schema."""

    def __init__(self, **properties: Schema) -> None:
        self._properties = properties
        self._check = SchemaCheck({"type": "object", "properties": properties, "additionalProperties": False})

    async def read(self, request: Request) -> dict[str, Any]:
        """The body; an empty one is `{}`.

        Raises:
            Problem: 400, with `errors` by field and what the lever knows.
        """
        parsed = await _parsed(request)
        problems = self._check.problems(parsed)
        if problems:
            errors = details_of(problems)
            known = ", ".join(self._properties)
            detail = f"{'; '.join(f'{path}: {texts[0]}' for path, texts in errors.items())}. Known fields: {known}"
            raise Problem(400, "Invalid body", detail, errors=errors)
        body: dict[str, Any] = parsed.value
        return body


async def json_of(request: Request) -> Any:
    """The JSON value of a body that has a schema of its own.

    Raises:
        Problem: 400 for what is no JSON.
    """
    return (await _parsed(request)).value


async def _parsed(request: Request) -> Parsed:
    raw = await request.body_bytes()
    try:
        return parse(raw or b"{}")
    except ValueError as error:
        raise Problem(400, "Invalid JSON", f"the body cannot be read: {error}") from None


def answer(value: Any, status: int = 200) -> Answer:
    """A lever's answer."""
    return Answer(status, encode(value))
