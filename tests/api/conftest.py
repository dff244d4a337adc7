"""What the tests of the API share: a caller without a key, keys of one team, answers' schemas, what is kept."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from mockserver.app import App
from mockserver.stores.protocol import Counts
from tests.driver import Driver

SCHEMAS = Path(__file__).parents[2] / "schemas"
Fits = Callable[[Any, str], None]


class Kept(NamedTuple):
    """Everything that a refused request must leave alone."""

    counts: Counts
    balances: list[int]


Look = Callable[[], Awaitable[Kept]]


class TeamKeys(NamedTuple):
    """Keys of three users: two of one team, one of another."""

    admin: str
    member: str
    stranger: str


@pytest.fixture
async def anyone(app: App) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of `app` that sends no key."""
    async with aiohttp.ClientSession(app.url) as session:
        yield session


@pytest.fixture
def kept(app: App) -> Look:
    """`await kept()` before and after is equal when nothing happened."""

    async def look() -> Kept:
        store, now = app.service.store, app.clock.now()
        return Kept(await store.counts(), [await store.balance(team.id, now) for team in await store.teams()])

    return look


@pytest.fixture
async def team_keys(driver: Driver) -> TeamKeys:
    made = await driver.pull("POST", "keys", {"key": "afk_admin_of_a_team", "user": "ada"}, status=201)
    mate = {"key": "afk_member_of_a_team", "user": "bo", "role": "MEMBER", "team": made["team"]["id"]}
    await driver.pull("POST", "keys", mate, status=201)
    await driver.pull("POST", "keys", {"key": "afk_somebody_else", "user": "cy"}, status=201)
    return TeamKeys(made["key"], mate["key"], "afk_somebody_else")


@pytest.fixture(scope="session")
def fits() -> Fits:
    """`fits(answer, "job")` asserts that a JSON value is what schemas/answers says."""
    files = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (SCHEMAS / "answers").glob("*.json")}
    resources = [(file["$id"], Resource.from_contents(file)) for file in files.values()]
    registry: Registry[Any] = Registry().with_resources(resources)

    def check(value: Any, name: str) -> None:
        checker = Draft202012Validator.FORMAT_CHECKER
        validator = Draft202012Validator(files[name], registry=registry, format_checker=checker)
        assert [error.message for error in validator.iter_errors(value)] == []

    return check


@pytest.fixture
def no_bugs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that the test sends makes the server, or the framework below it, log an error."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelname == "ERROR"] == []
