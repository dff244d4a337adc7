"""A running server follows its settings file and its scenarios; what is broken changes nothing."""

import asyncio
import contextlib
import json
import logging
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.settings import Settings, load
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
        f"{folder.file} changed: speed is instant now, rate-limit is 5/1s now, max-concurrent-jobs is 3 now, "
        "retention is 3600s now"
    )


async def test_what_needs_a_restart_is_said(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    async with folder.served() as app:
        folder.write("speed = 60", "max-jobs = 5", "quiet = true")
        await folder.watcher(app).reload()
        assert app.settings.max_jobs == 100_000
    assert last(caplog) == f"{folder.file} changed: max-jobs, quiet only after a restart"


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


async def test_fault_rules_of_the_file_are_exchanged_and_those_of_the_api_stay(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("[[faults]]", 'id = "one"', "gateway = 502", "[[faults]]", "gateway = 503")
    async with folder.served() as app:
        app.faults.add([{"id": "api", "delay": "1ms"}])
        folder.write("[[faults]]", 'id = "one"', "gateway = 504")
        await folder.watcher(app).reload()
        assert last(caplog) == f"{folder.file} changed: 1 fault rule"
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
        file = folder.scenarios / "mine.json"
        assert (await driver.balance(), last(caplog)) == (20, f'scenario "mine" begins, as in {file}')
        folder.write("")
        await folder.watcher(app).reload()
        assert await driver.balance() == 1_000_000
        assert last(caplog) == f"{folder.file} changed: scenario is none now"


async def test_a_scenario_goes_on_while_other_settings_change(folder: Folder) -> None:
    folder.write_scenario("mine", settings={"retention": "5s"}, credits=10)
    folder.write('scenario = "mine"')
    async with folder.served() as app, aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        await Driver(http).submit()
        folder.write('scenario = "mine"', "speed = 7")
        await folder.watcher(app).reload()
        assert (app.service.rules.speed, app.service.rules.keeps_s) == (7, 5)
        assert await Driver(http).balance() == 4


async def test_a_setting_in_the_file_goes_over_that_of_the_scenario_from_then_on(folder: Folder) -> None:
    folder.write_scenario("mine", settings={"speed": 5, "max-concurrent-jobs": 2})
    folder.write('scenario = "mine"')
    async with folder.served() as app:
        seen = []
        for lines in ([], ["speed = 7", "max-concurrent-jobs = 3"], ["max-concurrent-jobs = 3"], []):
            folder.write('scenario = "mine"', *lines)
            await folder.watcher(app).reload()
            [*limits] = {team.max_concurrent_jobs for team in await app.store.teams()}
            seen.append((app.service.rules.speed, *limits))
    assert seen == [(5, 2), (7, 3), (5, 3), (5, 2)]


async def test_an_edit_brings_no_scenario_back_that_a_lever_has_ended_or_replaced(folder: Folder) -> None:
    folder.write_scenario("mine", credits=10)
    folder.write_scenario("other", credits=20)
    folder.write('scenario = "mine"')
    async with folder.served() as app, aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        await driver.pull("DELETE", "scenario", status=204)
        folder.write('scenario = "mine"', "speed = 7")
        await folder.watcher(app).reload()
        assert await driver.pull("GET", "scenario") == {"scenario": None}
        await driver.pull("POST", "scenario", {"name": "other"})
        folder.write_scenario("mine", credits=11)
        folder.write("speed = 8")
        await folder.watcher(app).reload()
        assert (await driver.pull("GET", "scenario"))["scenario"]["name"] == "other"
        folder.write('scenario = "mine"')
        await folder.watcher(app).reload()
        assert await driver.balance() == 11


async def test_scenarios_that_levers_began_begin_anew_too_when_their_files_change(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("one", "two"):
        folder.write_scenario(name, credits=1)
    async with folder.served() as app, aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        await driver.pull("POST", "keys", {"key": "afk_mine"}, status=201)
        await driver.pull("POST", "scenario", {"name": "one"})
        await driver.pull("POST", "scenario", {"name": "two", "key": "afk_mine"})
        folder.write_scenario("one", credits=-1)
        folder.write_scenario("two", credits=22)
        folder.write("speed = 5")
        await folder.watcher(app).reload()
        assert (await driver.pull("GET", "keys/afk_mine"))["team"]["credits"] == 22
        assert (await driver.balance(), app.service.rules.speed) == (1, 5)
    assert [record.levelname for record in caplog.records[-3:]] == ["INFO", "INFO", "WARNING"]
    wrong = folder.scenarios / "one.json"
    assert last(caplog) == (
        f"the change is not taken over: {wrong}: credits: -1 will not do: want a whole number from 0"
    )


async def test_what_cannot_be_played_leaves_the_settings_too_as_they_were(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_scenario("mine", keys=[{"key": KEY}])
    async with folder.served() as app:
        before = app.settings, app.service.rules
        folder.write('scenario = "mine"', "speed = 7")
        await folder.watcher(app).reload()
        assert (app.settings, app.service.rules) == before
    assert "keys[0].key: this key is there already" in last(caplog)


async def test_a_reset_plays_what_was_read_last_however_broken_the_file_is_by_now(folder: Folder) -> None:
    folder.write_scenario("mine", credits=10)
    folder.write('scenario = "mine"')
    async with folder.served() as app, aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        folder.write_scenario("mine", credits="many")
        await folder.watcher(app).reload()
        await driver.submit()
        await driver.pull("POST", "reset")
        assert await driver.balance() == 10


async def test_mistakes_in_scenarios_that_nobody_plays_are_said_when_they_are_written(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    async with folder.served() as app:
        folder.write_scenario("mine", speed=1)
        await folder.watcher(app).reload((folder.scenarios / "mine.json").resolve())
    assert 'mine.json: there is no "speed"' in last(caplog)


async def come_true(condition: Callable[[], bool]) -> None:
    """Return once the condition holds, which other tasks bring about."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - a changed file has no event of its own
            await asyncio.sleep(0.01)


class Followed:
    """A server whose folder is followed."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def runs_at(self, speed: float, write: Callable[[], object]) -> None:
        """Write again and again, as the watch may begin after the first time, until the server runs at this speed."""
        async with asyncio.timeout(PATIENCE_S):
            while self._app.service.rules.speed != speed:
                write()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await come_true(lambda: self._app.service.rules.speed == speed)


@pytest.fixture
async def followed(folder: Folder) -> AsyncIterator[Followed]:
    async with folder.served() as app:
        watching = asyncio.create_task(folder.watcher(app).run())
        yield Followed(app)
        watching.cancel()
        await asyncio.wait([watching])


async def test_a_file_is_followed_whether_it_is_rewritten_or_replaced(folder: Folder, followed: Followed) -> None:
    await followed.runs_at(7, lambda: folder.write("speed = 7"))

    def replace() -> None:
        other = folder.file.with_suffix(".new")
        other.write_text("speed = 8", encoding="utf-8")
        other.replace(folder.file)

    await followed.runs_at(8, replace)
    await followed.runs_at(9, lambda: folder.write("speed = 9"))


async def test_a_folder_of_scenarios_may_come_and_go_and_come_back(folder: Folder, followed: Followed) -> None:
    folder.write('scenario = "mine"')
    await followed.runs_at(7, lambda: folder.write_scenario("mine", settings={"speed": 7}))

    def come_back() -> None:
        shutil.rmtree(folder.scenarios)
        folder.write_scenario("mine", settings={"speed": 8})

    await followed.runs_at(8, come_back)
    await followed.runs_at(9, lambda: folder.write_scenario("mine", settings={"speed": 9}))


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
async def test_a_file_behind_a_link_is_followed(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> None:
    real = tmp_path_factory.mktemp("elsewhere") / "real.toml"
    real.write_text("speed = 6", encoding="utf-8")
    folder.file.unlink()
    folder.file.symlink_to(real)
    async with folder.served() as app:
        watching = asyncio.create_task(folder.watcher(app).run())
        await Followed(app).runs_at(7, lambda: real.write_text("speed = 7", encoding="utf-8"))
        watching.cancel()
        await asyncio.wait([watching])


async def test_following_that_has_to_stop_is_said_and_the_server_goes_on(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    def reload() -> Settings:
        raise OSError(28, "no more watches")

    async with folder.served() as app:
        watching = asyncio.create_task(Watcher(app, reload).run())
        async with asyncio.timeout(PATIENCE_S):
            while not watching.done():
                folder.write("speed = 7")
                await asyncio.wait([watching], timeout=0.5)
        assert app.service.rules.speed == 60
    assert last(caplog) == "edits of settings and scenarios are not followed any more: [Errno 28] no more watches"
