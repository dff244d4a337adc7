"""A store is bounded: finished jobs leave to make room, oldest first, and never silently."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core import timeline
from mockserver.core.idempotency import LIFETIME_S, Claim
from mockserver.core.jobs import Job
from mockserver.core.timeline import JobStatus
from mockserver.stores.protocol import Clash, Counts, Replay, Store
from tests.stores.conftest import OpenStore
from tests.stores.drafts import (
    ANN,
    BOB,
    HOOK,
    NEVER,
    NOW,
    TEAM,
    accepted,
    attempt,
    delivered,
    draft,
    due_again,
    job_id,
    listed,
    plan,
)

FINAL_HOOK = HOOK._replace(events=("completed",))


async def submitted(store: Store, *numbers: int, at: float = NOW + 100) -> None:
    """Jobs that are done at once."""
    for number in numbers:
        await accepted(store, draft(number, at=at, life=plan(starts_at=at, runs_s=0.0)))


async def kept(store: Store) -> list[int]:
    """The numbers of the first twenty jobs that are still there."""
    return [number for number in range(20) if await store.job(job_id(number)) is not None]


async def test_finished_jobs_leave_oldest_first(open_store: OpenStore) -> None:
    async with open_store(max_jobs=3) as store:
        await submitted(store, 0, 1, 2)
        assert await kept(store) == [0, 1, 2]
        await submitted(store, 3, 4)
        assert await kept(store) == [2, 3, 4]
        assert await store.counts() == Counts(jobs=3, evicted=2, pending_deliveries=0)


async def test_of_finished_jobs_that_which_ended_first_leaves_first(open_store: OpenStore) -> None:
    async with open_store(max_jobs=4) as store:
        for number, runs_s in enumerate((30.0, 10.0, 40.0, 20.0)):
            await accepted(store, draft(number, life=plan(runs_s=runs_s)))
        left = []
        for number in range(4, 8):
            before = await kept(store)
            await submitted(store, number)
            left += sorted(set(before) - set(await kept(store)))
        assert left == [1, 3, 0, 2]


async def test_a_job_that_ends_otherwise_than_planned_leaves_by_its_real_end(open_store: OpenStore) -> None:
    async with open_store(max_jobs=3) as store:
        jobs = [await accepted(store, draft(number, life=plan(runs_s=10.0 + number))) for number in range(3)]
        await store.change_plan(jobs[2].id, timeline.cancelled_by(jobs[2].plan, NOW + 1), NOW + 1)
        await store.change_plan(jobs[0].id, jobs[0].plan._replace(runs_s=50.0), NOW + 1)
        await submitted(store, 3)
        assert await kept(store) == [0, 1, 3]
        await submitted(store, 4)
        assert await kept(store) == [0, 3, 4]


async def test_a_job_that_left_is_in_no_list(open_store: OpenStore) -> None:
    async with open_store(max_jobs=2) as store:
        await accepted(store, draft(0, model="old", life=plan(runs_s=0.0)))
        await accepted(store, draft(1, owner=BOB, life=plan(runs_s=0.0)))
        await submitted(store, 2)
        now = NOW + 100
        assert await listed(store, ANN.user_id, now) == [job_id(2)]
        assert await listed(store, TEAM.id, now) == [job_id(2), job_id(1)]
        assert await listed(store, TEAM.id, now, job_id=job_id(0)) == []
        assert await store.models_of(TEAM.id) == ["model-a"]
        assert await store.change_plan(job_id(0), plan(), now) == []


async def test_a_job_that_left_stays_paid_for(open_store: OpenStore) -> None:
    async with open_store(max_jobs=1) as store:
        await submitted(store, *range(10))
        assert await store.balance(TEAM.id, NOW + 100) == TEAM.opening - 10


@pytest.mark.parametrize("starts_at", [NOW, NOW + 1000, NEVER])
async def test_unfinished_jobs_never_leave(open_store: OpenStore, starts_at: float) -> None:
    async with open_store(max_jobs=3) as store:
        for number in range(2):
            await accepted(store, draft(number, life=plan(starts_at=starts_at, runs_s=1000.0)))
        await submitted(store, *range(2, 9))
        assert await kept(store) == [0, 1, 8]


async def test_a_store_full_of_unfinished_jobs_still_takes_more(open_store: OpenStore) -> None:
    async with open_store(max_jobs=2) as store:
        for number in range(6):
            await accepted(store, draft(number, life=plan(runs_s=1000.0)))
        assert await kept(store) == [0, 1, 2, 3, 4, 5]
        await submitted(store, *range(6, 12), at=NOW + 2000)
        assert await store.counts() == Counts(jobs=2, evicted=10, pending_deliveries=0)


async def test_a_job_leaves_only_once_its_webhooks_are_done(open_store: OpenStore) -> None:
    async with open_store(max_jobs=1) as store:
        await accepted(store, draft(0, hook=FINAL_HOOK))
        await submitted(store, 1)
        assert await kept(store) == [0]
        ((delivery, job),) = await store.claim_due(NOW + 100, 10)
        await submitted(store, 2)
        assert await kept(store) == [0]
        await store.settle(due_again(delivery, NOW + 101), attempt(delivery, 500))
        await submitted(store, 3)
        assert await kept(store) == [0]
        assert await store.claim_due(NOW + 101, 10) == [(due_again(delivery, NOW + 101), job)]
        await store.settle(delivered(due_again(delivery, NOW + 101)), attempt(delivery))
        await submitted(store, 4, at=NOW + 101)
        assert await kept(store) == [4]


async def test_a_job_whose_webhook_is_sent_again_stays_until_that_is_done(open_store: OpenStore) -> None:
    async with open_store(max_jobs=2) as store:
        await accepted(store, draft(0, hook=FINAL_HOOK))
        ((delivery, _),) = await store.claim_due(NOW + 10, 10)
        await store.settle(delivered(delivery), attempt(delivery))
        await store.redeliver(delivery.id, NOW + 50)
        await submitted(store, 1, 2, 3)
        assert 0 in await kept(store)
        ((again, _),) = await store.claim_due(NOW + 100, 10)
        await store.settle(delivered(again), attempt(again))
        await submitted(store, 4, 5, 6)
        assert 0 not in await kept(store)
        assert await store.redeliver(delivery.id, NOW + 100) is None


async def test_a_job_that_is_ended_by_hand_can_leave(open_store: OpenStore) -> None:
    async with open_store(max_jobs=2) as store:
        stuck = await accepted(store, draft(0, slots=5, life=plan(runs_s=NEVER)))
        await submitted(store, 1, 2, 3)
        assert 0 in await kept(store)
        now = NOW + 100
        await store.change_plan(stuck.id, timeline.failed_by(stuck.plan, now, "enough"), now)
        await submitted(store, 4, 5, 6)
        assert await kept(store) == [5, 6]
        running = await accepted(store, draft(7, at=now, slots=5, life=plan(starts_at=now)))
        assert await store.change_plan(running.id, timeline.cancelled_by(running.plan, now), now) != []


@pytest.mark.parametrize("outcome", [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED])
async def test_the_key_of_a_job_that_left_still_stands_for_it(open_store: OpenStore, outcome: JobStatus) -> None:
    async with open_store(max_jobs=1) as store:
        await accepted(store, draft(0, key="k", cost=10, life=plan(outcome=outcome)))
        await submitted(store, 1)
        assert await kept(store) == [1]
        now = NOW + 200
        balance = await store.balance(TEAM.id, now)
        replay = Replay(job_id(0), outcome)
        assert await store.recall(ANN.user_id, Claim("k", b"request"), now) == replay
        assert await store.submit(draft(2, at=now, key="k"), now) == replay
        assert await store.submit(draft(3, at=now, key="k", request=b"another"), now) == Clash()
        assert (await kept(store), await store.balance(TEAM.id, now)) == ([1], balance)


async def test_the_key_of_a_job_that_left_is_free_after_24_hours(open_store: OpenStore) -> None:
    async with open_store(max_jobs=1) as store:
        await accepted(store, draft(0, key="k"))
        await submitted(store, 1)
        now = NOW + LIFETIME_S
        assert await store.recall(ANN.user_id, Claim("k", b"request"), now) is None
        assert (await accepted(store, draft(2, at=now, key="k", request=b"another"))).id == job_id(2)


async def test_that_jobs_leave_is_logged(open_store: OpenStore, caplog: pytest.LogCaptureFixture) -> None:
    async with open_store(max_jobs=2) as store:
        await submitted(store, 0, 1)
        assert caplog.messages == []
        await submitted(store, 2, 3)
        said = [(record.levelno, record.getMessage()) for record in caplog.records]
        assert said == [(logging.WARNING, "1 finished jobs have left to keep at most 2 (--max-jobs)")]


lives = st.sampled_from([0.0, 3.0, 12.0, NEVER]).map(lambda runs_s: plan(runs_s=runs_s))
events = st.tuples(st.integers(0, 6), lives, st.booleans(), st.booleans())


@given(steps=st.lists(events, max_size=40), max_jobs=st.integers(1, 8))
async def test_what_is_unfinished_or_undelivered_is_there_and_what_left_is_counted(
    open_store: OpenStore, steps: list[tuple[int, timeline.Plan, bool, bool]], max_jobs: int
) -> None:
    async with open_store(max_jobs=max_jobs) as store:
        now, jobs, undelivered = NOW, list[Job](), set[str]()
        for number, (wait_s, life, has_hook, delivers) in enumerate(steps):
            now += wait_s
            for delivery, job in await store.claim_due(now, 100) if delivers else ():
                await store.settle(delivered(delivery), attempt(delivery))
                undelivered.discard(job.id)
            hook = FINAL_HOOK if has_hook else None
            wanted = draft(number, at=now, cost=0, life=life._replace(started_at=now), hook=hook)
            jobs.append(await accepted(store, wanted))
            undelivered |= {wanted.job.id} if has_hook else set()
        there = [job.id for job in reversed(jobs) if await store.job(job.id) is not None]
        held = [job.id for job in jobs if job.id in undelivered or not job.moment(now).status.is_final]
        assert set(held) <= set(there)
        assert len(there) <= max(max_jobs, len(held))
        assert await listed(store, ANN.user_id, now) == await listed(store, TEAM.id, now) == there
        counts = await store.counts()
        assert (counts.jobs, counts.evicted) == (len(there), len(jobs) - len(there))
