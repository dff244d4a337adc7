"""A running server follows its settings file and its scenarios; what is broken changes nothing."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.settings import load
from mockserver.watching import Watcher
from tests.conftest import KEY
from tests.driver import Driver

PATIENCE_S = 20.0


class Folder:
    """Where a person works: a settings file, a folder of scenarios, and a server that was started there."""

    def __init__(self, root: Path) -> None:
        self.file, self.scenarios = root / "mockserver.toml", root / "scenarios"
        self.flags = {"port": "0", "scenarios": str(self.scenarios)}

    def write(self, *lines: str) -> None:
        """Give the settings file this content."""
        self.file.write_text("\n".join(lines), encoding="utf-8")

    def write_scenario(self, name: str, **content: Any) -> None:
        """Give a scenario this content."""
        self.scenarios.mkdir(exist_ok=True)
        (self.scenarios / f"{name}.json").write_text(json.dumps({"about": "mine", **content}), encoding="utf-8")

    def watcher(self, app: App) -> Watcher:
        """Whoever follows this folder."""
        return Watcher(app, lambda: load(self.flags, {}, self.file))

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[App]:
        """A server as `mockserver serve --config FILE` starts it here."""
        async with App(load(self.flags, {}, self.file), Clock(0.0, is_frozen=True)) as app:
            yield app


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.write("speed = 60")
    return made


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mockserver.watching")


def last(caplog: pytest.LogCaptureFixture) -> str:
    return caplog.messages[-1]


async def test_what_a_running_server_can_change_is_changed(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    async with folder.served() as app:
        folder.write('speed = "instant"', 'rate-limit = "5/1s"', 'retention = "1h"', "max-concurrent-jobs = 3")
        await folder.watcher(app).reload()
        rules = app.service.rules
        assert (rules.speed, rules.rate_limit, rules.keeps_s) == (float("inf"), (5, 1.0), 3600.0)
        assert {team.max_concurrent_jobs for team in await app.store.teams()} == {3}
    assert last(caplog) == (
        "changed: speed is instant, rate-limit is 5/1s, max-concurrent-jobs is 3, retention is 3600s"
    )


async def test_what_needs_a_restart_is_said(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    async with folder.served() as app:
        folder.write("speed = 60", "max-jobs = 5", "quiet = true")
        await folder.watcher(app).reload()
    assert last(caplog) == f"{folder.file}: max-jobs, quiet needs a restart"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["speed = 0"], 'speed": "0" will not do: want a number from 0.001'),
        (["speed ="], "is no TOML"),
        (["[[faults]]", 'drop = "later"'], 'faults[0].drop: "later" will not do'),
        (['scenario = "nowhere"'], 'there is no scenario "nowhere"'),
    ],
)
async def test_a_broken_edit_keeps_what_was(
    folder: Folder, caplog: pytest.LogCaptureFixture, lines: list[str], said: str
) -> None:
    folder.write("speed = 60", "[[faults]]", 'id = "mine"', 'delay = "1ms"')
    async with folder.served() as app:
        before = app.settings, app.service.rules, app.faults.rules()
        folder.write(*lines)
        await folder.watcher(app).reload()
        assert (app.settings, app.service.rules, app.faults.rules()) == before
    assert last(caplog).startswith("the change is not taken over: ")
    assert said in last(caplog)


async def test_fault_rules_of_the_file_are_exchanged_and_those_of_the_api_stay(folder: Folder) -> None:
    folder.write("[[faults]]", 'id = "one"', "gateway = 502", "[[faults]]", "gateway = 503")
    async with folder.served() as app:
        app.faults.add([{"id": "api", "delay": "1ms"}])
        folder.write("[[faults]]", 'id = "one"', "gateway = 504")
        await folder.watcher(app).reload()
        rules = [(rule.id, rule.given.get("gateway")) for rule in app.faults.rules()]
        assert sorted(rules) == [("api", None), ("one", 504)]


async def test_rules_that_did_not_change_keep_their_counts(folder: Folder) -> None:
    folder.write("[[faults]]", 'id = "one"', "gateway = 502", "times = 1")
    async with folder.served() as app, aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        async with http.get("/v2/me") as answer:
            assert answer.status == 502
        folder.write("speed = 1", "[[faults]]", 'id = "one"', "gateway = 502", "times = 1")
        await folder.watcher(app).reload()
        async with http.get("/v2/me") as answer:
            assert answer.status == 200


async def test_a_played_scenario_begins_anew_when_its_file_changes_and_only_then(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_scenario("mine", credits=10)
    folder.write('scenario = "mine"')
    async with folder.served() as app, aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        await driver.submit()
        await folder.watcher(app).reload()
        assert await driver.balance() == 4
        folder.write_scenario("mine", credits=20)
        await folder.watcher(app).reload()
        assert (await driver.balance(), last(caplog)) == (20, 'changed: "mine" begins')
        folder.write("")
        await folder.watcher(app).reload()
        assert await driver.balance() == 1_000_000
        assert last(caplog) == "changed: scenario is none"


async def test_a_scenario_goes_on_while_other_settings_change(folder: Folder) -> None:
    folder.write_scenario("mine", settings={"retention": "5s"}, credits=10)
    folder.write('scenario = "mine"')
    async with folder.served() as app, aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        await Driver(http).submit()
        folder.write('scenario = "mine"', "speed = 7")
        await folder.watcher(app).reload()
        assert (app.service.rules.speed, app.service.rules.keeps_s) == (7, 5)
        assert await Driver(http).balance() == 4


async def come_true(condition: Callable[[], bool]) -> None:
    """Return once the condition holds, which other tasks bring about."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - a changed file has no event of its own
            await asyncio.sleep(0.01)


async def test_files_are_followed_however_they_are_written(folder: Folder) -> None:
    async with folder.served() as app:
        watching = asyncio.create_task(folder.watcher(app).run())
        await asyncio.sleep(0)

        def speed_is(number: float) -> Callable[[], bool]:
            return lambda: app.service.rules.speed == number

        async def written_until(write: Callable[[], object], number: float) -> None:
            """Write again and again: the watch may begin after the first time."""
            async with asyncio.timeout(PATIENCE_S):
                while app.service.rules.speed != number:
                    write()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.5):
                            await come_true(speed_is(number))

        await written_until(lambda: folder.write("speed = 7"), 7)

        def replace() -> None:
            other = folder.file.with_suffix(".new")
            other.write_text("speed = 8", encoding="utf-8")
            other.replace(folder.file)

        await written_until(replace, 8)
        folder.write('scenario = "mine"')
        await written_until(lambda: folder.write_scenario("mine", settings={"speed": 9}), 9)
        await written_until(lambda: folder.write_scenario("mine", settings={"speed": 10}), 10)
        watching.cancel()
        await asyncio.wait([watching])
