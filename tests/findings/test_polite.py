"""A client and a receiver that do everything right meet everything that can go wrong, and nothing is found."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mockserver.app import App
from mockserver.clock import Clock
from tests.conftest import KEY
from tests.driver import MODEL, Driver

FINAL = ("COMPLETED", "FAILED", "CANCELLED")
POLLS = 20
EVENTS = ["progress", "completed", "failed"]


class Receiver:
    """Verifies the raw bytes, knows copies, and downloads what came, without its key."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: set[tuple[Any, ...]] = set()
        self.pictures = 0

    async def answer(self, request: web.Request) -> web.Response:
        raw = await request.read()
        signed = hmac.new(sha256(KEY.encode()).hexdigest().encode(), raw, "sha256").hexdigest()
        if not hmac.compare_digest(f"sha256={signed}", request.headers["X-Webhook-Signature"]):
            return web.Response(status=401)
        event = json.loads(raw)
        name = (event["jobId"], event["event"], event.get("progress"))
        if name not in self.seen:
            self.seen.add(name)
            for address in (event.get("result") or {}).get("images", []):
                await download(address)
                self.pictures += 1
        return web.Response()


class PoliteClient:
    """Retries what may be retried with the same key, waits as it is told, and stops where there is nothing to gain."""

    def __init__(self, driver: Driver) -> None:
        self.driver, self.made = driver, 0

    async def submit(self, prompt: str = "a fox", **more: Any) -> str:
        """The id of the job; empty where the submission was refused for good."""
        self.made += 1
        key, body = f"order-{self.made}", {"prompt": prompt, "model": MODEL, **more}
        while True:
            status, wait_s, answer = await self.send(body, key)
            if status == 202 and answer is not None:
                return str(answer["jobId"])
            if status not in (0, 202, 408, 429) and status < 500:
                return ""
            await self.driver.advance(wait_s)

    async def send(self, body: Any, key: str) -> tuple[int, float, Any]:
        """Status (0 for none), seconds to wait before the next try, and the answer where it can be read."""
        headers = {"Idempotency-Key": key}
        try:
            async with self.driver.http.post("/v2/images/generate", json=body, headers=headers) as answer:
                wait_s = float(answer.headers.get("Retry-After", "2"))
                try:
                    return answer.status, wait_s, json.loads(await answer.read())
                except ValueError:
                    return answer.status, wait_s, None
        except aiohttp.ClientError:
            return 0, 2.0, None

    async def watch(self, job_id: str) -> dict[str, Any]:
        """The job at its end, or as it is when patience runs out."""
        job: dict[str, Any] = {}
        for _ in range(POLLS):
            try:
                async with self.driver.http.get(f"/v2/jobs/{job_id}") as answer:
                    wait_s = float(answer.headers.get("Retry-After", "2"))
                    job = json.loads(await answer.read()) if answer.status == 200 else job
            except (aiohttp.ClientError, ValueError):
                wait_s = 2.0
            if job.get("status") in FINAL:
                break
            await self.driver.advance(wait_s)
        return job

    async def run(self, prompt: str = "a fox", **more: Any) -> str:
        """A job from its submission to its pictures; its last status, empty for none."""
        job_id = await self.submit(prompt, **more)
        job = await self.watch(job_id) if job_id else {}
        for address in (job.get("result") or {}).get("images", []):
            await download(address)
        return str(job.get("status", ""))


async def download(address: str) -> None:
    async with aiohttp.request("GET", address) as answer:
        assert answer.status == 200
        await answer.read()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/", made.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}/"
    yield made
    await runner.cleanup()


@pytest.fixture(params=[True, False], ids=["stopped clock", "running clock"])
def polite(request: pytest.FixtureRequest, driver: Driver, clock: Clock) -> PoliteClient:
    clock.freeze(is_frozen=request.param)
    return PoliteClient(driver)


@pytest.mark.parametrize(
    "fault",
    [
        {"schedule": [503, 429, 500, "drop", "pass"]},
        {"gateway": 502, "times": 3},
        {"drop": "before", "times": 2},
        {"drop": "after", "times": 2},
        {"respond": {"status": 503, "headers": {"Retry-After": "7"}}, "times": 2},
        {"respond": {"status": 503}, "commit": True, "times": 2},
        {"malformed": True, "times": 2},
        {"truncate": 10, "times": 2},
        {"delay": "20ms"},
        {"probability": 0.3, "respond": {"status": 503}},
        {"job": {"fail": True}},
        {"job": {"stuck": True}},
        {"job": {"slow": "40s"}},
    ],
    ids=json.dumps,
)
async def test_faults_find_nothing(fault: dict[str, Any], polite: PoliteClient, app: App) -> None:
    await polite.driver.pull("POST", "faults", {"match": {"path": "/v2/*"}, **fault}, status=201)
    assert "" not in [await polite.run() for _ in range(3)]
    assert app.findings.shown() == []


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 429, 500, 503])
async def test_refusals_find_nothing(status: int, polite: PoliteClient, app: App) -> None:
    rule = {"respond": {"status": status}, "times": 2}
    await polite.driver.pull("POST", "faults", rule, status=201)
    for _ in range(3):
        await polite.run(f"a fox of its own {polite.made}")
    assert app.findings.shown() == []


@pytest.mark.parametrize(
    "order", ["[[fail]]", "[[cancel]]", "[[slow 30s]]", "[[stuck]]", "[[instant]]", "[[status 402]]"]
)
async def test_directives_find_nothing(order: str, polite: PoliteClient, app: App) -> None:
    await polite.run(order)
    assert app.findings.shown() == []


@pytest.mark.parametrize(
    "order",
    ["", "drop", "lose-final", "duplicate", "reorder", "bad-signature", "replayed-signature", "respelled", "late 5s"],
)
async def test_webhooks_find_nothing(order: str, polite: PoliteClient, receiver: Receiver, app: App) -> None:
    prompt = f"[[webhook: {order}]]"
    watched = await polite.submit(prompt, webhookUrl=receiver.url, webhookEvents=EVENTS)
    await polite.submit(prompt, webhookUrl=receiver.url, webhookEvents=EVENTS)
    await polite.watch(watched)
    await polite.driver.advance(60)
    await polite.driver.advance(60)
    assert receiver.pictures == (2 if order in ("", "duplicate", "reorder", "late 5s") else 0)
    assert app.findings.shown() == []


async def test_many_workers_with_one_key_find_nothing(polite: PoliteClient, app: App) -> None:
    await polite.driver.pull("POST", "faults", {"schedule": [503, "pass"] * 8}, status=201)
    assert await asyncio.gather(*(polite.submit(f"fox {number}") for number in range(16)))
    assert app.findings.shown() == []
