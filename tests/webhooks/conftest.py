"""A receiver of webhooks by hand, on a plain socket: it can answer anything, or half of it, or never."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Arrived(NamedTuple):
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The body as JSON."""
        event: dict[str, Any] = json.loads(self.body)
        return event


class Receiver:
    """Answers each request with the next of `script` (bytes, or what writes them), then with 204.

    It hangs up after each, unless it `keeps` its connections.
    """

    def __init__(self) -> None:
        self.port = 0
        self.received: list[Arrived] = []
        self.arrivals: asyncio.Queue[Arrived] = asyncio.Queue()
        self.script: deque[bytes | Answering] = deque()
        self.gate: asyncio.Event | None = None
        """While this is an event, requests are answered only once it is set."""
        self.busy = self.most_busy = self.connections = 0
        self.keeps = False
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where to send webhooks."""
        return f"http://127.0.0.1:{self.port}/hook"

    def events(self) -> list[dict[str, Any]]:
        """The bodies that came, as JSON."""
        return [arrived.event for arrived in self.received]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request and answer it."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await self._exchange(reader, writer)
            while self.keeps:
                await self._exchange(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the sender gave up, or the test is over
        finally:
            self.busy -= 1
            self.tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        arrived = Arrived(method, target, headers, await reader.readexactly(int(headers["content-length"])))
        self.received.append(arrived)
        self.arrivals.put_nowait(arrived)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.script.popleft() if self.script else reply(204)
        if isinstance(answer, bytes):
            writer.write(answer)
            await writer.drain()
        else:
            await answer(writer)


def reply(status: int, body: bytes = b"", *lines: str) -> bytes:
    """An answer with this status."""
    return kept(status, body, "Connection: close", *lines)


def kept(status: int, body: bytes = b"", *lines: str) -> bytes:
    """An answer with this status that leaves the connection open."""
    head = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode() + body


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with _listening() as listening:
        yield listening


@pytest.fixture
async def other_receiver() -> AsyncIterator[Receiver]:
    async with _listening() as listening:
        yield listening


@asynccontextmanager
async def _listening() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()
    tasks = list(receiver.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
