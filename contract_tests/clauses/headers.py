"""HDR: what surrounds an answer, and what is said where nothing can be asked."""

import json
import re
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from contract_tests.clause import Level, Method, clause
from contract_tests.clauses.auth import UNKNOWN_ID, path_of, visits
from contract_tests.exchange import Exchange
from contract_tests.trial import NOT_FOUND, Trial
from contract_tests.watch import Look

METHOD_NOT_ALLOWED, FIRST_ERROR = 405, 400
REQUEST_ID = "x-request-id"
_API = "/v2/"
_BODILESS = (204, 304)
_CONVENTION = "convention"


def json_fault(exchange: Exchange, _: str = "") -> str | None:
    """What is wrong with an answer that should be JSON; none where nothing is, or where there is no body."""
    if exchange.status is None or not exchange.path.startswith(_API) or exchange.method == "HEAD":
        return None
    if exchange.error:
        return exchange.error
    if exchange.status in _BODILESS or not exchange.answer:
        return None
    return _type_fault(exchange.header("Content-Type") or "") or _text_fault(exchange.answer)


def _type_fault(declared: str) -> str | None:
    kind, _, parameters = declared.partition(";")
    if kind.strip().lower() != "application/json":
        return f'the content type is "{kind.strip()}"'
    charset = re.search(r"(?i)charset\s*=\s*[\"']?([^\s;\"']+)", parameters)
    if charset and charset[1].lower() not in ("utf-8", "utf8"):
        return f"the charset is {charset[1]}"
    return None


def _text_fault(raw: bytes) -> str | None:
    try:
        json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError:
        return "the body is no UTF-8"
    except (ValueError, RecursionError):
        return "the body is no JSON"
    return None


def _refuse(name: str) -> Any:
    raise ValueError(name)


@clause(
    "HDR-1",
    "An answer with a body is application/json in UTF-8, and as long as its Content-Length says.",
    level=Level.MUST,
    source="document, content of each answer",
    method=Method.PROPERTY,
    broken_by="json-as-text",
)
def bodies_are_json(trial: Trial) -> None:
    """Looks at every answer of the run; besides, calls each operation with good and bad keys, right and wrong."""
    for exchange in visits(trial):
        fault = json_fault(exchange)
        trial.require(fault is None, "an answer in JSON", exchange, cause=fault or "")


class RequestIds:
    """Remembers the x-request-id of every answer of one run."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, exchange: Exchange, _: str = "") -> str | None:
        """What is wrong with the answer's id; none where it is new."""
        if exchange.status is None or not exchange.path.startswith(_API):
            return None
        name = exchange.header(REQUEST_ID)
        if not name:
            return f"no {REQUEST_ID}"
        if name in self._seen:
            return f"the {REQUEST_ID} of an earlier answer"
        self._seen.add(name)
        return None


@clause(
    "HDR-2",
    "Every answer has an x-request-id that no other answer has.",
    level=Level.SHOULD,
    source="the vendor's client reads it; facts 4",
    method=Method.PROPERTY,
    broken_by="request-id-repeats",
)
def request_ids_are_unique(trial: Trial) -> None:
    """Looks at every answer of the run; besides, calls each operation with good and bad keys, right and wrong."""
    look = RequestIds()
    for exchange in visits(trial):
        fault = look(exchange)
        trial.require(fault is None, f"an {REQUEST_ID} of its own", exchange, cause=fault or "")


@clause(
    "HDR-3",
    "A method that a path does not have is answered with 405 and an Allow header that names those it has.",
    level=Level.SHOULD,
    source="RFC 9110, 15.5.6; facts 26, chosen",
    method=Method.EXAMPLE,
    broken_by="wrong-method-is-404",
)
def wrong_method_is_405(trial: Trial) -> None:
    """Tries the methods that no operation of a path has, without a body; on a real endpoint only PUT."""
    client = trial.client()
    tried = ("PUT",) if trial.session.target.is_paid else ("PUT", "PATCH", "DELETE", "POST", "GET")
    paths: dict[str, set[str]] = {}
    for operation in trial.contract.operations:
        paths.setdefault(path_of(operation), set()).add(operation.method)
    for path, methods in paths.items():
        for method in tried:
            if method in methods:
                continue
            answer = client.send(method, path)
            trial.refused(answer, METHOD_NOT_ALLOWED)
            allowed = {name.strip().upper() for name in (answer.header("Allow") or "").split(",")}
            wanted = ", ".join(sorted(methods))
            trial.require(methods <= allowed, f"{wanted} in Allow", answer, cause="Allow")
            trial.require(method not in allowed, f"no {method} in Allow", answer, cause="Allow")


@clause(
    "HDR-4",
    "A path that does not exist is answered with 404 and a JSON error.",
    level=Level.SHOULD,
    source=f"{_CONVENTION}; facts 26",
    method=Method.PROPERTY,
    broken_by="unknown-path-is-html",
)
def unknown_path_is_404(trial: Trial) -> None:
    """Asks for generated paths below /v2, next to those that exist and below them."""
    client = trial.client()
    words = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12).map("no-such-".__add__)
    places = st.sampled_from(["/v2/{}", "/v2/images/{}", f"/v2/jobs/{UNKNOWN_ID}/{{}}", "/v2/me/{}", "/v2/{}/jobs"])

    def check(path: str) -> None:
        answer = client.send("GET", path)
        trial.refused(answer, NOT_FOUND)
        fault = json_fault(answer)
        trial.require(fault is None, "an answer in JSON", answer, cause=fault or "")

    trial.each(st.builds(str.format, places, words), check)


FRAMEWORKS = re.compile(
    r"(?i)\b(aiohttp|python/\d|cpython|uvicorn|gunicorn|hypercorn|werkzeug|starlette|fastapi|django|flask|tornado|express|"
    r"koa|fastify|hono|next\.js|node\.js|php|asp\.net|kestrel|iis/\d|tomcat|jetty|spring|puma|passenger|rails|phusion|"
    r"openresty|nginx/\d|apache/\d|envoy/\d)\b"
)
TELLING_HEADERS = ("server", "via", "x-powered-by", "x-aspnet-version", "x-runtime", "x-generator")
TRACES = re.compile(
    r"Traceback \(most recent call last\)|File \\?\"[^\"\n]+\\?\", line \d+|"
    r"\bat [\w.$<>\[\] ]+ \(?[^\s()]+:\d+:\d+\)?|\bat [\w.$]+\(\w+\.java:\d+\)|"
    r"node_modules|site-packages|goroutine \d+ \[running\]|panic: |"
    r"\baiohttp\b|\bwerkzeug\b|\bZodError\b|\bPrisma\w*Error\b"
)


def telltale(exchange: Exchange, _: str = "") -> str | None:
    """What an answer says about how the server is made; none where it says nothing."""
    for name, value in exchange.answer_headers:
        if name.lower() == "x-powered-by" or (name.lower() in TELLING_HEADERS and FRAMEWORKS.search(value)):
            return f"the header {name} says {value[:60]}"
    if exchange.status is not None and exchange.status >= FIRST_ERROR:
        found = TRACES.search(exchange.answer.decode("utf-8", "replace"))
        if found:
            return f"the body says {found[0][:60]}"
    return None


@clause(
    "HDR-5",
    "No header and no error names the framework, its version or a place in the program.",
    level=Level.SHOULD,
    source=_CONVENTION,
    method=Method.PROPERTY,
    broken_by="server-named",
)
def server_is_discreet(trial: Trial) -> None:
    """Looks at every answer of the run; besides, calls each operation with good and bad keys, right and wrong."""
    for exchange in visits(trial):
        fault = telltale(exchange)
        trial.require(fault is None, "nothing about the server's make", exchange, cause=fault or "")


@clause(
    "HDR-6",
    "What HEAD, OPTIONS and a browser's preflight are answered is noted.",
    level=Level.RECORD,
    source="nobody says",
    method=Method.EXAMPLE,
    unbroken_because="nothing is promised",
)
def head_and_options_are_recorded(trial: Trial) -> None:
    """Sends HEAD and OPTIONS to each path, OPTIONS also as a browser's preflight, and a GET with an Origin."""
    client = trial.client()
    origin = ("Origin", "https://example.com")
    for operation in trial.contract.operations:
        path = path_of(operation)
        preflight = [origin, ("Access-Control-Request-Method", operation.method)]
        trial.record(f"OPTIONS {operation.path}", _noted(client.send("OPTIONS", path)))
        trial.record(f"preflight {operation.path}", _noted(client.send("OPTIONS", path, headers=preflight, key=None)))
        if operation.method == "GET":
            trial.record(f"HEAD {operation.path}", _noted(client.send("HEAD", path)))
    trial.record("GET from another origin", _noted(client.send("GET", "/v2/models", headers=[origin])))


def _noted(exchange: Exchange) -> dict[str, Any]:
    names = ("allow", "access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers")
    found = {name: exchange.header(name) for name in names}
    return {"status": exchange.status, **{name: value for name, value in found.items() if value is not None}}


WATCHERS: dict[str, Callable[[], Look]] = {
    "HDR-1": lambda: json_fault,
    "HDR-2": RequestIds,
    "HDR-5": lambda: telltale,
}
"""What looks at every exchange of a run, made anew for each run."""
