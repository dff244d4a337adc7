"""Accepting in turns on a socket that several accept on."""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing

import pytest
from aiohttp import ClientSession, web

from mockserver.http import turns
from mockserver.http.listening import address_of, listen
from mockserver.http.turns import Turns


class Server:
    """One that answers with how many requests it has had, and has had."""

    def __init__(self) -> None:
        self.requests = 0
        self.runner = web.ServerRunner(web.Server(self.answer), shutdown_timeout=0.1)

    async def answer(self, _: web.BaseRequest) -> web.Response:
        self.requests += 1
        return web.Response(text=str(self.requests))


@pytest.fixture
async def servers() -> AsyncIterator[list[Server]]:
    async with AsyncExitStack() as stack:
        made = [Server(), Server()]
        for server in made:
            await server.runner.setup()
            stack.push_async_callback(server.runner.cleanup)
        yield made


async def test_connections_that_wait_are_spread(servers: list[Server]) -> None:
    with listen("127.0.0.1", 0) as listener:
        waiting = [await asyncio.open_connection(*listener.getsockname()) for _ in range(20)]
        for server in servers:
            await Turns(server.runner, listener.dup()).start()
        for reader, writer in waiting:
            writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            writer.close()
        assert [server.requests for server in servers] == [10, 10]


class Short(socket.socket):
    """A listening socket of a process that has no file numbers left when it first looks."""

    is_short = True

    def accept(self) -> tuple[socket.socket, object]:
        if self.is_short:
            self.is_short = False
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_where_no_connection_can_be_taken_it_says_so_once_and_goes_on(
    servers: list[Server], caplog: pytest.LogCaptureFixture
) -> None:
    listener = Short(fileno=listen("127.0.0.1", 0).detach())
    listener.setblocking(False)  # noqa: FBT003 - the socket's own interface
    url = address_of(listener)
    site = Turns(servers[0].runner, listener, pause_s=0.01)
    await site.start()
    with caplog.at_level(logging.ERROR):
        async with ClientSession() as http, http.get(url) as answer:
            assert await answer.text() == "1"
    assert caplog.messages == ["no connection can be taken for 0.01 s: Too many open files"]
    assert site.name == url


async def test_one_that_has_stopped_leaves_connections_to_the_others(servers: list[Server]) -> None:
    with listen("127.0.0.1", 0) as listener, closing(listener.dup()) as other:
        first, second = Turns(servers[0].runner, listener.dup()), Turns(servers[1].runner, other)
        await first.start()
        await first.stop()
        await second.start()
        async with ClientSession() as http:
            for number in range(3):
                async with http.get(address_of(listener), headers={"Connection": "close"}) as answer:
                    assert await answer.text() == str(number + 1)
        await second.stop()
        assert servers[0].requests == 0


async def taken_by(first: Server, second: Server) -> list[int]:
    """What two servers take of two connections that wait, where the second begins to look when the first has one."""
    with listen("127.0.0.1", 0) as listener:
        answers, writers = [], []
        for _ in range(2):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            writers.append(writer)
            answers.append(asyncio.create_task(reader.read()))
        await Turns(first.runner, listener.dup()).start()
        await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        await Turns(second.runner, listener.dup()).start()
        await asyncio.gather(*answers)
        for writer in writers:
            writer.close()
        return [first.requests, second.requests]


async def test_one_that_has_taken_a_connection_leaves_the_next_to_others_for_a_moment(
    servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN_S", 60.0)
    assert await taken_by(*servers) == [1, 1]


async def test_one_that_takes_many_leaves_no_more_of_them_to_others(
    servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN_S", 60.0)
    monkeypatch.setattr(turns, "FEW", 0)
    assert await taken_by(*servers) == [2, 0]
