"""What is tortured: servers over one store, and the harm that is done to them. A row of SCENES each."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from tests.torture.durable import DurableRedis
from tests.torture.servers import Server, free_port

OPTIONS = ("--webhook-timeout", "1s", "--speed", "60", "--journal-requests", "100")


Harm = Callable[[], Awaitable[None]]
LONGEST_PAUSE_S = 4.0
"""Longer than clients wait for an answer."""


class Scene(NamedTuple):
    """Servers that run, and what can be done to them: each harm is done and mended when its call returns."""

    servers: list[Server]
    harms: dict[str, Harm]


Open = Callable[[Path, random.Random], contextlib.AbstractAsyncContextManager[Scene]]


@contextlib.asynccontextmanager
async def in_memory(folder: Path, _: random.Random) -> AsyncIterator[Scene]:
    """One server that nothing happens to: what is lost here is lost by the harness."""
    async with _running(Server(free_port(), folder, *OPTIONS)) as server:
        yield Scene([server], {})


@contextlib.asynccontextmanager
async def on_sqlite(folder: Path, _: random.Random) -> AsyncIterator[Scene]:
    """One server, killed and restarted."""
    store = f"sqlite:{folder / 'mock.db'}"
    async with _running(Server(free_port(), folder, "--store", store, *OPTIONS)) as server:
        yield Scene([server], {"kills of the server": lambda: _restarted(server)})


@contextlib.asynccontextmanager
async def on_sqlite_with_workers(folder: Path, chance: random.Random) -> AsyncIterator[Scene]:
    """Two workers on one port, which their parent replaces."""
    options = ("--store", f"sqlite:{folder / 'mock.db'}", "--workers", "2", *OPTIONS)
    async with _running(Server(free_port(), folder, *options)) as server:

        async def kill_worker() -> None:
            server.kill_worker(chance)

        yield Scene([server], {"kills of workers": kill_worker, "kills of the parent": lambda: _restarted(server)})


@contextlib.asynccontextmanager
async def on_redis(folder: Path, chance: random.Random) -> AsyncIterator[Scene]:
    """Three servers over one Redis; all of them are killed and restarted, Redis too, and servers stand still."""
    redis = DurableRedis(free_port(), folder)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(redis.kill)
        await redis.start()
        made = [Server(free_port(), folder, "--store", redis.url, *OPTIONS) for _ in range(3)]
        servers = await asyncio.gather(*(stack.enter_async_context(_running(server)) for server in made))

        async def kill_redis() -> None:
            await redis.kill()
            await redis.start()

        harms: dict[str, Harm] = {
            "kills of servers": lambda: _restarted(chance.choice(servers)),
            "kills of Redis": kill_redis,
            "pauses of servers": lambda: _paused(chance.choice(servers), chance.uniform(0.5, LONGEST_PAUSE_S)),
        }
        yield Scene(servers, harms)


SCENES: dict[str, Open] = {
    "memory": in_memory,
    "sqlite": on_sqlite,
    "sqlite-workers": on_sqlite_with_workers,
    "redis": on_redis,
}


@contextlib.asynccontextmanager
async def _running(server: Server) -> AsyncIterator[Server]:
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


async def _restarted(server: Server) -> None:
    await server.kill()
    await server.start()


async def _paused(server: Server, span_s: float) -> None:
    """Let it stand still, as a machine does that is busy or asleep: its connections stay open."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(span_s)
    finally:
        os.kill(server.pid, signal.SIGCONT)
