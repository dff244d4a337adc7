"""The stores that the suite runs against, each opened empty but for two teams. A store is one more row of STORES."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count

import pytest

from mockserver.stores.memory import MemoryStore
from mockserver.stores.protocol import Store
from mockserver.stores.redis.store import RedisStore
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


STORES: dict[str, OpenStore] = {"memory": in_memory, "redis": in_redis}
CHOSEN = os.environ.get("STORES", "memory").split(",")
"""`make test-stores` runs them all; the ordinary run is for the one that a user can choose so far."""


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
