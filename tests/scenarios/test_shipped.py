"""Each scenario that ships, played over HTTP: what a client sees is what it says."""

import io
import re
from collections.abc import Iterable
from typing import Any

import aiohttp
import pytest

from mockserver.scenarios.shelf import find, known_in
from tests.conftest import Inbox, MakeApp
from tests.driver import COST, MODEL, PNG, Driver

BODY = {"prompt": "a fox", "model": MODEL}
MUST = {
    "happy",
    "out-of-credits",
    "rate-limited",
    "queue-outage",
    "slow-day",
    "content-policy",
    "webhook-chaos",
    "gateway-html",
    "expired-results",
    "flaky-network",
    "lora-training",
    "music-night",
    "slow-video",
    "uploads-down",
}


async def play(driver: Driver, name: str) -> None:
    playing = await driver.pull("POST", "scenario", {"name": name})
    assert playing["scenario"]["name"] == name


async def seen(driver: Driver, count: int, body: dict[str, Any] = BODY) -> list[int | str]:
    """The statuses of so many submissions, `none` where no whole answer came."""
    found: list[int | str] = []
    for _ in range(count):
        try:
            async with driver.http.post("/v2/images/generate", json=body) as answer:
                await answer.read()
                found.append(answer.status)
        except aiohttp.ClientError:
            found.append("none")
    return found


def test_at_least_these_are_there_each_with_its_own_text() -> None:
    found = [find(known.name, "none").scenario for known in known_in("none")]
    assert {scenario.name for scenario in found} >= MUST
    assert len({scenario.about for scenario in found}) == len(found)
    assert all(len(scenario.about) > 40 and scenario.about.endswith(".") for scenario in found)


async def test_happy(driver: Driver, inbox: Inbox) -> None:
    await play(driver, "happy")
    job_id = await driver.submit(webhookUrl=inbox.url)
    await driver.advance("5s")
    assert (await driver.job(job_id))["webhookStatus"] == "delivered"
    assert len(inbox.received) == 1


async def test_out_of_credits(driver: Driver) -> None:
    await play(driver, "out-of-credits")
    assert await seen(driver, 5) == [202, 202, 202, 402, 402]
    async with driver.http.post("/v2/images/generate", json=BODY) as answer:
        assert await answer.json() == {
            "error": "Insufficient credits",
            "creditsRequired": COST,
            "creditsAvailable": 20 - 3 * COST,
        }


async def test_rate_limited(driver: Driver) -> None:
    await play(driver, "rate-limited")
    assert await seen(driver, 6) == [202, 202, 202, 202, 202, 429]
    async with driver.http.get("/v2/me") as answer:
        wait_s = int(answer.headers["Retry-After"])
    await driver.advance(wait_s)
    assert await seen(driver, 1) == [202]


async def test_queue_outage(driver: Driver) -> None:
    await play(driver, "queue-outage")
    job_id = await driver.submit()
    await driver.advance("29s")
    assert await seen(driver, 1) == [202]
    await driver.advance("1s")
    async with driver.http.post("/v2/images/generate", json=BODY) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert (await driver.job(job_id))["status"] == "COMPLETED"
    await driver.advance("20s")
    assert await seen(driver, 1) == [202]


async def test_slow_day(driver: Driver) -> None:
    await play(driver, "slow-day")
    jobs = [await driver.submit() for _ in range(3)]
    await driver.advance("119s")
    assert set(await driver.statuses(jobs[0])) == {"QUEUED"}
    entries = (await driver.pull("GET", "requests?method=POST"))["requests"]
    assert all(0.1 <= entry["seconds"] < 5 for entry in entries)
    await driver.advance("2s")
    assert await driver.statuses(jobs[0]) == ["PROCESSING"]


async def test_some_jobs_of_a_slow_day_never_end(make_app: MakeApp) -> None:
    app = await make_app(scenario="slow-day")
    app.faults.remove(lambda rule: rule.id == "slow-answers")
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": "afk_test"}) as http:
        driver = Driver(http)
        jobs = [await driver.submit() for _ in range(40)]
        await driver.advance("1d")
        statuses = await driver.statuses(*jobs)
    assert set(statuses) == {"COMPLETED", "PROCESSING"}
    assert 1 <= statuses.count("PROCESSING") <= 12


async def test_content_policy(driver: Driver) -> None:
    await play(driver, "content-policy")
    weapons = [await driver.submit("a WEAPON of old") for _ in range(3)]
    others = [await driver.submit() for _ in range(24)]
    await driver.advance("10m")
    assert {(await driver.job(job))["error"] for job in weapons} == {
        "Provider returned an error: content policy violation"
    }
    statuses = await driver.statuses(*others)
    assert 1 <= statuses.count("FAILED") <= 14
    assert await driver.balance() == 1_000_000 - COST * statuses.count("COMPLETED")


async def test_webhook_chaos(driver: Driver, inbox: Inbox) -> None:
    await play(driver, "webhook-chaos")
    jobs = [
        await driver.submit(webhookUrl=f"{inbox.url}/{turn}", webhookEvents=["progress", "completed"])
        for turn in range(9)
    ]
    await driver.advance("25s")
    on_time = [path.rsplit("/", 1)[1] for path in ends_of(inbox)]
    await driver.advance("10m")
    turns = [path.rsplit("/", 1)[1] for path in ends_of(inbox)]
    assert "6" not in on_time
    assert {turn: turns.count(turn) for turn in map(str, range(9))} == {
        **dict.fromkeys("023456", 1),
        "1": 2,
        "7": 0,
        "8": 0,
    }
    assert not [each for each in inbox.received if each.path.endswith("/8")]
    events_of_third = [each.headers["X-Webhook-Event"] for each in inbox.received if each.path.endswith("/2")]
    assert events_of_third[0] == "completed"
    assert set(events_of_third[1:]) == {"progress"}
    assert set(await driver.statuses(*jobs)) == {"COMPLETED"}


def ends_of(inbox: Inbox) -> Iterable[str]:
    return [each.path for each in inbox.received if each.headers["X-Webhook-Event"] == "completed"]


async def test_gateway_html(driver: Driver) -> None:
    await play(driver, "gateway-html")
    statuses = await seen(driver, 60)
    assert set(statuses) == {202, 502, 504}
    assert 3 <= 60 - statuses.count(202) <= 30
    jobs = (await driver.pull("GET", "jobs"))["jobs"]
    assert len(jobs) == statuses.count(202) + statuses.count(504)
    pages = (await driver.pull("GET", "requests?status=502"))["requests"]
    assert pages[0]["answer"]["headers"]["Content-Type"].startswith("text/html")


async def test_expired_results(driver: Driver) -> None:
    await play(driver, "expired-results")
    job_id = await driver.submit("[[instant]]")
    address = (await driver.job(job_id))["result"]["images"][0]
    found = []
    for span in ("0s", "9s", "2s"):
        await driver.advance(span)
        async with driver.http.get(address) as answer:
            found.append(answer.status)
    assert found == [200, 200, 404]


async def test_flaky_network(driver: Driver) -> None:
    rules = find("flaky-network", "none").scenario.faults
    assert {re.sub(r"-.*", "", rule["id"]) for rule in rules} == {"dropped", "cut", "drips"}
    quick = [{**rule, "drip": "10ms"} if "drip" in rule else rule for rule in rules]
    await driver.pull("POST", "scenario", {"scenario": {"about": "the same, with less waiting", "faults": quick}})
    found = await seen(driver, 60)
    assert set(found) == {202, "none"}
    assert 4 <= found.count("none") <= 30
    fired = {fault for entry in (await driver.pull("GET", "requests"))["requests"] for fault in entry["faults"]}
    assert fired == {"dropped-before", "dropped-after", "cut-short", "drips"}


async def test_maintenance(driver: Driver) -> None:
    await play(driver, "maintenance")
    found = []
    for span in ("59s", "1s", "299s", "1s"):
        await driver.advance(span)
        found += await seen(driver, 1)
    assert found == [202, 503, 503, 202]


async def test_lost_answers(driver: Driver) -> None:
    await play(driver, "lost-answers")
    assert await seen(driver, 4) == ["none", 202, "none", 202]
    assert await driver.balance() == 1_000_000 - 4 * COST


async def test_lora_training(driver: Driver) -> None:
    await play(driver, "lora-training")
    first = await driver.train()
    await driver.advance("5s")
    assert await driver.balance() == 1_000_000 - 257
    await driver.advance("25s")
    second = await driver.train()
    await driver.advance("30s")
    async with driver.http.get("/v2/loras") as answer:
        seen = {lora["id"]: (lora["status"], lora["error"]) for lora in (await answer.json())["items"]}
    assert seen == {
        first: ("FAILED", "Training failed: too few of the images show the subject"),
        second: ("READY", None),
    }
    assert await driver.balance() == 1_000_000 - 257


async def started(driver: Driver, path: str, key: str = "", **body: Any) -> str:
    """The id of the job; empty where the answer was lost."""
    try:
        async with driver.http.post(path, json=body, headers={"Idempotency-Key": key} if key else {}) as answer:
            return str((await answer.json())["jobId"])
    except aiohttp.ClientError:
        return ""


async def test_music_night(driver: Driver) -> None:
    await play(driver, "music-night")
    songs = [await started(driver, "/v2/music/generate", model="suno", prompt="a fox") for _ in range(6)]
    await driver.advance("1h")
    assert await driver.statuses(*songs) == ["COMPLETED", "FAILED", "COMPLETED", "COMPLETED", "FAILED", "COMPLETED"]
    link, chain = {"action": "extend", "index": 1}, [songs[0]]
    for number in range(2):
        told = {**link, "parentJobId": chain[-1]}
        answers = [await started(driver, "/v2/music/suno/action", f"link-{number}", **told) for _ in range(2)]
        assert answers[0] == ""
        chain.append(answers[1])
        await driver.advance("1h")
    lengths = [(await driver.job(song))["result"]["tracks"][0]["duration"] for song in chain]
    assert lengths == sorted(set(lengths))
    assert await driver.balance() == 1_000_000 - 6 * 11


async def test_slow_video(driver: Driver) -> None:
    await play(driver, "slow-video")
    video = await started(driver, "/v2/videos/generate", model="kling-2.5-turbo-pro", prompt="a fox")
    picture, seen = await driver.submit(), []
    for span in ("29s", "2s", "2m", "10m"):
        await driver.advance(span)
        seen.append(await driver.job(video))
    assert [job["status"] for job in seen] == ["QUEUED", "PROCESSING", "PROCESSING", "COMPLETED"]
    assert 0 < seen[2]["progress"] < 99
    quick, slow = (await driver.job(picture))["completedAt"], seen[3]["completedAt"]
    assert (quick < "2026-01-01T00:01", slow > "2026-01-01T00:04") == (True, True)
    async with driver.http.get(seen[3]["result"]["videoUrl"]) as answer:
        assert (answer.status, answer.content_type) == (200, "video/mp4")
    assert (await driver.pull("GET", "requests"))["requests"][-1]["seconds"] >= 0.2


async def test_uploads_down(driver: Driver) -> None:
    await play(driver, "uploads-down")

    async def uploaded(count: int) -> list[int]:
        statuses = []
        for _ in range(count):
            async with driver.http.post("/v2/uploads", data={"file": io.BytesIO(PNG)}) as answer:
                assert answer.status == 201 or await answer.json() == {"error": "Upload failed"}
                statuses.append(answer.status)
        return statuses

    assert await uploaded(4) == [502, 201, 201, 502]
    await driver.advance("1m")
    assert await uploaded(3) == [502, 502, 502]
    assert await seen(driver, 1) == [202]
    await driver.advance("30s")
    assert set(await uploaded(3)) == {201, 502}


@pytest.mark.parametrize("name", [known.name for known in known_in("none")])
async def test_each_ends_without_a_trace(driver: Driver, name: str) -> None:
    before = [await driver.pull("GET", lever) for lever in ("teams", "keys", "faults", "clock")]
    await play(driver, name)
    await driver.pull("DELETE", "scenario", status=204)
    assert [await driver.pull("GET", lever) for lever in ("teams", "keys", "faults", "clock")] == before
    assert await driver.pull("GET", "scenario") == {"scenario": None}
