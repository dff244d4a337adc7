"""The stores that the suite runs against, each opened empty but for two teams. A store is one more row of STORES."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from mockserver.stores.memory import MemoryStore
from mockserver.stores.protocol import Store
from tests.stores.drafts import KEYS, TEAMS

OpenStore = Callable[..., AbstractAsyncContextManager[Store]]
"""`async with open_store() as store`, or with another `max_jobs`."""


@asynccontextmanager
async def in_memory(max_jobs: int = 100_000) -> AsyncIterator[Store]:
    store = MemoryStore(max_jobs)
    await store.reset(TEAMS, KEYS)
    yield store
    await store.close()


STORES: dict[str, OpenStore] = {"memory": in_memory}


@pytest.fixture(scope="session", params=STORES)
def open_store(request: pytest.FixtureRequest) -> OpenStore:
    return STORES[request.param]


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    async with open_store() as opened:
        yield opened
