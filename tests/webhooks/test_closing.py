"""A server that stops with webhooks under way leaves nothing behind; pytest turns what is left into an error."""

import asyncio
import gc

import aiohttp

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.settings import Settings
from tests.conftest import KEY, START
from tests.driver import Driver
from tests.webhooks.conftest import Receiver


async def test_closing_with_deliveries_under_way_leaves_no_tasks(receiver: Receiver) -> None:
    before = asyncio.all_tasks()
    receiver.gate = asyncio.Event()
    app = App(Settings(port=0, seed=7), Clock(START, is_frozen=True))
    await app.start()
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        for events in (["completed"], ["progress", "completed"]):
            for prompt in ("[[instant]]", "[[slow 9s]]", "[[slow 1h]]"):
                await driver.submit(prompt, webhookUrl=receiver.url, webhookEvents=events)
        await driver.advance("1m", wait=False)
        await receiver.arrivals.get()
    await app.close()
    left = asyncio.all_tasks() - before - receiver.tasks
    assert {task.get_name() for task in left} == set()
    del app
    gc.collect()


async def test_closing_right_after_a_submission_leaves_no_tasks(receiver: Receiver) -> None:
    before = asyncio.all_tasks()
    app = App(Settings(port=0, seed=7), Clock(START, is_frozen=True))
    await app.start()
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        await Driver(http).submit("[[instant]]", webhookUrl=receiver.url)
    await app.close()
    left = asyncio.all_tasks() - before - receiver.tasks
    assert {task.get_name() for task in left} == set()
    del app
    gc.collect()
