"""What tests of findings share: what was found so far, and clients of other keys."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from tests.driver import Driver

Found = Callable[[], Awaitable[dict[str, list[list[int]]]]]
Lend = Callable[..., aiohttp.ClientSession]


@pytest.fixture
def found(driver: Driver) -> Found:
    """`await found()`: by the id of each finding, the numbers of the requests that each occurrence names."""

    async def look() -> dict[str, list[list[int]]]:
        said: dict[str, Any] = await driver.pull("GET", "findings")
        return {each["id"]: [one["requests"] for one in each["occurrences"]] for each in said["findings"]}

    return look


@pytest.fixture
async def lend(app: App) -> AsyncIterator[Lend]:
    """`lend(api_key)`: a client of `app` with another key, or with none."""
    sessions: list[aiohttp.ClientSession] = []

    def make(api_key: str = "") -> aiohttp.ClientSession:
        headers = {"X-API-Key": api_key} if api_key else {}
        sessions.append(aiohttp.ClientSession(app.url, headers=headers))
        return sessions[-1]

    yield make
    for session in sessions:
        await session.close()
