"""Which events a job sends, and what they say."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.driver import Driver
from tests.webhooks.conftest import Receiver

SCHEMAS = Path(__file__).parents[2] / "schemas" / "webhooks"


def assert_fits_its_schema(event: dict[str, object]) -> None:
    schema = json.loads((SCHEMAS / f"{event['event']}.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in validator.iter_errors(event)] == []
    assert sorted(event) == sorted(schema["required"])


@pytest.mark.parametrize(
    ("wanted", "prompt", "expected"),
    [
        (None, "a fox", ["completed"]),
        (None, "[[fail]]", ["failed"]),
        (None, "[[cancel]]", []),
        (None, "[[stuck]]", []),
        (["completed"], "[[fail]]", []),
        (["failed"], "a fox", []),
        (["failed"], "[[fail]]", ["failed"]),
        (["completed", "completed", "failed"], "a fox", ["completed"]),
        (["progress"], "[[fail]]", []),
        (["progress", "failed", "completed"], "[[instant]]", ["completed"]),
    ],
)
async def test_a_job_sends_the_events_it_was_asked_for_and_by_default_only_its_end(
    driver: Driver, receiver: Receiver, wanted: list[str] | None, prompt: str, expected: list[str]
) -> None:
    more = {} if wanted is None else {"webhookEvents": wanted}
    await driver.submit(prompt, webhookUrl=receiver.url, **more)
    await driver.advance("1h")
    assert [event["event"] for event in receiver.events()] == expected


async def test_a_completed_event_says_what_the_job_says(driver: Driver, receiver: Receiver) -> None:
    job_id = await driver.submit(webhookUrl=receiver.url)
    await driver.advance("1m")
    job = await driver.job(job_id)
    [event] = receiver.events()
    assert_fits_its_schema(event)
    assert event == {
        "event": "completed",
        "jobId": job_id,
        "status": "COMPLETED",
        "progress": 100,
        "result": job["result"],
        "model": "flux-2-pro",
        "creditCost": job["creditCost"],
        "completedAt": job["completedAt"],
    }


async def test_a_failed_event_says_what_the_job_says(driver: Driver, receiver: Receiver) -> None:
    job_id = await driver.submit('[[fail: a "moderator" said no, é 🦊]]', webhookUrl=receiver.url)
    await driver.advance("1m")
    job = await driver.job(job_id)
    [event] = receiver.events()
    assert_fits_its_schema(event)
    assert event == {
        "event": "failed",
        "jobId": job_id,
        "status": "FAILED",
        "error": 'a "moderator" said no, é 🦊',
        "model": "flux-2-pro",
    }
    assert job["error"] == event["error"]


async def test_a_progress_event_says_what_a_poll_at_its_instant_says(driver: Driver, receiver: Receiver) -> None:
    job_id = await driver.submit("[[slow 100s]]", webhookUrl=receiver.url, webhookEvents=["progress"])
    seen = []
    for _ in range(120):
        before = len(receiver.received)
        await driver.advance(1)
        job = await driver.job(job_id)
        if len(receiver.received) > before:
            last = receiver.events()[-1]
            assert_fits_its_schema(last)
            if job["status"] == "PROCESSING":
                expected = {"event": "progress", "jobId": job_id, "status": "PROCESSING", "model": "flux-2-pro"}
                assert last == {**expected, "progress": job["progress"]}
                seen.append(last["progress"])
    assert len(seen) >= 3


async def test_progress_rises_and_ends_with_exactly_one_terminal_event(driver: Driver, receiver: Receiver) -> None:
    events = ["progress", "completed", "failed"]
    prompts = ["[[slow 40s]]", "[[slow 30s]] [[fail]]", "a fox", "[[slow 20s]]", "a hen"]
    job_ids = [await driver.submit(prompt, webhookUrl=receiver.url, webhookEvents=events) for prompt in prompts]
    await driver.advance("1h")
    for job_id, prompt in zip(job_ids, prompts, strict=True):
        mine = [event for event in receiver.events() if event["jobId"] == job_id]
        progress = [event["progress"] for event in mine[:-1]]
        assert [event["event"] for event in mine[:-1]] == ["progress"] * len(progress)
        assert progress == sorted(set(progress))
        assert mine[-1]["event"] == ("failed" if "fail" in prompt else "completed")
        assert len(progress) >= 2 or "fail" in prompt


@pytest.mark.parametrize(
    ("lever", "expected"),
    [
        ({"complete": True}, ["completed"]),
        ({"fail": "no capacity"}, ["failed"]),
        ({"fail": True}, ["failed"]),
        ({"cancel": True}, []),
    ],
)
async def test_a_lever_that_ends_a_job_has_sent_its_event_when_it_answers(
    driver: Driver, receiver: Receiver, lever: dict[str, object], expected: list[str]
) -> None:
    job_id = await driver.submit("[[stuck]]", webhookUrl=receiver.url)
    await driver.pull("POST", f"jobs/{job_id}", lever)
    assert [event["event"] for event in receiver.events()] == expected
    await driver.advance("1h")
    assert [event["event"] for event in receiver.events()] == expected


async def test_progress_set_by_a_lever_is_sent_like_any_other(driver: Driver, receiver: Receiver) -> None:
    events = ["progress", "completed"]
    job_id = await driver.submit("[[slow 100s]]", webhookUrl=receiver.url, webhookEvents=events)
    await driver.advance(7)
    await driver.pull("POST", f"jobs/{job_id}", {"progress": 61})
    await driver.pull("POST", f"jobs/{job_id}", {"progress": 61})
    assert [event["progress"] for event in receiver.events()].count(61) == 1
    await driver.pull("POST", f"jobs/{job_id}", {"progress": 62})
    assert receiver.events()[-1]["progress"] == 62
    await driver.advance("1h")
    progress = [event["progress"] for event in receiver.events()]
    assert progress == sorted(set(progress))
    assert progress[-1] == 100


async def test_progress_of_a_queued_job_set_by_a_lever_is_sent(driver: Driver, receiver: Receiver) -> None:
    job_id = await driver.submit("[[slow 100s]]", webhookUrl=receiver.url, webhookEvents=["progress"])
    await driver.pull("POST", f"jobs/{job_id}", {"progress": 33})
    assert receiver.events() == [
        {"event": "progress", "jobId": job_id, "status": "PROCESSING", "progress": 33, "model": "flux-2-pro"}
    ]


async def test_the_webhook_status_is_null_without_a_webhook_and_pending_until_the_end(
    driver: Driver, receiver: Receiver
) -> None:
    without = await driver.submit()
    with_one = await driver.submit("[[slow 10s]]", webhookUrl=receiver.url, webhookEvents=["progress", "completed"])
    await driver.advance(6)
    assert [(await driver.job(each))["webhookStatus"] for each in (without, with_one)] == [None, "pending"]
    await driver.advance(60)
    assert [(await driver.job(each))["webhookStatus"] for each in (without, with_one)] == [None, "delivered"]
    listed = (await (await driver.http.get("/v2/jobs")).json())["jobs"]
    assert {job["id"]: job["webhookStatus"] for job in listed} == {without: None, with_one: "delivered"}


async def test_the_input_of_a_job_leaves_its_webhook_out(driver: Driver, receiver: Receiver) -> None:
    job_id = await driver.submit("a fox", webhookUrl=receiver.url, webhookEvents=["failed"])
    assert (await driver.job(job_id))["input"] == {"prompt": "a fox", "model": "flux-2-pro"}
