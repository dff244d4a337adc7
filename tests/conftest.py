"""What most tests start with: a server on a free port, a clock that stands still, a client, a receiver."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import aiohttp
import hypothesis
import pytest
from aiohttp import web

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.settings import Settings
from tests.driver import Driver

# No deadline: other work on the machine is no failure. More input: --hypothesis-profile deep.
hypothesis.settings.register_profile("fast", deadline=None, max_examples=60)
hypothesis.settings.register_profile("deep", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("fast")

START = 1_767_225_600.0
"""2026-01-01T00:00:00Z: what `clock` shows until it is moved."""
KEY = "afk_test"
MakeApp = Callable[..., Awaitable[App]]


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores: many tests wait for a process or for real time, and another can have the core."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def clock() -> Clock:
    return Clock(START, is_frozen=True)


@pytest.fixture
async def make_app(clock: Clock) -> AsyncIterator[MakeApp]:
    """Start servers with other settings: `await make_app(speed=math.inf)`; all share `clock` and are stopped."""
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> App:
            return await stack.enter_async_context(App(Settings(**{"port": 0, "seed": 7, **settings}), clock))

        yield make


@pytest.fixture
async def app(make_app: MakeApp) -> App:
    return await make_app()


@pytest.fixture
async def client(app: App) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of `app` with the key of the rich team; paths are enough."""
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as session:
        yield session


class Delivered(NamedTuple):
    """One webhook as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes


class Inbox:
    """A receiver that answers with `statuses`, one after the other, then 200, and keeps what came."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Delivered] = []
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.hold: asyncio.Event | None = None
        """While this is set to an event, requests are answered only once it is set."""

    async def answer(self, request: web.Request) -> web.Response:
        self.received.append(Delivered(request.path_qs, dict(request.headers), await request.read()))
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200, headers=self.headers)


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    box = Inbox()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", box.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    box.url = f"http://{host}:{port}/hook"
    yield box
    if box.hold is not None:
        box.hold.set()
    await runner.cleanup()


@pytest.fixture
def driver(client: aiohttp.ClientSession) -> Driver:
    """A user of `app` with the key of the rich team."""
    return Driver(client)
