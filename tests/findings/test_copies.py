"""Events that come twice: whether their receiver does its work twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mockserver.app import App
from mockserver.clock import Clock
from tests.conftest import KEY
from tests.driver import MODEL, Driver
from tests.findings.conftest import Found

Work = Callable[[dict[str, Any]], Awaitable[None]]
DUPLICATE = "a fox [[webhook: duplicate]]"


class Pipeline:
    """A receiver that works on each event that comes, while it answers or afterwards."""

    def __init__(self) -> None:
        self.url = ""
        self.work: Work | None = None
        self.is_prompt = False
        """Whether it answers first."""
        self.tasks: list[asyncio.Task[None]] = []

    async def answer(self, request: web.Request) -> web.Response:
        event = await request.json()
        assert self.work is not None
        self.tasks.append(asyncio.ensure_future(self.work(event)))
        if not self.is_prompt:
            await self.tasks[-1]
        return web.Response()


@pytest.fixture
async def pipeline(clock: Clock) -> AsyncIterator[Pipeline]:
    clock.freeze(is_frozen=False)
    made = Pipeline()
    app = web.Application()
    app.router.add_post("/", made.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}/"
    yield made
    await asyncio.gather(*made.tasks)
    await runner.cleanup()


async def download(event: dict[str, Any]) -> None:
    async with aiohttp.request("GET", event["result"]["images"][0]) as answer:
        assert answer.status == 200
        await answer.read()


def follow_up(app: App) -> Work:
    """Submits the result for further work."""

    async def submit(event: dict[str, Any]) -> None:
        image = event["result"]["images"][0]
        body = {"prompt": "the same at night", "model": MODEL, "fluxParams": {"input_images": [image]}}
        async with aiohttp.request(
            "POST", f"{app.url}/v2/images/generate", json=body, headers={"X-API-Key": KEY}
        ) as answer:
            assert answer.status == 202

    return submit


def play(parts: int) -> Work:
    """Fetches a video in so many parts, as a player does."""

    async def fetch(event: dict[str, Any]) -> None:
        for start in range(0, 10 * parts, 10):
            ranged = {"Range": f"bytes={start}-{start + 9}"}
            async with aiohttp.request("GET", event["result"]["videoUrl"], headers=ranged) as answer:
                assert (answer.status, len(await answer.read())) == (206, 10)

    return fetch


def act_on(app: App, path: str, **body: Any) -> Work:
    """Submits an action on the job."""

    async def submit(event: dict[str, Any]) -> None:
        told = {**body, "parentJobId": event["jobId"]}
        async with aiohttp.request("POST", f"{app.url}{path}", json=told, headers={"X-API-Key": KEY}) as answer:
            assert answer.status == 202, await answer.text()

    return submit


def once(work: Work) -> Work:
    """Only at the first copy."""
    seen: set[str] = set()

    async def guarded(event: dict[str, Any]) -> None:
        if event["jobId"] not in seen:
            seen.add(event["jobId"])
            await work(event)

    return guarded


async def finish(driver: Driver, pipeline: Pipeline, prompt: str = DUPLICATE) -> str:
    job_id = await driver.submit(prompt, webhookUrl=pipeline.url)
    await driver.advance(60)
    await asyncio.gather(*pipeline.tasks)
    return job_id


@pytest.mark.parametrize("is_prompt", [False, True])
async def test_a_file_that_is_taken_once_for_each_copy_is_found(
    is_prompt: bool,  # noqa: FBT001 - a parameter of pytest
    driver: Driver,
    pipeline: Pipeline,
    found: Found,
) -> None:
    pipeline.work, pipeline.is_prompt = download, is_prompt
    await driver.pull("POST", "faults", {"match": {"operation": "files"}, "delay": "300ms"}, status=201)
    await finish(driver, pipeline)
    assert await found() == {"WEBHOOK-DUPLICATE-PROCESSED": [[2, 3]]}


@pytest.mark.parametrize("is_prompt", [False, True])
async def test_a_submission_that_is_sent_once_for_each_copy_is_found(
    is_prompt: bool,  # noqa: FBT001 - a parameter of pytest
    app: App,
    driver: Driver,
    pipeline: Pipeline,
    found: Found,
) -> None:
    pipeline.is_prompt, pipeline.work = is_prompt, download
    await finish(driver, pipeline, "a hare")
    pipeline.work = follow_up(app)
    await finish(driver, pipeline)
    assert await found() == {"WEBHOOK-DUPLICATE-PROCESSED": [[4, 5]]}


async def test_work_that_is_done_again_when_an_event_is_redelivered_is_found(
    driver: Driver, pipeline: Pipeline, found: Found
) -> None:
    pipeline.work = download
    job_id = await finish(driver, pipeline, "a fox")
    assert await found() == {}
    await driver.pull("POST", f"webhooks/{job_id}_completed/redeliver")
    assert await found() == {"WEBHOOK-DUPLICATE-PROCESSED": [[2, 3]]}
    told = (await driver.pull("GET", "findings"))["findings"][0]["occurrences"][0]
    assert told["delivery"] == f"{job_id}_completed"
    assert told["evidence"] == (
        f"the receiver took the final event of job {job_id} 2 times; requests 2 and 3 are equal downloads, one for each"
    )


async def order(driver: Driver, pipeline: Pipeline, path: str, **body: Any) -> None:
    told = {"prompt": DUPLICATE, "webhookUrl": pipeline.url, **body}
    async with driver.http.post(path, json=told) as answer:
        assert answer.status == 202, await answer.text()
    await driver.advance(600)
    await asyncio.gather(*pipeline.tasks)


async def test_the_parts_of_a_video_are_one_download_and_one_for_each_copy_is_found(
    driver: Driver, pipeline: Pipeline, found: Found
) -> None:
    for work, names in ((once(play(12)), {}), (play(12), {"WEBHOOK-DUPLICATE-PROCESSED": [[15, 27]]})):
        pipeline.work = work
        await order(driver, pipeline, "/v2/videos/generate", model="kling-2.5-turbo-pro")
        assert await found() == names


async def test_an_action_on_a_job_once_for_each_copy_is_found(
    app: App, driver: Driver, pipeline: Pipeline, found: Found
) -> None:
    for wrap, names in ((once, {}), (lambda work: work, {"WEBHOOK-DUPLICATE-PROCESSED": [[4, 5]]})):
        pipeline.work = wrap(act_on(app, "/v2/music/suno/action", action="stems", index=1))
        await order(driver, pipeline, "/v2/music/generate", model="suno")
        assert await found() == names


async def test_a_job_whose_work_is_done_again_and_again_is_found_once(
    app: App, driver: Driver, pipeline: Pipeline
) -> None:
    pipeline.work = download
    job_id = await finish(driver, pipeline)
    for _ in range(3):
        await driver.pull("POST", f"webhooks/{job_id}_completed/redeliver")
    assert app.findings.counts() == {"WEBHOOK-DUPLICATE-PROCESSED": 1}


async def test_work_that_is_done_twice_for_one_event_is_none(
    app: App, driver: Driver, pipeline: Pipeline, found: Found
) -> None:
    submit = follow_up(app)

    async def work(event: dict[str, Any]) -> None:
        if event["event"] == "completed":
            await asyncio.gather(*(act(event) for act in (download, download, submit, submit)))

    pipeline.work = once(work)
    job_id = await finish(driver, pipeline, "a fox")
    await driver.pull("POST", f"webhooks/{job_id}_completed/redeliver")
    pipeline.work = work
    await driver.submit("a hare", webhookUrl=pipeline.url, webhookEvents=["progress", "completed"])
    await driver.advance(60)
    assert await found() == {}


@pytest.mark.parametrize("is_prompt", [False, True])
async def test_a_receiver_that_knows_copies_is_none(
    is_prompt: bool,  # noqa: FBT001 - a parameter of pytest
    app: App,
    driver: Driver,
    pipeline: Pipeline,
    found: Found,
) -> None:
    pipeline.is_prompt = is_prompt
    for work in (download, follow_up(app), follow_up(app)):
        pipeline.work = once(work)
        job_id = await finish(driver, pipeline)
        await driver.pull("POST", f"webhooks/{job_id}_completed/redeliver")
    assert await found() == {}


async def test_downloads_by_others_after_the_copies_are_none(
    app: App, driver: Driver, pipeline: Pipeline, found: Found
) -> None:
    pipeline.work = once(download)
    job_id = await finish(driver, pipeline)
    for _ in range(3):
        await download({"result": {"images": [f"{app.url}/images/{job_id}-1.png"]}})
    assert await found() == {}


async def test_work_that_polling_may_have_led_to_is_none(driver: Driver, pipeline: Pipeline, found: Found) -> None:
    async def look_and_download(event: dict[str, Any]) -> None:
        await driver.job(event["jobId"])
        await download(event)

    pipeline.work = look_and_download
    await finish(driver, pipeline)
    assert await found() == {}


async def test_a_retry_of_an_event_that_was_not_taken_is_none(driver: Driver, pipeline: Pipeline, found: Found) -> None:
    async def download_and_fail(event: dict[str, Any]) -> None:
        await download(event)
        if len(pipeline.tasks) == 1:
            raise web.HTTPInternalServerError

    pipeline.work = download_and_fail
    await driver.submit(webhookUrl=pipeline.url)
    await driver.advance(60)
    await driver.advance(10)
    with pytest.raises(web.HTTPInternalServerError):
        await pipeline.tasks.pop(0)
    assert await found() == {}
