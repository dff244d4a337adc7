"""How scenarios begin and end, for the whole server and for single keys; and what is said of those that will not do."""

import json
import math
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.scenarios.shelf import Found, UnknownScenario, find, known_in, scenario_in, scenario_of
from mockserver.settings import Settings, SettingsError
from tests.conftest import MakeApp
from tests.driver import MODEL, Driver

EVERYTHING = {
    "about": "everything at once",
    "settings": {"speed": 1, "rate-limit": "50/1s", "max-concurrent-jobs": 2, "retention": "1h"},
    "credits": 40,
    "keys": [{"key": "afk_guest", "name": "Guest", "credits": 7, "rateLimit": "1/1s"}],
    "faults": [{"id": "mine", "match": {"method": "DELETE"}, "drop": "before"}],
    "timeline": [{"at": "10s", "for": "5s", "about": "down", "faults": [{"id": "down", "respond": {"status": 503}}]}],
}


async def status(driver: Driver, key: str = "afk_test") -> int:
    body = {"prompt": "a fox", "model": MODEL}
    async with driver.http.post("/v2/images/generate", json=body, headers={"X-API-Key": key}) as answer:
        return answer.status


async def test_a_scenario_sets_what_it_says_and_puts_all_of_it_back(driver: Driver) -> None:
    levers = ("teams", "keys", "faults", "clock")
    before = [await driver.pull("GET", lever) for lever in levers]
    playing = await driver.pull("POST", "scenario", {"scenario": EVERYTHING})
    assert playing == {
        "scenario": {
            "name": "inline",
            "about": "everything at once",
            "startedAt": "2026-01-01T00:00:00.000Z",
            "key": None,
            "faults": ["mine", "down"],
        }
    }
    assert await driver.pull("GET", "scenario") == playing
    teams = (await driver.pull("GET", "teams"))["teams"]
    assert [(team["credits"], team["maxConcurrentJobs"]) for team in teams] == [(40, 2), (1, 2), (7, 2)]
    assert (await driver.pull("GET", "clock"))["jobSpeed"] == 1
    assert [await status(driver, "afk_guest") for _ in range(2)] == [202, 429]
    await driver.advance("10s")
    assert await status(driver) == 503
    await driver.pull("POST", "scenario", {"name": None})
    after = [await driver.pull("GET", lever) for lever in levers]
    after[0]["teams"].pop()  # that of the key that is gone
    before[3]["now"] = after[3]["now"]
    assert after == before
    assert await status(driver, "afk_guest") == 401


async def test_another_scenario_takes_the_place_of_the_one_before(driver: Driver) -> None:
    await driver.pull("POST", "scenario", {"scenario": EVERYTHING})
    await driver.pull("POST", "scenario", {"name": "happy"})
    assert (await driver.pull("GET", "teams"))["teams"][0]["credits"] == 1_000_000
    assert (await driver.pull("GET", "faults"))["faults"] == []


async def test_keys_play_scenarios_of_their_own_side_by_side(driver: Driver) -> None:
    for key in ("afk_first", "afk_second", "afk_third"):
        await driver.pull("POST", "keys", {"key": key}, status=201)
    down = {"about": "down", "faults": [{"id": "f", "respond": {"status": 503}}]}
    limited = {
        "about": "limited",
        "settings": {"rate-limit": "1/1s", "speed": "instant", "max-concurrent-jobs": 1, "retention": "5s"},
        "credits": 10,
        "faults": [{"id": "f", "match": {"path": "/v2/jobs*"}, "respond": {"status": 500}}],
    }
    await driver.pull("POST", "scenario", {"scenario": down, "key": "afk_first"})
    shown = await driver.pull("POST", "scenario", {"scenario": limited, "key": "afk_second"})
    assert shown["scenario"]["key"] == "afk_"
    assert await driver.pull("GET", "scenario?key=afk_second") == shown
    assert await driver.pull("GET", "scenario") == {"scenario": None}
    assert [await status(driver, f"afk_{name}") for name in ("first", "second", "second", "third")] == [
        503,
        202,
        429,
        202,
    ]
    assert [team["speed"] for team in (await driver.pull("GET", "teams"))["teams"]][-3:] == [None, "instant", None]
    await driver.pull("DELETE", "scenario?key=afk_first", status=204)
    await driver.advance("1s")
    assert await status(driver, "afk_first") == 202
    [rule] = (await driver.pull("GET", "faults"))["faults"]
    assert rule["match"] == {"path": "/v2/jobs*", "key": "afk_…"}
    await driver.pull("DELETE", "scenario?key=afk_second", status=204)
    assert [await status(driver, "afk_second") for _ in range(2)] == [202, 202]


async def test_chance_is_the_same_for_every_key_that_plays_a_scenario(driver: Driver) -> None:
    chance = {"about": "chance", "faults": [{"id": "maybe", "respond": {"status": 503}, "probability": 0.5}]}
    runs = []
    for key in ("afk_first", "afk_second"):
        await driver.pull("POST", "keys", {"key": key}, status=201)
        await driver.pull("POST", "scenario", {"scenario": chance, "key": key})
        runs.append([await status(driver, key) for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {202, 503}


async def test_a_setting_that_was_given_by_hand_stays(make_app: MakeApp) -> None:
    app = await make_app(speed=60.0, given=frozenset({"speed"}), scenario="slow-day")
    assert app.service.rules.speed == 60.0
    other = await make_app(speed=60.0, scenario="slow-day")
    assert other.service.rules.speed == 1.0
    limited = {"about": "x", "settings": {"max-concurrent-jobs": 2}}
    app = await make_app(given=frozenset({"max_concurrent_jobs"}))
    await app.stage.play(Found(scenario_of(limited, "limited"), None))
    assert {team.max_concurrent_jobs for team in await app.store.teams()} == {None}


async def test_what_others_changed_in_the_meantime_stays_when_a_scenario_ends(driver: Driver) -> None:
    await driver.pull("POST", "keys", {"key": "afk_other"}, status=201)
    team = (await driver.pull("GET", "teams"))["teams"][0]["id"]
    await driver.pull("POST", "scenario", {"scenario": EVERYTHING})
    await driver.pull("PATCH", f"teams/{team}", {"plan": "free", "maxConcurrentJobs": 9})
    await driver.pull("POST", "scenario", {"scenario": {"about": "x", "settings": {"speed": 9}}, "key": "afk_other"})
    await driver.pull("DELETE", "scenario", status=204)
    first, *_ = teams = (await driver.pull("GET", "teams"))["teams"]
    assert (first["plan"], first["maxConcurrentJobs"]) == ("free", 9)
    assert [team["speed"] for team in teams if team["speed"] is not None] == [9]
    await driver.pull("PATCH", f"teams/{team}", {"maxConcurrentJobs": 4})
    own = {"about": "x", "settings": {"max-concurrent-jobs": 1, "speed": 2, "rate-limit": "1/1s"}}
    await driver.pull("POST", "scenario", {"scenario": own, "key": "afk_test"})
    await driver.pull("PATCH", f"teams/{team}", {"speed": 3})
    await driver.pull("PATCH", "keys/afk_test", {"rateLimit": "9/1s"})
    await driver.pull("DELETE", "scenario?key=afk_test", status=204)
    [after, *_] = (await driver.pull("GET", "teams"))["teams"]
    assert (after["speed"], after["maxConcurrentJobs"]) == (3, 4)
    assert (await driver.pull("GET", "keys/afk_test"))["rateLimit"] == "9/1s"


async def test_new_keys_have_the_limit_of_the_scenario_until_it_ends(driver: Driver) -> None:
    await driver.pull("POST", "scenario", {"scenario": {"about": "x", "settings": {"max-concurrent-jobs": 2}}})
    made = await driver.pull("POST", "keys", {"key": "afk_other"}, status=201)
    assert made["team"]["maxConcurrentJobs"] == 2
    await driver.pull("DELETE", "scenario", status=204)
    assert (await driver.pull("GET", "keys/afk_other"))["team"]["maxConcurrentJobs"] is None


async def test_rules_of_others_with_the_same_id_stay(driver: Driver) -> None:
    async def there() -> list[tuple[str, str]]:
        return [(rule["id"], rule["origin"]) for rule in (await driver.pull("GET", "faults"))["faults"]]

    await driver.pull("POST", "faults", {"id": "mine", "delay": "1ms"}, status=201)
    await driver.pull("POST", "scenario", {"scenario": EVERYTHING})
    assert await there() == [("mine", "api"), ("mine.scenario", "scenario"), ("down.scenario", "scenario")]
    await driver.pull("POST", "faults", {"id": "down.scenario", "delay": "1ms"}, status=201)
    await driver.pull("DELETE", "scenario", status=204)
    assert await there() == [("mine", "api"), ("down.scenario", "api")]


async def test_more_rules_than_there_is_room_for_are_refused(driver: Driver) -> None:
    many = {"about": "many", "faults": [{"delay": "1ms"}] * 999}
    await driver.pull("POST", "scenario", {"scenario": many})
    await driver.pull("POST", "scenario", {"scenario": many})
    await driver.pull("POST", "faults", {"id": "mine", "delay": "1ms"}, status=201)
    await driver.pull("POST", "keys", {"key": "afk_other"}, status=201)
    problem = await driver.pull("POST", "scenario", {"scenario": EVERYTHING, "key": "afk_other"}, status=400)
    assert problem["detail"] == "faults: 1000 rules are the most, and 1000 are there already"
    assert await status(driver, "afk_guest") == 401


async def test_keys_of_a_scenario_are_made_as_by_the_lever(driver: Driver) -> None:
    key = {"key": "afk_guest", "speed": "instant", "retention": "5s", "rateLimit": None}
    await driver.pull("POST", "scenario", {"scenario": {"about": "x", "keys": [key]}})
    team = (await driver.pull("GET", "keys/afk_guest"))["team"]
    assert (team["speed"], team["retention"]) == ("instant", "5s")


async def test_the_scenario_of_the_start_is_played_again_after_a_reset(make_app: MakeApp) -> None:
    app = await make_app(scenario="out-of-credits", faults=[{"id": "mine", "delay": "1ms"}])
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": "afk_test"}) as http:
        driver = Driver(http)
        assert [await status(driver) for _ in range(4)] == [202, 202, 202, 402]
        await driver.pull("POST", "scenario", {"name": "happy"})
        await driver.pull("POST", "reset")
        assert (await driver.pull("GET", "scenario"))["scenario"]["name"] == "out-of-credits"
        assert await driver.balance() == 20
        rules = (await driver.pull("GET", "faults"))["faults"]
        assert [(rule["id"], rule["origin"]) for rule in rules] == [("mine", "config")]


# A person's own


def written(folder: Path, name: str, content: Any) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


async def test_a_persons_folder_is_looked_at_first(make_app: MakeApp, tmp_path: Path) -> None:
    written(tmp_path, "happy.toml", 'about = "my own"\n[settings]\nspeed = "instant"\n')
    written(tmp_path, "more.json", {"about": "more"})
    written(tmp_path, "notes.txt", "no scenario")
    app = await make_app(scenarios=str(tmp_path), scenario="happy")
    assert app.service.rules.speed == math.inf
    async with aiohttp.ClientSession(app.url) as http:
        rows = (await Driver(http).pull("GET", "scenarios"))["scenarios"]
    own = [(row["name"], row["about"], row["file"]) for row in rows if row["file"]]
    assert own == [
        ("happy", "my own", str(tmp_path / "happy.toml")),
        ("more", "more", str(tmp_path / "more.json")),
    ]
    assert len(rows) == len(known_in("none")) + 1


async def test_a_name_may_be_of_any_letters(make_app: MakeApp, tmp_path: Path) -> None:
    for name in ("ein schöner Tag", "_" * 60):
        written(tmp_path, f"{name}.json", {"about": "x", "faults": [{"delay": "1ms"}]})
    app = await make_app(scenario="ein schöner Tag", scenarios=str(tmp_path))
    assert [rule.id for rule in app.faults.rules()] == ["ein-sch-ner-Tag-1"]
    await app.stage.play(find("_" * 60, str(tmp_path)))
    assert [rule.id for rule in app.faults.rules()] == ["scenario-1"]


def test_what_is_hidden_in_a_folder_is_no_scenario(tmp_path: Path) -> None:
    for name in (".#mine.json", "notes.txt", "more.json~"):
        written(tmp_path, name, {})
    (tmp_path / "folder.json").mkdir()
    assert known_in(str(tmp_path)) == known_in("none")


async def test_a_file_can_be_named_on_the_command_line_and_not_over_http(make_app: MakeApp, tmp_path: Path) -> None:
    file = written(tmp_path, "mine.json", {"about": "mine", "credits": 3})
    app = await make_app(scenario=str(file))
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": "afk_test"}) as http:
        driver = Driver(http)
        assert await driver.balance() == 3
        problem = await driver.pull("POST", "scenario", {"name": str(file)}, status=404)
        assert "there is no scenario" in problem["detail"]


MISTAKES: dict[str, tuple[Any, str]] = {
    "no-about.json": ({}, 'lacks "about"'),
    "unknown.json": ({"about": "x", "fautls": []}, 'there is no "fautls"; did you mean "faults"?'),
    "speed.json": ({"about": "x", "settings": {"speed": "fast"}}, 'settings.speed: "fast" will not do: want a number'),
    "rate.json": ({"about": "x", "settings": {"rate-limit": "5"}}, 'settings.rate-limit: "5" will not do: want REQ'),
    "rule.json": (
        {"about": "x", "faults": [{"drop": "before"}, {"respond": {"status": 99}}]},
        "faults[1].respond.status: 99 will not do: want a status from 200 to 599",
    ),
    "sense.json": ({"about": "x", "faults": [{}]}, "faults[0]: does nothing"),
    "step.json": ({"about": "x", "timeline": [{"faults": []}]}, 'timeline[0]: lacks "at"'),
    "window.json": (
        {"about": "x", "timeline": [{"at": "1s", "faults": [{"drop": "after", "for": "1s"}]}]},
        "timeline[0].faults[0].for: the step says when",
    ),
    "twice.json": (
        {"about": "x", "faults": [{"id": "a", "drop": "after"}, {"id": "a", "drop": "after"}]},
        'faults[1].id: "a" stands twice',
    ),
    "key.json": ({"about": "x", "keys": [{"key": "afk_new", "rateLimit": "9"}]}, "keys[0].rateLimit"),
    "broken.json": ('{"about": "x",}', "is no JSON: "),
    "broken.toml": ("about = x", "is no TOML: "),
    "deep.json": ("[" * 10_000, "is no JSON"),
    "field-twice.json": (
        '{"about": "x", "faults": [], "faults": []}',
        'is no JSON: "faults" stands twice in one object',
    ),
    "key-twice.json": (
        {"about": "x", "keys": [{"key": "afk_new"}, {"key": "afk_new"}]},
        'keys[1].key: "afk_new" stands twice',
    ),
    "number.json": ('{"about": "x", "credits": NaN}', "credits: nan will not do: want a number"),
    "half.json": ('{"about": "\\ud800"}', "about: '\\ud800' will not do: want whole characters"),
    "span.json": (
        {"about": "x", "faults": [{"delay": "3\u00a0s"}]},
        'faults[0].delay: "3\u00a0s" will not do: want a span',
    ),
    "date.toml": ("about = 2026-01-01", "about: 2026-01-01 will not do: want a text, in quotes"),
    "date-in-a-rule.toml": (
        'about = "x"\n[[faults]]\ngateway = 502\nmatch = { body = { day = [2026-01-01] } }',
        "faults[0].match.body.day[0]: 2026-01-01 will not do",
    ),
    "endless.toml": ('about = "x"\nsettings = { speed = inf }', "settings.speed: inf will not do: want a number"),
    "no-text.json": (b"\xff", "is no text in UTF-8"),
    "list.json": ([], "[] will not do: want an object with about"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_names_file_place_value_and_what_is_allowed(tmp_path: Path, name: str) -> None:
    content, said = MISTAKES[name]
    file = written(tmp_path, name, content)
    with pytest.raises(SettingsError) as caught:
        scenario_in(file)
    assert f"{file}: " in str(caught.value)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, "many.json", {"about": 1, "credits": -1, "keys": {}})
    with pytest.raises(SettingsError) as caught:
        scenario_in(file)
    assert str(caught.value).count(str(file)) == 3


def test_a_name_that_is_not_there_is_told_with_one_that_looks_alike() -> None:
    with pytest.raises(
        UnknownScenario, match=r'no scenario "happpy"; did you mean "happy"\? there are content-policy,'
    ):
        find("happpy", "none")
    with pytest.raises(UnknownScenario, match=r'webhook-chaos; and no folder "none" for your own$'):
        find("happpy", "none")
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        find("none/here.json", "none")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"scenario": "happpy"}, '--scenario: there is no scenario "happpy"'),
        (
            {"faults": [{"drop": "later"}], "file": Path("mine.toml")},
            'mine.toml: faults[0].drop: "later" will not do: want "before" or "after"',
        ),
    ],
)
async def test_a_start_with_a_mistake_says_so_and_leaves_nothing_open(settings: dict[str, Any], said: str) -> None:
    app = App(Settings(port=0, **settings))
    with pytest.raises(SettingsError) as caught:
        await app.start()
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({}, 400, 'want a "name", or a "scenario"'),
        ({"name": "happy", "scenario": {}}, 400, 'want a "name", or a "scenario"'),
        ({"name": "happpy"}, 404, 'did you mean "happy"?'),
        ({"name": "happy", "key": "afk_nobody"}, 404, "this key does not exist"),
        ({"scenario": {"about": "x", "faults": [{"dorp": 1}]}}, 400, 'faults[0]: there is no "dorp"'),
        ({"scenario": {"about": "x", "keys": [{"key": "afk_test"}]}}, 400, "keys[0].key: this key is there already"),
    ],
)
async def test_what_cannot_be_played_is_refused_and_changes_nothing(
    driver: Driver, body: dict[str, Any], code: int, said: str
) -> None:
    await driver.pull("POST", "scenario", {"scenario": EVERYTHING})
    before = [await driver.pull("GET", lever) for lever in ("teams", "keys", "faults", "scenario")]
    problem = await driver.pull("POST", "scenario", body, status=code)
    assert said in problem["detail"]
    assert [await driver.pull("GET", lever) for lever in ("teams", "keys", "faults", "scenario")] == before
