"""Crowds: many idle connections, many slow senders, a silent receiver among many, many webhooks that wait."""

import asyncio
import contextlib
import resource
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.torture.hooks import silent_receiver, waiting_webhooks
from tests.torture.pace import Pace
from tests.torture.servers import Server, free_port
from tests.torture.slow import drip
from tests.torture.tally import Tally

Tell = Callable[[str], None]

IDLE = 10_000
SPARE_FILES = 500
SLOW = 1_000
AT_ONCE = 100


async def idle_connections(tell: Tell) -> Tally:
    """10,000 connections that say nothing, beside a client that does; as many as the system allows, if fewer."""
    tally = Tally.empty()
    number = min(IDLE, _raised_limit() - SPARE_FILES)
    async with _server() as server, Pace(server.url) as pace:
        await pace.measure(tally, "without them")
        async with contextlib.AsyncExitStack() as stack:
            opened: list[asyncio.StreamWriter] = []
            for start in range(0, number, AT_ONCE):
                streams = [
                    asyncio.open_connection("127.0.0.1", server.port) for _ in range(min(AT_ONCE, number - start))
                ]
                opened += [writer for _, writer in await asyncio.gather(*streams)]
            stack.callback(_abort, opened)
            tally.counts["idle connections"] = len(opened)
            tell(f"{len(opened):,} connections are open")
            await pace.measure(tally, "beside them")
            lost = sum(1 for writer in opened if writer.transport.is_closing())
            tally.hold("an idle connection stays open", f"{lost} were closed" if lost else "")
    return tally


async def slow_senders(tell: Tell) -> Tally:
    """1,000 clients whose bodies arrive byte by byte: they are told that it took too long, and others do not wait."""
    tally = Tally.empty()
    _raised_limit()
    async with _server() as server, Pace(server.url) as pace:
        await pace.measure(tally, "without them")
        dripping = [asyncio.create_task(drip("127.0.0.1", server.port)) for _ in range(SLOW)]
        tell(f"{SLOW:,} clients send a byte a second")
        while not all(task.done() for task in dripping):
            await pace.measure(tally, "beside them")
        statuses = [task.result() for task in dripping]
        tally.counts["slow senders"] = len(statuses)
        tally.counts["of whom answered 408"] = statuses.count(408)
        tally.hold("a slow sender is answered 408", [f"{status}" for status in statuses if status != 408])
    return tally


async def silence(tell: Tell) -> Tally:
    """A receiver that never answers among 1,000 that do."""
    tally = Tally.empty()
    _raised_limit()
    async with _server() as server:
        await silent_receiver(server.url, tally, tell)
    return tally


async def waiting(tell: Tell) -> Tally:
    """200,000 webhooks that wait for their time."""
    tally = Tally.empty()
    async with _server("--max-jobs", "1000000") as server, Pace(server.url) as pace:
        await waiting_webhooks(server, pace, tally, tell)
    return tally


CROWDS: dict[str, Callable[[Tell], Coroutine[Any, Any, Tally]]] = {
    "idle": idle_connections,
    "slow": slow_senders,
    "silence": silence,
    "waiting": waiting,
}


@contextlib.asynccontextmanager
async def _server(*options: str) -> AsyncIterator[Server]:
    with tempfile.TemporaryDirectory(prefix="mockserver-torture-") as folder:
        server = Server(free_port(), Path(folder), *options)
        try:
            await server.start()
            yield server
        finally:
            await server.kill()


def _raised_limit() -> int:
    """How many files a process of ours may have open: as many as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def _abort(writers: list[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.transport.abort()
