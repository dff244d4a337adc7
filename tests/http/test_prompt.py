"""Requests that are answered where they are read, and those that must go on in a task."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from mockserver.abreast import abreast
from mockserver.api import errors
from mockserver.http.answers import Answer
from mockserver.http.begun import in_a_task
from mockserver.http.connection import Connection
from mockserver.http.prompt import AT_ONCE_BYTES, IS_POSSIBLE, SENT_AT_ONCE, PromptConnection
from mockserver.http.request import SMALL_BYTES, Request
from mockserver.http.router import Route, Router
from mockserver.http.server import Area, HttpServer, Limits
from tests.api.wire import Wire, connected

WAITING = pytest.mark.parametrize("path", ["/waits", "/waits-on"])
"""Handlers that wait for a future: to answer then, or to do what needs a task."""


class Bug(Exception):
    """One of ours."""


class Stage:
    """A server with a few handlers, and what they did."""

    def __init__(self) -> None:
        self.tasks: dict[str, bool] = {}
        """Whether the handler of a path began in a task."""
        self.is_there, self.may_go = asyncio.Event(), asyncio.Event()
        """What the handler of `/waits` says, and what it waits for."""
        self.outcomes: list[str] = []
        """How that ended."""
        self.steps: list[str] = []
        """What the handlers did that go abreast."""

    def begin(self, kind: type[HttpServer], patience_s: float) -> None:
        prompt = {
            "/echo": self.echo,
            "/waits": self.waits,
            "/waits-on": self.waits,
            "/waits-thrice": self.waits_thrice,
            "/abreast": self.works,
            "/waits-abreast": self.works,
            "/turns-abreast": self.works,
            "/waits-in-vain": self.waits_in_vain,
            "/turns": self.turns,
            "/fails": self.fails,
            "/fails-late": self.fails_late,
            "/large": self.large,
            "/some": self.some,
        }
        routes = [Route("GET", path, handler, is_prompt=True) for path, handler in prompt.items()]
        router = Router([*routes, Route("POST", "/echo", self.echo, is_prompt=True), Route("GET", "/slow", self.slow)])
        area = Area("", router, errors.refuse, lambda _: None, is_open_to_browsers=True)
        self.server = kind([area], Limits(100_000))
        self.runner = web.ServerRunner(self.server, shutdown_timeout=patience_s)

    async def listen(self) -> None:
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        host, port = self.runner.addresses[0]
        self.url = f"http://{host}:{port}"

    def note(self, request: Request) -> None:
        self.tasks[request.path_text] = asyncio.current_task() is not None

    async def echo(self, request: Request) -> Answer:
        self.note(request)
        return Answer(200, await request.json_body() if request.method == "POST" else request.target.encode())

    async def waits(self, request: Request) -> Answer:
        self.note(request)
        self.is_there.set()
        try:
            await self.may_go.wait()
        except asyncio.CancelledError:
            self.outcomes.append("cancelled")
            raise
        self.outcomes.append("went on")
        if request.path_text == "/waits":
            return Answer(200, b"in time")
        await in_a_task()
        return await self.slow(request)

    async def works(self, request: Request) -> Answer:
        self.is_there.set()
        if request.path_text == "/waits-abreast":
            await self.may_go.wait()
        elif request.path_text == "/turns-abreast":
            await in_a_task()
        self.steps.append("begun")
        await abreast()
        self.steps.append("at work")
        return Answer(200, b"in time")

    async def waits_thrice(self, _: Request) -> Answer:
        loop = asyncio.get_running_loop()
        for number in range(3):
            waited_for: asyncio.Future[int] = loop.create_future()
            loop.call_soon(waited_for.set_result, number)
            assert await waited_for == number
        return Answer(200, b"no task" if asyncio.current_task() is None else b"a task")

    async def waits_in_vain(self, _: Request) -> Answer:
        loop = asyncio.get_running_loop()
        waited_for: asyncio.Future[None] = loop.create_future()
        loop.call_soon(waited_for.set_exception, Bug())
        await waited_for
        raise AssertionError

    async def turns(self, request: Request) -> Answer:
        self.note(request)
        for _ in range(3):
            await asyncio.sleep(0)
        return Answer(200, b"turned")

    async def slow(self, request: Request) -> Answer:
        self.tasks.setdefault(request.path_text, asyncio.current_task() is not None)
        async with asyncio.timeout(5):  # which asks for the current task
            await asyncio.sleep(0)
            return Answer(200, b"in time")

    async def fails(self, _: Request) -> Answer:
        raise Bug

    async def fails_late(self, _: Request) -> Answer:
        await asyncio.sleep(0)
        raise Bug

    async def large(self, _: Request) -> Answer:
        return Answer(200, b"x" * 20_000_000)

    async def some(self, _: Request) -> Answer:
        return Answer(200, b"x" * AT_ONCE_BYTES)


def get(path: str, *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: mock", *lines, "", ""]).encode()


def post(path: str, body: bytes, *lines: str) -> bytes:
    return get(path, "Content-Type: application/json", f"Content-Length: {len(body)}", *lines, method="POST") + body


@asynccontextmanager
async def served(kind: type[HttpServer] = HttpServer, patience_s: float = 5.0) -> AsyncIterator[Stage]:
    stage = Stage()
    stage.begin(kind, patience_s)
    await stage.listen()
    yield stage
    stage.may_go.set()
    await stage.runner.cleanup()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with served() as stage:
        yield stage


async def bodies(wire: Wire, count: int) -> list[bytes]:
    return [(await wire.reply()).body for _ in range(count)]


async def settled(wire: Wire) -> None:
    """One answer on the connection, after which its task surely waits for the next request."""
    assert (await wire.ask(get("/echo"))).body == b"/echo"


def test_this_release_of_aiohttp_has_what_prompt_answers_need() -> None:
    assert IS_POSSIBLE


async def test_a_request_on_an_idle_connection_is_answered_without_a_task(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        assert (await wire.ask(post("/echo", b"[1]"))).body == b"[1]"
        assert stage.tasks == {"/echo": False}


async def test_what_arrives_at_once_is_read_before_any_of_it_is_answered(stage: Stage) -> None:
    async with connected(stage.url) as one, connected(stage.url) as other:
        for wire in (one, other):
            await settled(wire)
        stage.tasks.clear()
        for connection in stage.server.connections:
            connection.data_received(get("/echo"))
        assert not stage.tasks
        assert [(await wire.reply()).body for wire in (one, other)] == [b"/echo"] * 2
        assert stage.tasks == {"/echo": False}


async def test_what_is_answered_together_is_sent_after_all_of_it_was_answered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(stage.url) as one, connected(stage.url) as other:
        for wire in (one, other):
            await settled(wire)
        answered: list[int] = []
        for connection in stage.server.connections:
            assert connection.transport is not None
            write = connection.transport.write

            def noting(data: bytes, write: Callable[[bytes], None] = write) -> None:
                answered.append(next(stage.server._ids))  # noqa: SLF001 - one for each request
                write(data)

            monkeypatch.setattr(connection.transport, "write", noting)
            connection.data_received(get("/echo"))
        assert [(await wire.reply()).body for wire in (one, other)] == [b"/echo"] * 2
        assert answered[1] == answered[0] + 1


class Leaving(asyncio.Transport):
    """One whose client goes away once its answer is ready, as uvloop has it."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def is_closing(self) -> bool:
        self.looks += 1
        return self.looks > 1

    def write(self, data: Any) -> None:
        del data
        raise RuntimeError


async def test_an_answer_for_who_has_gone_holds_up_no_other(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(stage.url) as one, connected(stage.url) as other:
        for wire in (one, other):
            await settled(wire)
        name = one.writer.get_extra_info("sockname")
        first, second = sorted(stage.server.connections, key=lambda each: each.peername != name)
        with monkeypatch.context() as patched:
            patched.setattr(first, "transport", leaving := Leaving())
            for connection in (first, second):
                connection.data_received(get("/echo"))
            assert (await other.reply()).body == b"/echo"
        assert leaving.looks == 2
        assert (await one.ask(get("/echo?1"))).body == b"/echo?1"


async def test_handlers_of_what_arrived_together_go_on_side_by_side(stage: Stage) -> None:
    async with connected(stage.url) as one, connected(stage.url) as other:
        for wire in (one, other):
            await settled(wire)
        for connection in stage.server.connections:
            connection.data_received(get("/abreast"))
        assert [(await wire.reply()).body for wire in (one, other)] == [b"in time"] * 2
        assert stage.steps == ["begun", "begun", "at work", "at work"]


@pytest.mark.parametrize("path", ["/waits-abreast", "/turns-abreast"])
async def test_a_handler_that_has_waited_goes_on_alone(path: str, stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        await wire.send(get(path))
        await stage.is_there.wait()
        stage.may_go.set()
        assert (await wire.reply()).body == b"in time"
        assert stage.steps == ["begun", "at work"]
        await settled(wire)


async def test_requests_in_one_packet_go_on_one_by_one(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        await wire.send(get("/abreast") * 2)
        assert await bodies(wire, 2) == [b"in time"] * 2
        assert stage.steps == ["begun", "at work"] * 2


async def test_many_answers_are_sent_by_the_handful(stage: Stage) -> None:
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(connected(stage.url)) for _ in range(2 * SENT_AT_ONCE + 1)]
        for wire in wires:
            await settled(wire)
        for connection in stage.server.connections:
            connection.data_received(get("/echo?1"))
        assert [(await wire.reply()).body for wire in wires] == [b"/echo?1"] * len(wires)


async def test_event_loops_may_hand_out_what_arrived_as_a_bytearray(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        (connection,) = stage.server.connections
        for _ in range(3):
            connection.data_received(bytearray(post("/echo", b"[1]")))  # type: ignore[arg-type] # as there
            assert (await wire.reply()).body == b"[1]"


async def test_only_new_header_lines_are_parsed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = list[bytes]()
    parse = Connection.data_received

    def noting(connection: Connection, data: bytes) -> None:
        parsed.append(data)
        parse(connection, data)

    monkeypatch.setattr(Connection, "data_received", noting)
    async with connected(stage.url) as one, connected(stage.url) as other:
        for number, wire in enumerate((one, one, other, other)):
            assert (await wire.ask(get(f"/echo?{number}"))).body == b"/echo?%d" % number
            assert (await wire.ask(post("/echo", b"[%d]" % number))).body == b"[%d]" % number
        assert parsed[:2] == [get("/echo?0"), post("/echo", b"[0]")]
        # The first request of a connection may come before its task waits for one.
        assert set(parsed[2:]) <= {get("/echo?2")}
        parsed.clear()
        assert (await one.ask(post("/echo", b"[10]"))).body == b"[10]"
        assert parsed == [post("/echo", b"[10]")]


async def test_a_body_in_a_packet_of_its_own_does_not_make_the_next_request_new(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(stage.url) as wire, connected(stage.url) as other:
        for _ in range(2):
            head, _, body = post("/echo", b"[1,2]").rpartition(b"\r\n")
            await wire.send(head + b"\r\n")
            await settled(other)
            await wire.send(body[:2])
            await settled(other)
            assert (await wire.ask(body[2:])).body == b"[1,2]"
        parsed = list[bytes]()
        monkeypatch.setattr(Connection, "data_received", lambda _, data: parsed.append(data))
        assert (await wire.ask(post("/echo", b"[3,4]"))).body == b"[3,4]"
        assert parsed == []


async def test_a_request_whose_follower_comes_before_its_turn_is_answered_first(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        (connection,) = stage.server.connections
        connection.data_received(get("/turns"))
        connection.data_received(get("/echo"))
        assert await bodies(wire, 2) == [b"turned", b"/echo"]


@pytest.mark.parametrize(("step", "path"), [("_give_back", "/echo"), ("_hand_over", "/turns"), ("_wire", "/echo")])
async def test_a_connection_that_breaks_off_in_its_turn_holds_up_no_other(
    step: str, path: str, stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = getattr(PromptConnection, step)

    def broken(connection: PromptConnection, *arguments: object) -> object:
        if connection is first:
            raise Bug
        return whole(connection, *arguments)

    async with connected(stage.url) as one, connected(stage.url) as other:
        for wire in (one, other):
            await settled(wire)
        name = one.writer.get_extra_info("sockname")
        first, second = sorted(stage.server.connections, key=lambda each: each.peername != name)
        monkeypatch.setattr(PromptConnection, step, broken)
        for connection in (first, second):
            connection.data_received(get(path))
        assert (await other.reply()).status == 200
        assert await one.rest() == b""
    assert "broke off in its turn" in caplog.text


async def test_a_request_that_cannot_begin_breaks_off_alone(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Request:
        raise Bug

    async with connected(stage.url) as one, connected(stage.url) as other:
        for wire in (one, other):
            await settled(wire)
        name = one.writer.get_extra_info("sockname")
        first, second = sorted(stage.server.connections, key=lambda each: each.peername != name)
        monkeypatch.setattr(first, "_begin", broken)
        for connection in (first, second):
            connection.data_received(get("/echo"))
        assert (await other.reply()).body == b"/echo"
        assert await one.rest() == b""
    assert "broke off in its turn" in caplog.text


async def test_a_handler_that_is_not_said_to_be_prompt_runs_in_a_task(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        assert (await wire.ask(get("/slow"))).body == b"in time"
        assert stage.tasks["/slow"]


async def test_a_head_is_answered_without_a_body(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        await wire.send(get("/echo", method="HEAD"))
        reply = await wire.reply(to_head=True)
        assert (reply.status, reply.headers["content-length"]) == (200, "5")
        await settled(wire)


async def test_requests_in_one_packet_are_answered_in_order(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        await wire.send(get("/echo?1") + get("/turns") + get("/echo?2") + get("/slow") + get("/echo?3"))
        assert await bodies(wire, 5) == [b"/echo?1", b"turned", b"/echo?2", b"in time", b"/echo?3"]


@WAITING
async def test_a_request_that_comes_while_a_handler_waits_is_answered_after_it(path: str, stage: Stage) -> None:
    async with connected(stage.url) as wire, connected(stage.url) as other:
        await settled(wire)
        await wire.send(get(path))
        await stage.is_there.wait()
        assert not stage.tasks[path]
        await wire.send(get("/echo?later"))
        await settled(other)
        stage.may_go.set()
        assert await bodies(wire, 2) == [b"in time", b"/echo?later"]
        await settled(wire)


@pytest.mark.parametrize("cut", [1, 20, 60, -1])
async def test_a_request_in_two_packets_is_answered_once(cut: int, stage: Stage) -> None:
    request = post("/echo", b'{"a":1}')
    async with connected(stage.url) as wire, connected(stage.url) as other:
        await settled(wire)
        await wire.send(request[:cut])
        await settled(other)  # by now the server has seen the first part
        assert (await wire.ask(request[cut:])).body == b'{"a":1}'
        await settled(wire)


async def test_a_request_and_a_half_are_answered_when_they_are_there(stage: Stage) -> None:
    half = post("/echo", b"[1,2]")
    async with connected(stage.url) as wire:
        await settled(wire)
        assert (await wire.ask(get("/echo?1") + half[:-2])).body == b"/echo?1"
        assert (await wire.ask(half[-2:])).body == b"[1,2]"
        await settled(wire)


async def test_the_connection_closes_when_the_client_asks(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        reply = await wire.ask(get("/echo", "Connection: close"))
        assert (reply.ends_connection, await wire.rest()) == (True, b"")


async def test_http_1_0_is_answered_and_closed(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        reply = await wire.ask(get("/echo", version="1.0"))
        assert (reply.body, reply.headers["connection"], await wire.rest()) == (b"/echo", "close", b"")


@WAITING
async def test_a_client_that_closes_its_side_gets_the_answer_that_was_waited_for(path: str, stage: Stage) -> None:
    async with connected(stage.url) as wire, connected(stage.url) as other:
        await settled(wire)
        await wire.send(get(path))
        await stage.is_there.wait()
        wire.writer.write_eof()
        await settled(other)  # by now the server has seen that
        stage.may_go.set()
        reply = await wire.reply()
        assert (reply.body, reply.ends_connection, await wire.rest()) == (b"in time", True, b"")


@pytest.mark.parametrize("path", ["/fails", "/fails-late"])
async def test_a_bug_is_500_and_ends_the_connection(path: str, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        reply = await wire.ask(get(path))
        assert (reply.status, reply.json, reply.ends_connection) == (500, {"error": "Internal server error"}, True)
        assert await wire.rest() == b""
    assert [record.getMessage() for record in caplog.records] == [f"bug: GET {path} ({reply.headers['x-request-id']})"]
    assert stage.server.under_way == 0


async def test_a_refusal_leaves_the_connection_open(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        assert [(await wire.ask(get("/nowhere"))).status for _ in range(3)] == [404] * 3
        assert (await wire.ask(post("/echo", b"x" * 100_001))).status == 413


async def test_a_handler_that_waits_again_and_again_needs_no_task(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        assert (await wire.ask(get("/waits-thrice"))).body == b"no task"
        await settled(wire)


async def test_what_a_handler_waits_for_may_fail(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        reply = await wire.ask(get("/waits-in-vain"))
        assert (reply.status, reply.ends_connection, await wire.rest()) == (500, True, b"")
    assert "bug: GET /waits-in-vain" in caplog.text


async def test_a_connection_that_breaks_off_after_a_wait_is_closed(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise Bug

    async with connected(stage.url) as wire:
        await settled(wire)
        monkeypatch.setattr(PromptConnection, "_wire", broken)
        await wire.send(get("/waits"))
        await stage.is_there.wait()
        stage.may_go.set()
        assert await wire.rest() == b""
    assert "broke off in its turn" in caplog.text


async def test_what_is_no_http_is_400_on_a_connection_that_was_in_use(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        reply = await wire.ask(b"what is this\r\n\r\n")
        assert (reply.status, reply.json, await wire.rest()) == (400, {"error": "Bad request"}, b"")


@WAITING
async def test_a_client_that_goes_away_while_a_handler_waits_disturbs_nobody(
    path: str, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(stage.url) as wire, connected(stage.url) as other:
        await settled(wire)
        await wire.send(get(path))
        await stage.is_there.wait()
        wire.writer.transport.abort()
        await settled(other)
        stage.may_go.set()
        await settled(other)
    assert (stage.outcomes, stage.server.under_way, caplog.records) == (["went on"], 0, [])


@WAITING
async def test_a_stopping_server_waits_for_a_handler_that_was_begun_without_a_task(path: str, stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        await wire.send(get(path))
        await stage.is_there.wait()
        stopping = asyncio.create_task(stage.runner.cleanup())
        await asyncio.sleep(0)
        stage.may_go.set()
        assert (await wire.reply()).body == b"in time"
        await stopping
        assert await wire.rest() == b""


@WAITING
async def test_a_server_that_has_no_patience_left_cancels_the_handler(path: str) -> None:
    async with served(patience_s=0.01) as stage, connected(stage.url) as wire:
        await settled(wire)
        await wire.send(get(path))
        await stage.is_there.wait()
        await stage.runner.cleanup()
        assert (stage.outcomes, await wire.rest()) == (["cancelled"], b"")


async def test_an_idle_connection_still_closes_after_its_time(stage: Stage) -> None:
    stage.server._kwargs["keepalive_timeout"] = 0.05  # noqa: SLF001 - the server's own is longer than a test
    async with connected(stage.url) as wire:
        began = asyncio.get_running_loop().time()
        for _ in range(5):
            await settled(wire)
        assert await wire.rest() == b""
        assert asyncio.get_running_loop().time() - began >= 0.045


async def test_a_reader_that_is_slow_gets_all_of_every_answer(stage: Stage) -> None:
    async with connected(stage.url) as wire, connected(stage.url) as other:
        await settled(wire)
        for _ in range(3):
            await wire.send(get("/large"))
            await settled(other)
            await wire.send(get("/some"))
        for _ in range(3):
            assert [len(body) for body in await bodies(wire, 2)] == [20_000_000, AT_ONCE_BYTES]
        await settled(wire)


async def test_a_body_that_is_larger_than_one_read_is_answered(stage: Stage) -> None:
    body = b"[" + b"1," * 49_990 + b"1]"
    async with connected(stage.url) as wire:
        await settled(wire)
        for _ in range(5):
            assert (await wire.ask(post("/echo", body))).body == body


async def test_expect_100_continue_with_its_body_is_answered_twice(stage: Stage) -> None:
    async with connected(stage.url) as wire:
        await settled(wire)
        await wire.send(post("/echo", b"[1]", "Expect: 100-continue"))
        assert await wire.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await wire.reply()).body == b"[1]"


class OrdinaryServer(HttpServer):
    """As where aiohttp lacks what prompt answers need."""

    def __call__(self) -> web.RequestHandler:
        return Connection(self, self.on_malformed, loop=self._loop, **self._kwargs)


async def test_without_prompt_answers_every_handler_runs_in_a_task() -> None:
    async with served(OrdinaryServer) as stage, connected(stage.url) as wire:
        stage.may_go.set()
        for path in ("/echo", "/waits", "/turns", "/slow", "/echo"):
            assert (await wire.ask(get(path))).status == 200
    assert stage.tasks == dict.fromkeys(("/echo", "/waits", "/turns", "/slow"), True)


@pytest.mark.parametrize("size", [1, SMALL_BYTES, SMALL_BYTES + 1, 99_999])
async def test_bodies_of_any_size_follow_each_other_on_one_connection(stage: Stage, size: int) -> None:
    body = b"[" + b" " * (size - 2) + b"]" if size > 1 else b"1"
    async with connected(stage.url) as wire:
        for _ in range(5):
            assert (await wire.ask(post("/echo", body))).body == body
