"""Every defect can be planted in a server that starts and works otherwise, and leaves nothing behind."""

import re
import sys
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.settings import Settings
from tests.power.defects import DEFECTS, planted

PROMPTS = ("a fox", "a hare", "a wren", "a newt")


def attributes() -> dict[tuple[str, str], Any]:
    """What every module of the mock, and every class of theirs, holds now, by owner and name."""
    return {(where, name): value for where, owner in owners() for name, value in tuple(vars(owner).items())}


def owners() -> Iterator[tuple[str, Any]]:
    for where, module in tuple(sys.modules.items()):
        if where.partition(".")[0] == "mockserver":
            yield where, module
            for name, value in tuple(vars(module).items()):
                if isinstance(value, type) and value.__module__ == where:
                    yield f"{where}:{name}", value


def differences(before: dict[tuple[str, str], Any]) -> set[tuple[str, str]]:
    """Where the mock is not what it was; a module may have been loaded, and a class looked into by Python itself."""
    missing, now = object(), attributes()
    changed = {place for place, value in before.items() if now.get(place, missing) is not value}
    added = {(where, name) for where, name in now.keys() - before.keys() if ":" in where and not name.startswith("__")}
    return changed | added


async def answer_of(http: aiohttp.ClientSession, method: str, path: str, body: Any, status: int) -> Any:
    async with http.request(method, path, json=body) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json(content_type=None)


@pytest.mark.parametrize("name", DEFECTS)
async def test_a_planted_server_works_otherwise_and_the_defect_leaves_with_it(name: str, clock: Clock) -> None:
    before = attributes()
    with planted(name):
        assert differences(before)
        async with App(Settings(port=0, seed=7), clock) as app, http_of(app) as http:
            assert (await answer_of(http, "GET", "/_mock/health", None, 200))["status"] == "ok"
            made = [await answer_of(http, "POST", "/v2/images/generate", plain(prompt), 202) for prompt in PROMPTS]
            await answer_of(http, "POST", "/_mock/clock", {"advance": "10m"}, 200)
            seen = [await answer_of(http, "GET", f"/v2/jobs/{each['jobId']}", None, 200) for each in made]
            levers = [await answer_of(http, "GET", f"/_mock/jobs/{each['jobId']}", None, 200) for each in made]
            assert (await answer_of(http, "GET", "/_mock/health", None, 200))["jobs"] == len(PROMPTS)
    some_stay = {"PROCESSING"} if name == "some-jobs-never-end" else set()
    assert {job["status"] for job in seen} == {"COMPLETED"} | some_stay
    assert [job["status"] for job in seen] == [job["status"] for job in levers]
    assert differences(before) == set()


def http_of(app: App) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(app.url, headers={"X-API-Key": "afk_test"})


def plain(prompt: str) -> dict[str, str]:
    return {"prompt": prompt, "model": "flux-2-pro"}


def test_each_clause_has_one_defect_with_a_name_and_a_sentence() -> None:
    assert len({defect.clause for defect in DEFECTS.values()}) == len(DEFECTS)
    for name, defect in DEFECTS.items():
        assert defect.name == name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name)
        assert re.fullmatch(r"[A-Z]+-[1-9][0-9]*", defect.clause)
        assert re.fullmatch(r"[^\n]+\.", defect.about)


def test_a_defect_that_fails_inside_is_taken_back_too() -> None:
    before = attributes()
    with pytest.raises(KeyError), planted("key-ignored"):
        raise KeyError
    assert differences(before) == set()
