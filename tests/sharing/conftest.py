"""Two servers on one store, in SQLite and in Redis, each with a client of its own."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from mockserver.app import App
from mockserver.settings import Settings
from tests.conftest import KEY
from tests.driver import Driver
from tests.stores import redisserver

_prefixes = count()


class Server(NamedTuple):
    """One of them."""

    app: App
    driver: Driver


OpenServer = Callable[..., Any]
"""`await open_server()`, with settings that differ; closed at the end, or before by `await server.app.close()`."""


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'state.db'}"
    redisserver.need_program()
    return f"{redisserver.shared().url}?prefix=sharing{next(_prefixes)}"


@pytest.fixture(scope="session", autouse=True)
def _no_server_is_left() -> Iterator[None]:
    yield
    redisserver.stop_shared()


@pytest.fixture
async def open_server(place: str) -> AsyncIterator[OpenServer]:
    async with AsyncExitStack() as stack:

        async def opened(**settings: Any) -> Server:
            app = await stack.enter_async_context(App(Settings(**{"port": 0, "seed": 7, "store": place, **settings})))
            http = await stack.enter_async_context(aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}))
            return Server(app, Driver(http))

        yield opened


@pytest.fixture
async def one(open_server: OpenServer) -> Driver:
    server: Server = await open_server()
    return server.driver


@pytest.fixture
async def other(open_server: OpenServer, one: Driver) -> Driver:
    del one
    server: Server = await open_server()
    return server.driver
