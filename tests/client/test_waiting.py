"""Verbs that wait: they block in synchronous code and are awaited in event loops, which go on meanwhile."""

import asyncio
import gc
import threading
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trio
from aiohttp import web

from mockserver import MockServer
from mockserver.webhook_inbox import WebhookInbox
from tests.client.conftest import asked, submitted

Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run an asynchronous function in one kind of event loop."""

    def in_loop(main: Callable[[], Awaitable[None]]) -> None:
        anyio.run(main, backend=request.param)

    return in_loop


def test_every_verb_that_waits_is_awaited_in_an_event_loop(run: Run, mock: MockServer, inbox: WebhookInbox) -> None:
    async def main() -> None:
        mock.clock.freeze()
        ids = [await anyio.to_thread.run_sync(lambda: submitted(mock, webhookUrl=inbox.url)) for _ in range(5)]
        for job_id, verb, status in zip(
            ids, ("complete", "fail", "cancel"), ("COMPLETED", "FAILED", "CANCELLED"), strict=False
        ):
            await getattr(mock.jobs[job_id], verb)()
            assert mock.jobs[job_id].status == status
        await mock.jobs[ids[0]].expire()
        await mock.jobs[ids[3]].progress_to(30)
        now = mock.clock.now
        assert await mock.clock.advance("1m") == mock.clock.now > now
        await mock.clock.set("2099-01-01")
        completed = await mock.webhooks.wait(event="completed", count=3)
        assert [each.job_id for each in completed] == [ids[0], *ids[3:]]
        again = await mock.webhooks.redeliver(completed[0])
        assert len(again.attempts) == 2
        assert [each.event for each in await inbox.wait(event="failed")] == ["failed"]
        requests = await mock.requests.wait(count=5)
        assert [request.job_id for request in requests] == ids
        await mock.expect(5, timeout=1)
        await mock.expect_order([{"job": ids[0]}, {"job": ids[1]}], timeout=1)
        await mock.scenario("queue-outage")
        await mock.reset()
        assert len(mock.jobs) == 0

    run(main)


async def test_the_loop_goes_on_while_the_mock_waits_for_a_receiver_that_runs_in_it(mock: MockServer) -> None:
    came = []

    async def receive(request: web.Request) -> web.Response:
        came.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    mock.clock.freeze()
    job_id = submitted(mock, webhookUrl=f"http://127.0.0.1:{runner.addresses[0][1]}/hook")
    await mock.clock.advance("10m")
    assert [each["jobId"] for each in came] == [job_id]
    await runner.cleanup()


def test_a_request_of_the_same_loop_ends_the_wait_for_it(run: Run, mock: MockServer) -> None:
    async def main() -> None:
        numbers: list[int] = []

        async def wait() -> None:
            numbers.extend(request.number for request in await mock.requests.wait(path="/v2/me", timeout=20))

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.to_thread.run_sync(lambda: asked(mock, "GET", "/v2/me"))
        assert numbers == [1]

    run(main)


def test_in_a_thread_beside_the_loop_verbs_block(run: Run, mock: MockServer) -> None:
    async def main() -> None:
        moved = await anyio.to_thread.run_sync(lambda: mock.clock.advance("1m").result())
        assert moved <= mock.clock.now

    run(main)


def test_a_cancelled_wait_leaves_no_thread_behind(run: Run, mock: MockServer, inbox: WebhookInbox) -> None:
    before = set(threading.enumerate())

    async def main() -> None:
        for wait in (
            lambda: mock.requests.wait(timeout="10m"),
            lambda: mock.webhooks.wait(timeout="10m"),
            lambda: inbox.wait(timeout="10m"),
        ):
            with anyio.move_on_after(0.05) as scope:
                await wait()
            assert scope.cancelled_caught

    run(main)
    for thread in set(threading.enumerate()) - before:
        for _ in range(500):  # trio keeps its threads for later, under another name
            if thread.is_alive() and "wait" in thread.name:
                thread.join(0.01)
        assert not (thread.is_alive() and "wait" in thread.name)
    assert mock.requests == []


def test_what_fails_fails_where_it_is_awaited(run: Run, mock: MockServer, inbox: WebhookInbox) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError, match="found 0 among 0"):
            await mock.requests.wait(timeout=0.01)
        with pytest.raises(TimeoutError, match=r"0 of 1 webhooks came; received: nothing"):
            await inbox.wait(timeout=0.01)
        with pytest.raises(AssertionError, match="no request has come"):
            await mock.expect(timeout=0.01)
        with pytest.raises(AssertionError, match="no request has come"):
            mock.expect()

    run(main)


def test_what_is_never_awaited_is_warned_of_at_its_line(run: Run, mock: MockServer) -> None:
    async def main() -> None:
        mock.clock.advance("1h")

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        run(main)
        gc.collect()
    [warning] = [each for each in told if each.category is RuntimeWarning]
    assert str(warning.message) == "clock.advance() was never awaited"
    assert (warning.filename, warning.lineno) == (__file__, main.__code__.co_firstlineno + 1)


def test_what_is_to_be_awaited_says_so_when_it_is_used_before(run: Run, mock: MockServer) -> None:
    async def main() -> None:
        uses: list[Callable[[], Any]] = [
            lambda: mock.requests.wait()[0],
            lambda: bool(mock.webhooks.wait()),
            lambda: mock.clock.advance(1).result(),
        ]
        for use in uses:
            with pytest.raises(RuntimeError, match=r"an event loop runs here: `await` (requests|webhooks|clock)"):
                use()
        waiting = mock.clock.advance(1)
        assert repr(waiting) == "<clock.advance(), to be awaited>"
        assert await waiting == await waiting

    run(main)


def test_done_at_once_it_can_be_awaited_too(mock: MockServer) -> None:
    moved = mock.clock.advance("1m")
    assert repr(moved) == repr(moved.result())

    async def main() -> None:
        assert await moved == moved.result()
        await mock.expect(0)

    asyncio.run(main())
    trio.run(main)


async def test_a_wait_that_was_given_up_is_not_done_again(mock: MockServer) -> None:
    waiting = mock.requests.wait(timeout="10m")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waiting, 0.05)
    with pytest.raises(RuntimeError, match=r"requests.wait\(\) was awaited before, and given up"):
        await waiting


async def test_waits_are_gathered_with_what_ends_them(mock: MockServer) -> None:
    requests, answer = await asyncio.gather(
        mock.requests.wait(count=1), asyncio.to_thread(asked, mock, "GET", "/v2/me")
    )
    assert ([each.status for each in requests], answer[0]) == ([200], 200)


def test_more_can_be_waited_for_than_the_loop_has_threads(run: Run, mock: MockServer) -> None:
    async def main() -> None:
        found: list[int] = []

        async def wait() -> None:
            found.extend(request.number for request in await mock.requests.wait(timeout=20))

        async with anyio.create_task_group() as group:
            for _ in range(60):
                group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(anyio.to_thread.run_sync, lambda: asked(mock, "GET", "/v2/me"))
        assert found == [1] * 60

    run(main)
