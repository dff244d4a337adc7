"""The stores that the suite runs against, each opened empty but for two teams. A store is one more row of STORES."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import pytest

from mockserver.stores.memory import MemoryStore
from mockserver.stores.protocol import Store
from mockserver.stores.redis.store import RedisStore
from mockserver.stores.sqlite.store import SqliteStore
from tests.stores import redisserver
from tests.stores.drafts import KEYS, TEAMS

OpenStore = Callable[..., AbstractAsyncContextManager[Store]]
"""`async with open_store() as store`, or with another `max_jobs`."""


@asynccontextmanager
async def in_memory(max_jobs: int = 100_000) -> AsyncIterator[Store]:
    store = MemoryStore(max_jobs)
    await store.reset(TEAMS, KEYS)
    yield store
    await store.close()


_prefixes = count()


@asynccontextmanager
async def in_redis(max_jobs: int = 100_000) -> AsyncIterator[Store]:
    store = await RedisStore.opened(f"{redisserver.shared().url}?prefix=test{next(_prefixes)}", max_jobs)
    try:
        await store.reset(TEAMS, KEYS)
        yield store
        await store.reset([], [])
    finally:
        await store.close()


_numbers = count()
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder within it, where fsync costs nothing
_folder = TemporaryDirectory(prefix="mockserver-stores-", dir=_MEMORY if _MEMORY.is_dir() else None)


@asynccontextmanager
async def in_sqlite(max_jobs: int = 100_000) -> AsyncIterator[Store]:
    path, new = (Path(_folder.name) / f"{name}.db" for name in (next(_numbers), "new"))
    if not new.exists():
        store = await SqliteStore.opened(new, max_jobs)
        await store.set_up(TEAMS, KEYS)
        await store.close()
    copyfile(new, path)
    store = await SqliteStore.opened(path, max_jobs)
    try:
        yield store
    finally:
        await store.close()
        path.unlink()


STORES: dict[str, OpenStore] = {"memory": in_memory, "sqlite": in_sqlite, "redis": in_redis}
CHOSEN = os.environ.get("STORES", "memory,sqlite").split(",")
"""`make test-stores` runs them all; the ordinary run is for those that need no server."""


@pytest.fixture(scope="session", autouse=True)
def _no_server_is_left() -> Iterator[None]:
    yield
    redisserver.stop_shared()


@pytest.fixture(scope="session", params=CHOSEN)
def open_store(request: pytest.FixtureRequest) -> OpenStore:
    return STORES[request.param]


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    async with open_store() as opened:
        yield opened
