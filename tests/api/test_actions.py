"""Jobs made from jobs: which parents an action takes, what it costs, and what it makes."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.core.ids import named_uuid
from tests.driver import Driver

MIDJOURNEY, SUNO, UDIO = "/v2/images/midjourney/action", "/v2/music/suno/action", "/v2/music/udio/action"
NOT_AVAILABLE = {"error": "This action is not available for the parent job"}
Make = Callable[..., Awaitable[str]]


@pytest.fixture
def make(driver: Driver) -> Make:
    """Submit; the id of the job, which is complete."""

    async def submit(path: str, **body: Any) -> str:
        async with driver.http.post(path, json=body) as response:
            assert response.status == 202, await response.text()
            job_id: str = (await response.json())["jobId"]
        await driver.pull("POST", f"jobs/{job_id}", {"complete": True})
        return job_id

    return submit


async def grid(make: Make) -> str:
    return await make("/v2/images/generate", model="midjourney", prompt="a fox")


async def song(make: Make, **more: Any) -> str:
    return await make("/v2/music/generate", model="suno", prompt="a song about foxes", **more)


async def refused(client: aiohttp.ClientSession, path: str, **body: Any) -> tuple[int, Any]:
    async with client.post(path, json=body) as response:
        return response.status, await response.json()


async def test_a_grid_becomes_one_picture_which_becomes_a_grid_again(driver: Driver, make: Make) -> None:
    upsampled = await make(MIDJOURNEY, action="upsample", parentJobId=await grid(make), index=3)
    job = await driver.job(upsampled)
    assert (job["model"], job["creditCost"]) == ("midjourney", 4)
    assert list(job["result"]) == ["images"]
    assert len(job["result"]["images"]) == 1
    for more in ({"action": "inpaint", "mask": "AAAA"}, {"action": "outpaint", "zoomRatio": 1.5}):
        again = await make(MIDJOURNEY, parentJobId=upsampled, **more)
        job = await driver.job(again)
        assert (len(job["result"]["images"]), list(job["result"]), job["creditCost"]) == (4, ["images", "gridUrl"], 16)
        await make(MIDJOURNEY, action="variation", parentJobId=again, index=1)


async def test_a_mask_is_neither_kept_nor_shown(app: App, driver: Driver, make: Make) -> None:
    parent = await make(MIDJOURNEY, action="upsample", parentJobId=await grid(make), index=1)
    job_id = await make(
        MIDJOURNEY, action="inpaint", parentJobId=parent, mask="data:image/png;base64,U0VDUkVU", prompt="a hat"
    )
    assert (await driver.job(job_id))["input"] == {"action": "inpaint", "parentJobId": parent, "prompt": "a hat"}
    kept = await app.store.job(job_id)
    assert kept is not None
    assert b"U0VDUkVU" not in kept.input_json


@pytest.mark.parametrize(
    ("action", "status"),
    [({"action": "upsample", "index": 1}, 400), ({"action": "variation", "index": 1}, 400)],
)
async def test_one_picture_is_no_grid(
    client: aiohttp.ClientSession, driver: Driver, make: Make, action: dict[str, Any], status: int
) -> None:
    parent = await make(MIDJOURNEY, action="upsample", parentJobId=await grid(make), index=1)
    balance = await driver.balance()
    found, answer = await refused(client, MIDJOURNEY, parentJobId=parent, **action)
    assert (found, list(answer["details"])) == (status, ["parentJobId"])
    assert await driver.balance() == balance


@pytest.mark.parametrize(
    "action",
    [
        {"action": "inpaint", "mask": "A"},
        {"action": "outpaint", "zoomRatio": 2},
        {"action": "pan", "direction": "left"},
    ],
)
async def test_a_grid_is_no_one_picture(client: aiohttp.ClientSession, make: Make, action: dict[str, Any]) -> None:
    found, answer = await refused(client, MIDJOURNEY, parentJobId=await grid(make), **action)
    assert (found, list(answer["details"])) == (400, ["parentJobId"])


async def test_parents_that_are_not_there_not_theirs_or_of_another_model(
    client: aiohttp.ClientSession, driver: Driver, make: Make
) -> None:
    parent = await grid(make)
    await driver.pull("POST", "keys", {"key": "afk_a_stranger", "user": "cy"}, status=201)
    stranger = {"X-API-Key": "afk_a_stranger"}
    action = {"action": "upsample", "index": 1}
    unknown = named_uuid("nobody's")
    assert await refused(client, MIDJOURNEY, parentJobId=unknown, **action) == (404, {"error": "Job not found"})
    async with client.post(MIDJOURNEY, json={**action, "parentJobId": parent}, headers=stranger) as response:
        assert (response.status, await response.json()) == (404, {"error": "Job not found"})
    found, answer = await refused(client, MIDJOURNEY, parentJobId=await song(make), **action)
    assert (found, answer["details"]) == (
        400,
        {"parentJobId": ['Invalid input: expected a job of "midjourney", received "suno"']},
    )
    video = {
        "model": "midjourney-video",
        "prompt": "x",
        "midjourneyVideoParams": {"start_image": "https://a.example/b"},
    }
    clip = await make("/v2/videos/generate", **video)
    assert (await refused(client, MIDJOURNEY, parentJobId=clip, **action))[0] == 400


@pytest.mark.parametrize("state", ["[[stuck]]", "[[fail: no]]", "[[cancel]]", "[[slow 10h]]"])
async def test_a_parent_that_is_not_done_is_not_available(
    client: aiohttp.ClientSession, driver: Driver, clock: Clock, state: str
) -> None:
    async with client.post("/v2/images/generate", json={"model": "midjourney", "prompt": state}) as response:
        parent = (await response.json())["jobId"]
    clock.advance(60)
    balance = await driver.balance()
    body = {"action": "upsample", "index": 1, "parentJobId": parent}
    assert await refused(client, MIDJOURNEY, **body) == (409, NOT_AVAILABLE)
    assert await driver.balance() == balance


async def test_a_parent_whose_files_are_gone_is_not_available(
    client: aiohttp.ClientSession, driver: Driver, make: Make
) -> None:
    parent = await grid(make)
    await driver.pull("POST", f"jobs/{parent}", {"expire": True})
    body = {"action": "upsample", "index": 1, "parentJobId": parent}
    assert await refused(client, MIDJOURNEY, **body) == (409, NOT_AVAILABLE)


async def test_a_replay_comes_before_the_parent_is_looked_at(
    client: aiohttp.ClientSession, driver: Driver, make: Make
) -> None:
    body = {"action": "upsample", "index": 1, "parentJobId": await grid(make)}
    key = {"Idempotency-Key": "one"}
    async with client.post(MIDJOURNEY, json=body, headers=key) as response:
        first = (await response.json())["jobId"]
    await driver.pull("POST", f"jobs/{body['parentJobId']}", {"expire": True})
    async with client.post(MIDJOURNEY, json=body, headers=key) as response:
        assert (response.status, (await response.json())["jobId"]) == (202, first)


async def test_a_refused_action_leaves_its_key_free(client: aiohttp.ClientSession, make: Make) -> None:
    parent = await grid(make)
    key = {"Idempotency-Key": "two"}
    wrong = {"action": "pan", "direction": "up", "parentJobId": parent}
    async with client.post(MIDJOURNEY, json=wrong, headers=key) as response:
        assert response.status == 400
    right = {"action": "upsample", "index": 1, "parentJobId": parent}
    async with client.post(MIDJOURNEY, json=right, headers=key) as response:
        assert response.status == 202


async def test_credits_are_looked_at_after_the_parent(
    client: aiohttp.ClientSession, driver: Driver, make: Make
) -> None:
    parent = await grid(make)
    (team, *_) = (await driver.pull("GET", "teams"))["teams"]
    await driver.pull("PATCH", f"teams/{team['id']}", {"credits": 3})
    body = {"action": "upsample", "index": 1, "parentJobId": parent}
    wrong = {"action": "pan", "direction": "up", "parentJobId": parent}
    assert (await refused(client, MIDJOURNEY, **wrong))[0] == 400
    assert await refused(client, MIDJOURNEY, **body) == (
        402,
        {"error": "Insufficient credits", "creditsRequired": 4, "creditsAvailable": 3},
    )


async def test_a_song_is_extended_covered_and_sung_again_and_again(driver: Driver, make: Make) -> None:
    parent = await song(make, sunoParams={"title": "Fox", "style": "folk"})
    first = (await driver.job(parent))["result"]["tracks"][0]
    longer = await make(SUNO, action="extend", parentJobId=parent, index=1)
    track = (await driver.job(longer))["result"]["tracks"][0]
    assert (track["title"], track["tags"]) == ("Fox", "folk")
    assert first["duration"] + 30 <= track["duration"] <= first["duration"] + 60
    cover = await make(SUNO, action="cover", parentJobId=longer, trackId=track["id"], title="Wolf", audio_weight=0.5)
    job = await driver.job(cover)
    assert (job["result"]["tracks"][1]["title"], job["model"], job["creditCost"]) == ("Wolf", "suno", 11)
    sung = await make(SUNO, action="add_vocals", parentJobId=cover, index=2, prompt="la la")
    stems = await make(SUNO, action="stems", parentJobId=sung, index=1)
    assert [each["id"] for each in (await driver.job(stems))["result"]["tracks"]] == ["vocals", "instrumental"]


async def test_stems_cannot_be_acted_on(client: aiohttp.ClientSession, make: Make) -> None:
    stems = await make(SUNO, action="stems", parentJobId=await song(make), index=1)
    assert await refused(client, SUNO, action="cover", parentJobId=stems, index=1) == (409, NOT_AVAILABLE)


async def test_a_track_that_is_not_there_and_a_start_behind_its_end(
    client: aiohttp.ClientSession, driver: Driver, make: Make
) -> None:
    parent = await song(make)
    length = (await driver.job(parent))["result"]["tracks"][0]["duration"]
    found, answer = await refused(client, SUNO, action="cover", parentJobId=parent, trackId="nobody")
    assert (found, list(answer["details"])) == (400, ["trackId"])
    extend = {"action": "extend", "parentJobId": parent, "index": 1}
    assert await refused(client, SUNO, continueAt=length, **extend) == (409, NOT_AVAILABLE)
    assert (await refused(client, SUNO, continueAt=length - 0.1, **extend))[0] == 202


async def test_udio_songs_are_extended_and_mixed_and_words_are_written(driver: Driver, make: Make) -> None:
    parent = await make("/v2/music/generate", model="udio", prompt="rain", udioParams={"title": "Rain"})
    before = (await driver.job(parent))["result"]["tracks"][1]["duration"]
    longer = await make(UDIO, action="extend", parentJobId=parent, index=2, output_length=10)
    assert [each["duration"] for each in (await driver.job(longer))["result"]["tracks"]] == [before + 10] * 2
    mixed = await make(UDIO, action="remix", parentJobId=longer, index=1, remix_strength=0.1)
    assert (await driver.job(mixed))["result"]["tracks"][0]["title"] == "Rain"
    words = await driver.job(await make("/v2/music/udio/lyrics", prompt="rain"))
    assert (words["result"], words["model"]) == ({"lyrics": "[Verse]\nrain", "instrumental": False}, "udio")
    brought = await driver.job(await make("/v2/music/udio/upload", audioUrl="https://a.example/b.mp3"))
    assert list(brought["result"]) == ["url"]


async def test_songs_of_a_long_udio_model_are_not_extended(client: aiohttp.ClientSession, make: Make) -> None:
    parent = await make("/v2/music/generate", model="udio", prompt="rain")
    long_one = await make(UDIO, action="remix", parentJobId=parent, index=1, model="udio130-v1.5")
    assert await refused(client, UDIO, action="extend", parentJobId=long_one, index=1) == (409, NOT_AVAILABLE)
    assert (await refused(client, UDIO, action="remix", parentJobId=long_one, index=1))[0] == 202


async def test_a_song_longer_than_a_quarter_of_an_hour_is_not_extended(
    client: aiohttp.ClientSession, driver: Driver, make: Make
) -> None:
    job_id = await make("/v2/music/generate", model="udio", prompt="rain")
    while (await driver.job(job_id))["result"]["tracks"][0]["duration"] <= 900:
        job_id = await make(UDIO, action="extend", parentJobId=job_id, index=1)
    assert await refused(client, UDIO, action="extend", parentJobId=job_id, index=1) == (409, NOT_AVAILABLE)


async def test_what_an_action_orders_in_its_prompt_is_obeyed(driver: Driver, make: Make) -> None:
    parent = await song(make)
    async with driver.http.post(
        SUNO, json={"action": "cover", "parentJobId": parent, "index": 1, "prompt": "[[fail: no voice]] [[instant]]"}
    ) as response:
        job = await driver.job((await response.json())["jobId"])
    assert (job["status"], job["error"], job["creditCost"]) == ("FAILED", "no voice", 0)
