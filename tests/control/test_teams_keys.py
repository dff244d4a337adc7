"""Teams and keys under /_mock, and what their changes do to the API."""

from typing import Any

import pytest
from yarl import URL

from mockserver.app import App
from tests.driver import COST, Driver


async def first_team(driver: Driver) -> dict[str, Any]:
    team: dict[str, Any] = (await driver.pull("GET", "teams"))["teams"][0]
    return team


async def refusal(driver: Driver, api_key: str = "afk_test", path: str = "/v2/me") -> tuple[int, Any]:
    async with driver.http.get(path, headers={"X-API-Key": api_key}) as answer:
        return answer.status, (await answer.json()).get("error")


async def submission(driver: Driver, api_key: str = "afk_test") -> tuple[int, Any]:
    body = {"prompt": "a fox", "model": "flux-2-pro"}
    async with driver.http.post("/v2/images/generate", json=body, headers={"X-API-Key": api_key}) as answer:
        return answer.status, await answer.json()


async def test_the_teams_of_the_start_are_listed(driver: Driver) -> None:
    rest = {
        "plan": "pro",
        "maxConcurrentJobs": None,
        "modalities": ["image", "video", "music"],
        "speed": None,
        "retention": None,
    }
    teams = (await driver.pull("GET", "teams"))["teams"]
    assert [{**team, "id": ""} for team in teams] == [
        {"id": "", "name": "Test Team", "credits": 1_000_000, **rest},
        {"id": "", "name": "Poor Team", "credits": 1, **rest},
    ]


async def test_credits_of_a_team_are_set_to_a_number(driver: Driver) -> None:
    team = await first_team(driver)
    for credit, expected in ((COST - 1, 402), (COST, 202), (0, 402), (10**12, 202)):
        changed = await driver.pull("PATCH", f"teams/{team['id']}", {"credits": credit})
        assert changed == {**team, "credits": credit}
        status, body = await submission(driver)
        assert status == expected
        if status == 402:
            shown = {"error": "Insufficient credits", "creditsRequired": COST, "creditsAvailable": credit}
            assert body == shown
    assert await driver.balance() == 10**12 - COST


async def test_a_refund_still_comes_after_credits_were_set(driver: Driver) -> None:
    team = await first_team(driver)
    await driver.submit("[[fail]]")
    await driver.pull("PATCH", f"teams/{team['id']}", {"credits": 0})
    assert await driver.balance() == 0
    await driver.advance("1m")
    assert await driver.balance() == COST


async def test_every_field_of_a_team_can_be_changed(driver: Driver) -> None:
    team = await first_team(driver)
    change = {"name": "Über 🦊", "credits": 7, "plan": "free", "maxConcurrentJobs": 3, "modalities": ["music"]}
    assert await driver.pull("PATCH", f"teams/{team['id']}", change) == {**team, **change}
    assert await first_team(driver) == {**team, **change}
    me = (await (await driver.http.get("/v2/me")).json())["team"]
    assert me == {
        "id": team["id"],
        "name": "Über 🦊",
        "credits": 7,
        "plan": "free",
        "customerId": None,
        "maxConcurrentJobs": 3,
    }
    assert await submission(driver) == (403, {"error": "Image generation is not enabled for your team"})
    assert await driver.pull("PATCH", f"teams/{team['id']}", {}) == {**team, **change}
    back = await driver.pull("PATCH", f"teams/{team['id']}", {"maxConcurrentJobs": None})
    assert back["maxConcurrentJobs"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"credits": -1}, "credits"),
        ({"credits": 1.5}, "credits"),
        ({"credits": "7"}, "credits"),
        ({"credits": 10**12 + 1}, "credits"),
        ({"credits": None}, "credits"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"plan": 1}, "plan"),
        ({"maxConcurrentJobs": 0}, "maxConcurrentJobs"),
        ({"modalities": "image"}, "modalities"),
        ({"modalities": ["image", "smell"]}, "modalities.1"),
        ({"id": "other"}, "id"),
    ],
)
async def test_a_wrong_change_of_a_team_is_a_400_and_changes_nothing(
    driver: Driver, change: dict[str, Any], field: str
) -> None:
    team = await first_team(driver)
    problem = await driver.pull("PATCH", f"teams/{team['id']}", {"plan": "free", **change}, status=400)
    assert list(problem["errors"]) == [field]
    assert await first_team(driver) == team


async def test_a_team_that_does_not_exist_is_a_404(driver: Driver) -> None:
    problem = await driver.pull("PATCH", "teams/nobody", {"credits": 1}, status=404)
    assert problem == {
        "type": "about:blank",
        "title": "No such team",
        "status": 404,
        "detail": 'there is no team "nobody"; GET /_mock/teams lists them',
    }


async def test_a_new_key_has_a_team_of_its_own_and_works_at_once(driver: Driver) -> None:
    made = await driver.pull("POST", "keys", {"key": "afk_0123456789abcdef", "name": "Mine", "credits": 9}, status=201)
    assert {**made, "id": "", "teamId": "", "userId": "", "team": {}} == {
        "key": "afk_0123456789abcdef",
        "id": "",
        "name": "Mine",
        "prefix": "afk_0123",
        "teamId": "",
        "userId": "",
        "role": "ADMIN",
        "active": True,
        "rateLimit": None,
        "queueDown": False,
        "team": {},
        "lastRequest": 0,
    }
    assert (made["team"]["credits"], made["team"]["id"]) == (9, made["teamId"])
    shown = await driver.pull("GET", "keys/afk_0123456789abcdef")
    assert shown == {name: made[name] for name in made if name not in ("key", "lastRequest")}
    async with driver.http.get("/v2/me", headers={"X-API-Key": "afk_0123456789abcdef"}) as answer:
        me = await answer.json()
    assert (me["apiKey"], me["team"]["credits"]) == ({"id": made["id"], "name": "Mine", "prefix": "afk_0123"}, 9)
    assert await driver.balance() == 1_000_000


async def test_a_key_is_made_up_where_none_is_given(driver: Driver) -> None:
    made = await driver.pull("POST", "keys", {}, status=201)
    assert made["key"].startswith("afk_")
    assert len(made["key"]) == len("afk_") + 40
    assert await refusal(driver, made["key"]) == (200, None)


async def test_the_list_of_keys_shows_no_key_whole(driver: Driver) -> None:
    made = await driver.pull("POST", "keys", {}, status=201)
    async with driver.http.get("/_mock/keys") as answer:
        text = await answer.text()
    assert made["id"] in text
    assert made["key"] not in text


async def test_keys_of_one_team_share_credits_and_keys_of_one_user_share_jobs(driver: Driver) -> None:
    team = (await first_team(driver))["id"]
    for key, user in (("afk_one", "Ann"), ("afk_two", "Ann"), ("afk_three", "Bob")):
        await driver.pull("POST", "keys", {"key": key, "team": team, "user": user, "role": "MEMBER"}, status=201)
    _, accepted = await submission(driver, "afk_one")
    assert await driver.balance() == 1_000_000 - COST
    path = f"/v2/jobs/{accepted['jobId']}"
    seen = [await refusal(driver, key, path) for key in ("afk_one", "afk_two", "afk_three")]
    assert seen == [(200, None), (200, None), (404, "Job not found")]


async def test_changes_of_a_key_hold_at_once(driver: Driver) -> None:
    await driver.pull("PATCH", "keys/afk_test", {"active": False})
    assert await refusal(driver) == (403, "API key is inactive")
    await driver.pull("PATCH", "keys/afk_test", {"active": True, "queueDown": True})
    assert await submission(driver) == (503, {"error": "Service unavailable"})
    await driver.pull("PATCH", "keys/afk_test", {"queueDown": False, "role": "MEMBER"})
    assert await refusal(driver, path="/v2/jobs?scope=team") == (403, "Only team admins can list team jobs")
    changed = await driver.pull("PATCH", "keys/afk_test", {"rateLimit": "2/10s", "name": "Slow", "role": "OWNER"})
    assert {**changed, "id": "", "teamId": "", "userId": ""} == {
        "id": "",
        "name": "Slow",
        "prefix": "afk_",
        "teamId": "",
        "userId": "",
        "role": "OWNER",
        "active": True,
        "rateLimit": "2/10s",
        "queueDown": False,
    }
    seen = [await refusal(driver) for _ in range(3)]
    assert seen == [(200, None), (200, None), (429, "Rate limit exceeded")]
    await driver.pull("PATCH", "keys/afk_test", {"rateLimit": None})
    assert await refusal(driver) == (200, None)


async def test_a_deleted_key_is_unknown(driver: Driver) -> None:
    await driver.pull("DELETE", "keys/afk_test", status=204)
    assert await refusal(driver) == (401, "Invalid API key")
    problem = await driver.pull("DELETE", "keys/afk_test", status=404)
    assert (problem["title"], "afk_test" in problem["detail"]) == ("No such key", False)
    await driver.pull("PATCH", "keys/afk_test", {"active": True}, status=404)


async def test_a_key_with_a_slash_is_reached_by_its_encoded_form(app: App, driver: Driver) -> None:
    await driver.pull("POST", "keys", {"key": "afk/one?two#%"}, status=201)
    async with driver.http.delete(URL(f"{app.url}/_mock/keys/afk%2Fone%3Ftwo%23%25", encoded=True)) as answer:
        assert answer.status == 204


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"key": "afk_test"}, 409, "already"),
        ({"key": "afk"}, 400, "key: Too small"),
        ({"key": "x" * 201}, 400, "key: Too big"),
        ({"key": "afk with space"}, 400, "key: Invalid string"),
        ({"key": "afk_line\n"}, 400, "key: Invalid string"),
        ({"key": "afk_schlüssel"}, 400, "key: Invalid string"),
        ({"role": "KING"}, 400, "role: Invalid option"),
        ({"rateLimit": "often"}, 400, 'rateLimit: "often" will not do'),
        ({"rateLimit": "0/1s"}, 400, "rateLimit:"),
        ({"rateLimit": "1/0s"}, 400, "rateLimit:"),
        ({"rateLimit": "9" * 5000 + "/1s"}, 400, "rateLimit:"),
        ({"credits": -1}, 400, "credits: Too small"),
        ({"team": "nobody"}, 404, "nobody"),
        ({"prefix": "afk_"}, 400, "prefix: Unrecognized key"),
    ],
)
async def test_a_wrong_new_key_is_refused_with_the_reason(
    driver: Driver, body: dict[str, Any], status: int, said: str
) -> None:
    before = await driver.pull("GET", "keys"), await driver.pull("GET", "teams")
    problem = await driver.pull("POST", "keys", body, status=status)
    assert said in problem["detail"]
    assert len(problem["detail"]) < 500
    assert (await driver.pull("GET", "keys"), await driver.pull("GET", "teams")) == before


async def test_credits_do_not_go_with_a_team_that_exists(driver: Driver) -> None:
    team = (await first_team(driver))["id"]
    problem = await driver.pull("POST", "keys", {"team": team, "credits": 1}, status=400)
    assert problem["detail"] == "credits goes with a new team; PATCH the team that exists"


async def test_with_a_key_go_its_faults_and_its_scenario(driver: Driver) -> None:
    await driver.pull("POST", "keys", {"key": "afk_mine"}, status=201)
    for key in ("afk_mine", "afk_test"):
        await driver.pull("POST", "faults", {"id": key, "match": {"key": key}, "respond": {"status": 503}}, status=201)
    await driver.pull("POST", "scenario", {"name": "queue-outage", "key": "afk_mine"})
    await driver.pull("DELETE", "keys/afk_mine", status=204)
    assert [rule["id"] for rule in (await driver.pull("GET", "faults"))["faults"]] == ["afk_test"]
    assert await driver.pull("GET", "scenario?key=afk_mine") == {"scenario": None}
