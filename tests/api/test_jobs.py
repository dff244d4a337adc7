"""GET /v2/jobs/{id}: one job over its life, and who may look."""

from typing import Any

import aiohttp
import pytest

from mockserver.app import App
from mockserver.clock import Clock
from tests.api.conftest import Fits, TeamKeys
from tests.driver import COST, Driver

NOBODYS = "00000000-0000-4000-8000-000000000000"
SENT: dict[str, Any] = {"prompt": "a fox", "model": "flux-2-pro", "fluxParams": {"aspect_ratio": "16:9"}}


async def looked_up(client: aiohttp.ClientSession, job_id: str, **headers: str) -> tuple[int, object]:
    async with client.get(f"/v2/jobs/{job_id}", headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_job_shows_every_documented_field_from_queued_to_expired(
    driver: Driver, clock: Clock, app: App, fits: Fits
) -> None:
    job_id = await driver.submit(**SENT)
    plan = (await driver.pull("GET", f"jobs/{job_id}"))["plan"]
    shown = {
        "id": job_id,
        "status": "QUEUED",
        "model": "flux-2-pro",
        "progress": 0,
        "result": None,
        "error": None,
        "creditCost": COST,
        "webhookStatus": None,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "completedAt": None,
        "expired": False,
        "input": SENT,
    }
    fits(await driver.job(job_id), "job")
    assert await driver.job(job_id) == shown
    await driver.pull("POST", f"jobs/{job_id}", {"progress": 40})
    shown |= {"status": "PROCESSING", "progress": 40}
    assert await driver.job(job_id) == shown
    clock.advance(60)
    result = {"images": [f"{app.url}/images/{job_id}-1.png"]}
    shown |= {"status": "COMPLETED", "progress": 100, "result": result}
    shown["completedAt"] = (await driver.pull("GET", f"jobs/{job_id}"))["plan"]["endsAt"]
    assert shown["completedAt"] <= plan["endsAt"]
    assert await driver.job(job_id) == shown
    clock.advance(24 * 3600)
    assert await driver.job(job_id) == {**shown, "expired": True}


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("[[fail]]", "Provider returned an error: content policy violation"),
        ('[[fail: Image "denied"]] a fox', 'Image "denied"'),
    ],
)
async def test_a_failed_job_tells_why_and_costs_nothing(
    prompt: str, error: str, driver: Driver, clock: Clock, fits: Fits
) -> None:
    job_id = await driver.submit(prompt)
    ends_at = (await driver.pull("GET", f"jobs/{job_id}"))["plan"]["endsAt"]
    clock.advance(60)
    job = await driver.job(job_id)
    fits(job, "job")
    assert job == {
        "id": job_id,
        "status": "FAILED",
        "model": "flux-2-pro",
        "progress": 0,
        "result": None,
        "error": error,
        "creditCost": 0,
        "webhookStatus": None,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "completedAt": ends_at,
        "expired": False,
        "input": {"prompt": prompt, "model": "flux-2-pro"},
    }
    assert await driver.balance() == 1_000_000


async def test_a_cancelled_job_has_an_end_but_no_error(driver: Driver, fits: Fits) -> None:
    job_id = await driver.submit()
    await driver.pull("POST", f"jobs/{job_id}", {"cancel": True})
    job = await driver.job(job_id)
    fits(job, "job")
    assert job == {
        "id": job_id,
        "status": "CANCELLED",
        "model": "flux-2-pro",
        "progress": 0,
        "result": None,
        "error": None,
        "creditCost": 0,
        "webhookStatus": None,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "completedAt": "2026-01-01T00:00:00.000Z",
        "expired": False,
        "input": {"prompt": "a fox", "model": "flux-2-pro"},
    }


@pytest.mark.parametrize(
    "job_id",
    [
        "1",
        "x" * 5000,
        NOBODYS[:-1],
        NOBODYS + "0",
        NOBODYS.replace("-", ""),
        f"%7B{NOBODYS}%7D",
        f"urn:uuid:{NOBODYS}",
        f"{NOBODYS}%0A",
        f"{NOBODYS}%00",
        "%ff",
        "%F0%9F%A6%8A",
    ],
)
async def test_an_id_that_is_no_uuid_is_400(job_id: str, client: aiohttp.ClientSession) -> None:
    assert await looked_up(client, job_id) == (400, {"error": "Invalid job ID"})


async def test_an_id_that_was_never_issued_is_404(client: aiohttp.ClientSession) -> None:
    assert await looked_up(client, NOBODYS) == (404, {"error": "Job not found"})


async def test_the_case_of_an_id_does_not_matter(driver: Driver) -> None:
    job_id = await driver.submit()
    assert (await driver.job(job_id.upper()))["id"] == job_id


async def test_a_job_is_shown_to_its_user_and_to_admins_of_the_team_and_to_nobody_else(
    client: aiohttp.ClientSession, driver: Driver, team_keys: TeamKeys
) -> None:
    async def submit(key: str) -> str:
        body = {"prompt": "a fox", "model": "flux-2-pro"}
        async with client.post("/v2/images/generate", json=body, headers={"X-API-Key": key}) as answer:
            job_id: str = (await answer.json())["jobId"]
            return job_id

    keys = [*team_keys, "afk_test"]
    jobs = [await submit(key) for key in keys]
    seen = [[(await looked_up(client, job, **{"X-API-Key": key}))[0] for job in jobs] for key in keys]
    assert seen == [[200, 200, 404, 404], [404, 200, 404, 404], [404, 404, 200, 404], [404, 404, 404, 200]]
    hidden = await looked_up(client, jobs[0], **{"X-API-Key": team_keys.member})
    assert hidden == (404, {"error": "Job not found"})
    assert (await driver.job(jobs[3]))["id"] == jobs[3]


async def test_two_keys_of_one_user_see_the_same_jobs(client: aiohttp.ClientSession, driver: Driver) -> None:
    made = await driver.pull("POST", "keys", {"key": "afk_first_of_dee", "user": "dee", "role": "MEMBER"}, status=201)
    again = {"key": "afk_second_of_dee", "user": "dee", "role": "MEMBER", "team": made["team"]["id"]}
    await driver.pull("POST", "keys", again, status=201)
    body, first = {"prompt": "a fox", "model": "flux-2-pro"}, {"X-API-Key": "afk_first_of_dee"}
    async with client.post("/v2/images/generate", json=body, headers=first) as answer:
        job_id = (await answer.json())["jobId"]
    assert (await looked_up(client, job_id, **{"X-API-Key": "afk_second_of_dee"}))[0] == 200
