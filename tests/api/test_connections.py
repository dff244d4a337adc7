"""Connections: kept, pipelined, half-closed, broken off, too slow, and what a bug of ours does to them."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from mockserver.api import errors, submissions
from mockserver.api.gate import Gate
from mockserver.app import App
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route, Router
from mockserver.http.server import Area, HttpServer, Limits
from tests.api.conftest import Look
from tests.api.wire import GOOD, HEAD, Wire, asked, assert_is_ours, assert_is_refusal, chunked, connected, get, post
from tests.driver import COST, Driver

CHUNKED = b"Transfer-Encoding: chunked"
MODELS = get(b"/v2/models?modality=music")
no_bugs = pytest.mark.usefixtures("no_bugs")


@asynccontextmanager
async def served(routes: list[Route], limits: Limits) -> AsyncIterator[str]:
    """The address of a server with these routes alone."""
    area = Area("", Router(routes), errors.refuse, lambda _: None, is_open_to_browsers=True)
    runner = web.ServerRunner(HttpServer([area], limits), shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def say_goodbye(wire: Wire) -> None:
    """Close our side, as `shutdown(SHUT_WR)` does, and go on listening."""
    wire.writer.write_eof()


@no_bugs
async def test_one_connection_carries_1000_requests(app: App) -> None:
    ids = set()
    async with connected(app.url) as wire:
        for number in range(1000):
            reply = await wire.ask((MODELS, post(b"{"), post(GOOD), get(b"/nowhere"))[number % 4])
            ids.add(reply.headers["x-request-id"])
            assert (reply.status, reply.ends_connection) == ((200, 400, 202, 404)[number % 4], False)
    assert len(ids) == 1000


@no_bugs
async def test_pipelined_requests_are_answered_in_order(app: App, driver: Driver) -> None:
    requests = [MODELS, get(b"/nowhere"), post(GOOD), get(b"/v2/jobs/x"), post(b"{")] * 30
    async with connected(app.url) as wire:
        await wire.send(b"".join(requests))
        replies = [await wire.reply() for _ in requests]
    assert [reply.status for reply in replies] == [200, 404, 202, 400, 400] * 30
    assert len({reply.headers["x-request-id"] for reply in replies}) == len(requests)
    assert await driver.balance() == 1_000_000 - 30 * COST


@no_bugs
async def test_a_request_may_come_byte_by_byte(app: App) -> None:
    async with connected(app.url) as wire:
        for byte in post(chunked(GOOD, 5), CHUNKED):
            await wire.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await wire.reply()).status == 202


@no_bugs
async def test_http_1_0_closes_unless_asked_to_keep_alive(app: App) -> None:
    old = MODELS.replace(b"HTTP/1.1", b"HTTP/1.0")
    async with connected(app.url) as wire:
        reply = await wire.ask(old)
        assert (reply.status, reply.headers["connection"], await wire.rest()) == (200, "close", b"")
    async with connected(app.url) as wire:
        for _ in range(3):
            reply = await wire.ask(old.replace(HEAD, HEAD + b"Connection: keep-alive\r\n"))
            assert (reply.status, reply.headers["connection"]) == (200, "keep-alive")


@no_bugs
async def test_a_connection_closes_when_the_client_asks(app: App) -> None:
    async with connected(app.url) as wire:
        reply = await wire.ask(MODELS.replace(HEAD, HEAD + b"Connection: close\r\n"))
        assert (reply.ends_connection, await wire.rest()) == (True, b"")


@no_bugs
async def test_expect_100_continue_is_answered_before_the_body_comes(app: App) -> None:
    lines = (b"Expect: 100-continue", b"Content-Length: %d" % len(GOOD))
    async with connected(app.url) as wire:
        await wire.send(post(b"", *lines))
        assert await wire.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await wire.ask(GOOD)).status == 202
        refused = await wire.ask(post(b"", *lines, head=b"Host: mock\r\n"))
        assert_is_refusal(refused)
        assert refused.status == 401


@no_bugs
async def test_an_upgrade_is_declined_by_answering_as_usual(app: App) -> None:
    upgrade = HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    async with connected(app.url) as wire:
        for _ in range(3):
            assert (await wire.ask(get(b"/v2/models", upgrade))).status == 200
        h2c = post(GOOD, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
        assert (await wire.ask(h2c)).status == 202


@no_bugs
async def test_connect_leads_nowhere(app: App) -> None:
    reply = await asked(app.url, b"CONNECT mock:443 HTTP/1.1\r\n%b\r\n" % HEAD)
    assert_is_refusal(reply)
    assert reply.status == 404


@no_bugs
async def test_a_body_that_nobody_wants_does_not_disturb_the_next_request(app: App) -> None:
    unwanted = [
        get(b"/v2/me", HEAD + b"Content-Length: 5\r\n") + b"hello",
        get(b"/v2/me", HEAD + CHUNKED + b"\r\n") + chunked(b"x" * 300_000),
        post(b"x" * 300_000, head=b"Host: mock\r\n"),
        post(b"x" * 300_000).replace(b"/images/generate", b"/nowhere"),
        post(b"x" * 300_000, kind=b"text/plain"),
    ]
    async with connected(app.url) as wire:
        assert [(await wire.ask(request)).status for request in unwanted] == [200, 200, 401, 404, 400]
        assert (await wire.ask(MODELS)).status == 200


BROKEN_LATE = {
    "a bad chunk size": (post(b"5\r\nhello\r\n", CHUNKED), b"zz\r\nhello\r\n0\r\n\r\n"),
    "no end of a chunk": (post(b"5\r\nhel", CHUNKED), b"lo, hello"),
    "NUL for a chunk size": (post(b"5\r\nhello\r\n", CHUNKED), b"\x00\r\n"),
    "no gzip": (post(b"", b"Content-Encoding: gzip", b"Content-Length: 200"), b"\x1f\x8b" + b"\xff" * 198),
    "no gzip in chunks": (post(b"", b"Content-Encoding: gzip", CHUNKED), chunked(b"\x1f\x8b" + b"\xff" * 198)),
    "half a gzip that ends badly": (
        post(gzip.compress(GOOD)[:20], b"Content-Encoding: gzip", b"Content-Length: 50"),
        b"\x00" * 30,
    ),
}


@no_bugs
@pytest.mark.parametrize(("head", "rest"), BROKEN_LATE.values(), ids=BROKEN_LATE)
async def test_a_body_that_breaks_while_it_comes_is_400_at_once_and_ends_the_connection(
    head: bytes, rest: bytes, app: App, kept: Look
) -> None:
    before = await kept()
    async with connected(app.url) as wire, connected(app.url) as other:
        await wire.send(head)
        assert (await other.ask(MODELS)).status == 200  # by now the server has seen the first half
        reply = await wire.ask(rest)
        assert_is_refusal(reply)
        assert (reply.status, reply.json, reply.ends_connection) == (400, {"error": "Invalid JSON"}, True)
        assert await wire.rest() == b""
    assert await kept() == before
    assert (await asked(app.url, post(GOOD))).status == 202


@no_bugs
async def test_a_client_that_closes_its_side_still_gets_its_answers(app: App, driver: Driver) -> None:
    for requests, statuses in (
        ([MODELS], [200]),
        ([post(GOOD)], [202]),
        ([post(GOOD)] * 5, [202] * 5),
        ([MODELS, get(b"/nowhere"), post(b"{")] * 20, [200, 404, 400] * 20),
    ):
        async with connected(app.url) as wire:
            await wire.send(b"".join(requests))
            await say_goodbye(wire)
            replies = [await wire.reply() for _ in requests]
            assert [reply.status for reply in replies] == statuses
            assert await wire.rest() == b""
    assert await driver.balance() == 1_000_000 - 6 * COST


HALVES: dict[str, bytes] = {
    "of a body": post(GOOD[:-5], b"Content-Length: %d" % len(GOOD)),
    "of a chunked body": post(chunked(GOOD)[:-5], CHUNKED),
    "of a gzip": post(gzip.compress(GOOD)[:15], b"Content-Encoding: gzip", b"Content-Length: 60"),
    "of a second body": post(GOOD[:-5], b"Content-Length: %d" % len(GOOD)),
}


@no_bugs
@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
async def test_half_a_body_is_400_when_the_client_closes_its_side(half: bytes, app: App, kept: Look) -> None:
    before = await kept()
    async with connected(app.url) as wire:
        await wire.send(MODELS + half)
        await say_goodbye(wire)
        assert (await wire.reply()).status == 200
        reply = await wire.reply()
        assert_is_refusal(reply)
        assert (reply.status, reply.json, reply.ends_connection) == (400, {"error": "Invalid JSON"}, True)
        assert await wire.rest() == b""
    assert await kept() == before


@no_bugs
@pytest.mark.parametrize("half", [b"", b"GET", b"GET /v2/me HTTP/1.1\r\nHost: mo", b"\r\n\r\n", b"POST "])
async def test_half_a_head_is_no_request_and_the_connection_just_ends(half: bytes, app: App, kept: Look) -> None:
    before = await kept()
    async with connected(app.url) as wire:
        await wire.send(half)
        await say_goodbye(wire)
        assert await wire.rest() == b""
    assert await kept() == before


@no_bugs
@pytest.mark.parametrize("half", [*HALVES.values(), b"GET /v2/me HTTP/1.1\r\nHost: mo", b"POST /v2"])
async def test_a_client_that_vanishes_halfway_leaves_nothing_behind(half: bytes, app: App, kept: Look) -> None:
    before = await kept()
    for _ in range(20):
        async with connected(app.url) as wire:
            await wire.send(half)
            wire.writer.transport.abort()
    assert (await asked(app.url, MODELS)).status == 200
    assert await kept() == before


@no_bugs
async def test_a_client_that_is_gone_before_its_answer_disturbs_nobody(app: App) -> None:
    for request in (post(GOOD), MODELS * 40, get(b"/v2/openapi.json") * 40, post(b"{"), b"garbage\r\n\r\n"):
        for _ in range(10):
            async with connected(app.url) as wire:
                await wire.send(request)
                wire.writer.transport.abort()
    assert (await asked(app.url, post(GOOD))).status == 202


@no_bugs
async def test_a_body_that_is_too_slow_is_408_and_ends_the_connection(app: App, kept: Look) -> None:
    before = await kept()
    slow = [
        post(GOOD[:-1], b"Content-Length: %d" % len(GOOD)),
        post(b"", b"Content-Length: 5"),
        post(chunked(GOOD)[:-5], CHUNKED),
        post(b"", CHUNKED, b"Expect: x"),
    ]
    async with served(
        submissions.routes(app.service, Gate(app.service, app.faults)), Limits(body_bytes=1000, body_timeout_s=0.02)
    ) as url:
        for request in slow:
            async with connected(url) as wire:
                reply = await wire.ask(request)
                assert_is_refusal(reply)
                assert (reply.status, reply.ends_connection) == (408, True)
                assert reply.json == {"error": "Request body did not arrive in time"}
        assert await kept() == before
        assert (await asked(url, post(GOOD))).status == 202


async def test_the_largest_body_is_a_setting(app: App) -> None:
    async with served(submissions.routes(app.service, Gate(app.service, app.faults)), Limits(body_bytes=100)) as url:
        assert (await asked(url, post(GOOD + b" " * (100 - len(GOOD))))).status == 202
        reply = await asked(url, post(GOOD + b" " * (101 - len(GOOD))))
        assert_is_refusal(reply)
        assert (reply.status, reply.json) == (413, {"error": "Request body is larger than 100 bytes"})


def _raising(bug: BaseException) -> Route:
    async def handler(_: Request) -> Answer:
        raise bug

    return Route("GET", "/bug", handler)


async def _fine(_: Request) -> Answer:
    return Answer(200, b"{}")


BUGS = {
    "RuntimeError": lambda: RuntimeError("the secret of afk_test"),
    "KeyError": lambda: KeyError("x"),
    "TimeoutError": lambda: TimeoutError("a bug too"),
    "RecursionError": RecursionError,
    "UnicodeEncodeError": lambda: UnicodeEncodeError("utf-8", "\ud800", 0, 1, "x"),
    "HTTPNotFound": lambda: web.HTTPNotFound(text="a bug too"),
}


@pytest.mark.parametrize("make_bug", BUGS.values(), ids=BUGS)
async def test_a_bug_is_500_as_json_and_logged_with_the_request_id(
    make_bug: Callable[[], BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    bug = make_bug()
    async with served([_raising(bug), Route("GET", "/fine", _fine)], Limits(100)) as url:
        async with connected(url) as wire:
            reply = await wire.ask(get(b"/bug"))
            assert_is_ours(reply)
            assert (reply.status, reply.json) == (500, {"error": "Internal server error"})
            assert reply.headers["content-type"] == "application/json; charset=utf-8"
            assert (reply.ends_connection, await wire.rest()) == (True, b"")
        assert (await asked(url, get(b"/fine"))).status == 200
    logged = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert logged == [(logging.ERROR, f"bug: GET /bug ({reply.headers['x-request-id']})")]
    assert caplog.records[0].exc_info is not None
    assert caplog.records[0].exc_info[1] is bug
