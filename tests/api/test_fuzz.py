"""Generated requests: whatever is sent, no 5xx, and every refusal is a JSON object with a text in `error`."""

import asyncio
import json
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.core.samples import sample_body
from mockserver.schemas import catalog
from mockserver.settings import Settings
from tests.api.wire import HEAD, MOST_BYTES, REQUEST_ID, Reply, asked, get, post
from tests.conftest import START

FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CONTROL_BYTES = bytes([*range(32), 127])
MODELS = {id_: model for id_, model in catalog().models["images.generate"].items() if not model.lora}


class Target:
    """A server that blocking code talks to."""

    def __init__(self, runner: asyncio.Runner, app: App) -> None:
        self.runner, self.app = runner, app

    def ask(self, data: bytes) -> Reply:
        """The answer on a connection of its own, held to what every answer must be."""
        reply = self.runner.run(asked(self.app.url, data))
        assert reply.status < 500, reply
        assert REQUEST_ID.fullmatch(reply.headers["x-request-id"])
        assert reply.headers["content-type"] == "application/json; charset=utf-8"
        if reply.status >= 300:
            assert len(reply.body) < MOST_BYTES
            assert isinstance(reply.json["error"], str)
        return reply

    def balance(self) -> int:
        credit: int = self.runner.run(asked(self.app.url, get(b"/v2/me"))).json["team"]["credits"]
        return credit


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with asyncio.Runner() as runner:
        app = App(Settings(port=0, seed=7), Clock(START, is_frozen=True))
        runner.run(app.start())
        yield Target(runner, app)
        runner.run(app.close())


texts = st.text(max_size=20) | st.sampled_from(["", "a fox", "flux-2-pro", "1:1", "\ud800", "🦊" * 1001, "x" * 2001])
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0, -1, 2**53, 1e308, 0.5])
scalars = st.none() | st.booleans() | numbers | texts
names = texts | st.sampled_from(["prompt", "model", "webhookUrl", "webhookEvents", "fluxParams", "__proto__"])
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4))


@st.composite
def nearly_valid(draw: st.DrawFn) -> Any:
    """A valid body with one to three things in it changed, added or left out."""
    model = MODELS[draw(st.sampled_from(list(MODELS)))]
    body: dict[str, Any] = sample_body(model, "a fox", every=True, chance=lambda: 0.3)
    for _ in range(draw(st.integers(1, 3))):
        node = body
        parameters = body.get(model.parameters_name)
        if isinstance(parameters, dict) and draw(st.booleans()):
            node = parameters
        name = draw(st.sampled_from([*node, "webhookUrl", "webhookEvents", "foo"]))
        if draw(st.booleans()):
            node.pop(name, None)
        else:
            node[name] = draw(values)
    return body


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@FUZZ
@given(body=values | nearly_valid())
def test_any_json_is_accepted_or_refused_with_details_and_only_what_is_accepted_is_charged(
    body: Any, target: Target
) -> None:
    before = target.balance()
    reply = target.ask(post(encoded(body)))
    assert reply.status in {202, 400}
    if reply.status == 400:
        assert reply.json["error"] == "Validation error"
        assert reply.json["details"]
    assert (target.balance() < before) is (reply.status == 202)


@FUZZ
@given(body=nearly_valid(), data=st.data())
def test_damaged_json_is_never_an_error_of_ours(body: Any, data: st.DataObject, target: Target) -> None:
    raw = encoded(body)
    at = data.draw(st.integers(0, len(raw)))
    raw = raw[:at] + data.draw(st.binary(max_size=5)) + raw[at + data.draw(st.integers(0, 5)) :]
    assert target.ask(post(raw)).status in {202, 400}


@FUZZ
@given(body=st.binary(max_size=200), kind=st.binary(max_size=30).map(lambda kind: kind.translate(None, CONTROL_BYTES)))
def test_any_bytes_of_any_content_type_are_400(body: bytes, kind: bytes, target: Target) -> None:
    assert target.ask(post(body, kind=kind)).status == 400
    assert target.ask(post(body)).status == 400


fields = st.sampled_from(["limit", "status", "cursor", "scope", "search", "include_models", "model", "modality", "x"])
words = st.text(max_size=20)
query_values = words | st.integers().map(str) | st.sampled_from(["1", "QUEUED", "team", "true", "1.0", "1e400", "NaN"])
pairs = st.lists(st.tuples(fields | words, query_values), max_size=5)
queries = pairs.map(
    lambda pairs: "&".join(
        f"{quote(name, errors='surrogatepass')}={quote(value, errors='surrogatepass')}" for name, value in pairs
    ).encode()
) | st.text(string.ascii_letters + string.digits + "%&=+;?/[]#\"<>\\^`{|}~!*'(),:@", max_size=60).map(str.encode)


@FUZZ
@given(path=st.sampled_from([b"/v2/jobs", b"/v2/models", b"/v2/me", b"/v2/jobs/x"]), query=queries)
def test_any_query_is_taken_or_refused_with_details(path: bytes, query: bytes, target: Target) -> None:
    reply = target.ask(get(path + b"?" + query))
    assert reply.status in {200, 400}
    if reply.status == 400 and path != b"/v2/jobs/x":
        assert reply.json["error"] == "Validation error"
        assert reply.json["details"]


names_of_paths = ["v2", "jobs", "images", "generate", "me", "models", "openapi.json", "", "..", ".", "%2e%2e"]
segments = st.sampled_from(names_of_paths)
paths = st.lists(segments | st.text(max_size=20).map(lambda text: quote(text, errors="surrogatepass")), max_size=5).map(
    lambda parts: "/" + "/".join(parts)
)
methods = st.sampled_from([b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"TRACE", b"CONNECT", b"PROPFIND"])


@FUZZ
@given(method=methods, path=paths)
def test_any_path_and_method_get_an_answer(method: bytes, path: str, target: Target) -> None:
    target.ask(b"%b %b HTTP/1.1\r\n%bContent-Length: 0\r\n\r\n" % (method, path.encode(), HEAD))


headers = st.sampled_from(
    ["X-API-Key", "Authorization", "Idempotency-Key", "Accept", "Origin", "Range", "If-None-Match", "X-Forwarded-For"]
)


@FUZZ
@given(lines=st.lists(st.tuples(headers, texts | st.binary(max_size=20)), max_size=6))
def test_any_headers_get_an_answer(lines: list[tuple[str, str | bytes]], target: Target) -> None:
    head = b"Host: mock\r\n"
    for name, value in lines:
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        head += name.encode() + b": " + raw.translate(None, CONTROL_BYTES) + b"\r\n"
    target.ask(get(b"/v2/me", head))
    target.ask(post(b"{}", head=head))


@FUZZ
@given(data=st.binary(max_size=80), request=st.sampled_from([get(b"/v2/me"), post(b"{}"), get(b"/v2/jobs?limit=1")]))
def test_any_damage_to_a_request_is_an_answer_or_the_end_of_the_connection(
    data: bytes, request: bytes, target: Target
) -> None:
    at = len(data) * 7 % len(request)
    reply = target.ask(request[:at] + data + request[at:] + b"\r\n\r\nbroken\r\n\r\n")
    assert reply.status in {200, 400, 401, 404, 405, 431}
