"""Webhooks that are due: taken in time order, by one caller each, and remembered."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.jobs import Job, WebhookStatus
from mockserver.core.timeline import JobStatus
from mockserver.stores.protocol import REMEMBERED_DELIVERIES, Store
from tests.stores.conftest import OpenStore
from tests.stores.drafts import (
    HOOK,
    NEVER,
    NOW,
    TEAM,
    accepted,
    attempt,
    delivered,
    draft,
    due_again,
    failed,
    job_id,
    plan,
)

FINAL_HOOK = HOOK._replace(events=("completed", "failed"))


async def test_events_are_due_when_the_plan_says_and_not_before(store: Store) -> None:
    job = await accepted(store, draft(1, hook=HOOK))
    taken = []
    for s in (0, 2.4, 2.5, 4.9, 5, 9.9, 10, 99):
        for delivery, of in await store.claim_due(NOW + s, 10):
            assert of == job
            taken.append((s, delivery.event, delivery.progress, delivery.due_at - NOW))
    assert taken == [(2.5, "progress", 25, 2.5), (5, "progress", 50, 5), (10, "completed", 0, 10)]


async def test_only_what_was_asked_for_is_sent(store: Store) -> None:
    await accepted(store, draft(1, hook=HOOK._replace(events=("failed",))))
    await accepted(store, draft(2, hook=FINAL_HOOK, life=plan(outcome=JobStatus.FAILED)))
    await accepted(store, draft(3))
    assert [(delivery.job_id, delivery.event) for delivery, _ in await store.deliveries()] == [(job_id(2), "failed")]


async def test_due_events_of_all_jobs_are_taken_in_time_order_and_no_more_than_asked_for(store: Store) -> None:
    for number, runs_s in enumerate((30.0, 10.0, 20.0)):
        await accepted(store, draft(number, hook=FINAL_HOOK, life=plan(runs_s=runs_s)))
    first, rest = await store.claim_due(NOW + 99, 2), await store.claim_due(NOW + 99, 2)
    assert [[job.id for _, job in taken] for taken in (first, rest)] == [[job_id(1), job_id(2)], [job_id(0)]]


async def test_nobody_gets_what_another_took(store: Store) -> None:
    for number in range(30):
        await accepted(store, draft(number, hook=FINAL_HOOK))
    taken = await asyncio.gather(*(store.claim_due(NOW + 10, 7) for _ in range(6)))
    ids = [delivery.id for some in taken for delivery, _ in some]
    assert len(ids) == len(set(ids)) == 30


async def test_an_event_that_was_taken_is_settled_once_it_has_been_tried(store: Store) -> None:
    job = await accepted(store, draft(1, hook=FINAL_HOOK))
    assert await store.is_settled(NOW + 9)
    assert not await store.is_settled(NOW + 10)
    ((delivery, _),) = await store.claim_due(NOW + 10, 10)
    assert not await store.is_settled(NOW + 10)
    assert await store.is_settled(NOW + 9)
    tried = attempt(delivery)
    await store.settle(delivered(delivery), tried)
    assert await store.is_settled(NOW + 10)
    assert await store.deliveries(job.id) == [(delivered(delivery), [tried])]
    assert (await store.counts()).pending_deliveries == 0


async def test_the_next_instant_is_that_of_the_first_event_that_nobody_took(store: Store) -> None:
    assert await store.next_due_at() == NEVER
    await accepted(store, draft(1, hook=FINAL_HOOK, life=plan(runs_s=20.0)))
    await accepted(store, draft(2, hook=FINAL_HOOK))
    assert await store.next_due_at() == NOW + 10
    await store.claim_due(NOW + 10, 10)
    assert await store.next_due_at() == NOW + 20
    await store.claim_due(NOW + 20, 10)
    assert await store.next_due_at() == NEVER


async def test_an_event_earlier_than_the_next_wakes_who_waits(store: Store) -> None:
    for number, runs_s in enumerate((20.0, 10.0)):
        store.due_changed.clear()
        await accepted(store, draft(number, hook=FINAL_HOOK, life=plan(runs_s=runs_s)))
        assert store.due_changed.is_set()


async def test_a_try_that_failed_is_due_again_and_counted(store: Store) -> None:
    job = await accepted(store, draft(1, hook=FINAL_HOOK))
    ((delivery, _),) = await store.claim_due(NOW + 10, 10)
    again, tries = due_again(delivery, NOW + 11), [attempt(delivery, 500)]
    store.due_changed.clear()
    await store.settle(again, tries[0])
    assert store.due_changed.is_set()
    assert (await store.next_due_at(), await store.is_settled(NOW + 10)) == (NOW + 11, True)
    assert await store.deliveries() == [(again, tries)]
    assert await store.claim_due(NOW + 10.9, 10) == []
    assert await store.claim_due(NOW + 11, 10) == [(again, job)]
    tries.append(attempt(again, None, at=NOW + 11))
    await store.settle(failed(again), tries[1])
    assert await store.deliveries() == [(failed(again), tries)]
    assert await store.claim_due(NOW + 99, 10) == []


async def status_of(store: Store, job: Job) -> WebhookStatus | None:
    found = await store.job(job.id)
    assert found is not None
    return found.webhook_status


async def test_the_status_of_a_jobs_webhook_is_that_of_its_final_event_alone(store: Store) -> None:
    job = await accepted(store, draft(1, hook=HOOK))
    seen = [await status_of(store, job)]
    for outcome in (failed, delivered, failed):
        delivery = (await store.claim_due(NOW + 10, 1))[0][0]
        await store.settle(outcome(delivery), attempt(delivery))
        seen.append(await status_of(store, job))
    assert seen == ["pending", "pending", "pending", "failed"]
    changed = job._replace(webhook_status=WebhookStatus.FAILED)
    assert await store.job(job.id) == changed


async def test_a_final_event_between_two_tries_leaves_the_status_pending(store: Store) -> None:
    job = await accepted(store, draft(1, hook=FINAL_HOOK))
    ((delivery, _),) = await store.claim_due(NOW + 10, 10)
    await store.settle(due_again(delivery, NOW + 11), attempt(delivery, 500))
    assert await status_of(store, job) == "pending"


async def test_a_delivery_that_is_done_can_be_made_due_again(store: Store) -> None:
    job = await accepted(store, draft(1, hook=FINAL_HOOK))
    ((delivery, _),) = await store.claim_due(NOW + 10, 10)
    await store.settle(failed(delivery), attempt(delivery, 500))
    again = delivery._replace(due_at=NOW + 50, is_resent=True)
    store.due_changed.clear()
    assert await store.redeliver(delivery.id, NOW + 50) == again
    assert store.due_changed.is_set()
    assert not await store.is_settled(NOW + 50)
    assert await store.deliveries() == [(again, [attempt(delivery, 500)])]
    ((taken, of),) = await store.claim_due(NOW + 50, 10)
    assert (taken, of.id) == (again, job.id)
    await store.settle(delivered(taken), attempt(taken))
    assert await status_of(store, job) == "delivered"
    assert await store.deliveries() == [(delivered(again), [attempt(delivery, 500), attempt(taken)])]


async def test_a_delivery_that_waits_for_its_next_try_can_be_made_due_at_once(store: Store) -> None:
    await accepted(store, draft(1, hook=FINAL_HOOK))
    ((delivery, _),) = await store.claim_due(NOW + 10, 10)
    await store.settle(due_again(delivery, NOW + 30), attempt(delivery, 500))
    again = delivery._replace(due_at=NOW + 20, is_resent=True)
    assert await store.redeliver(delivery.id, NOW + 20) == again
    taken = await store.claim_due(NOW + 99, 10)
    assert [each for each, _ in taken] == [again]


async def test_a_delivery_made_due_twice_is_sent_once(store: Store) -> None:
    await accepted(store, draft(1, hook=FINAL_HOOK))
    ((delivery, _),) = await store.claim_due(NOW + 10, 10)
    await store.settle(delivered(delivery), attempt(delivery))
    for _ in range(2):
        await store.redeliver(delivery.id, NOW + 50)
    assert len(await store.claim_due(NOW + 99, 10)) == 1
    assert (await store.counts()).pending_deliveries == 1


async def test_a_delivery_under_way_or_still_to_come_stays_as_it_is(store: Store) -> None:
    await accepted(store, draft(1, hook=FINAL_HOOK))
    ((delivery, _),) = await store.deliveries()
    assert await store.redeliver(delivery.id, NOW + 9) == delivery
    assert await store.claim_due(NOW + 9, 10) == []
    await store.claim_due(NOW + 10, 10)
    assert await store.redeliver(delivery.id, NOW + 11) == delivery
    assert await store.claim_due(NOW + 11, 10) == []


async def test_a_delivery_that_never_was_cannot_be_made_due(store: Store) -> None:
    assert await store.redeliver("nothing", NOW) is None


async def test_deliveries_are_told_oldest_event_first_for_all_jobs_or_one(store: Store) -> None:
    await accepted(store, draft(1, hook=FINAL_HOOK, life=plan(runs_s=20.0)))
    await accepted(store, draft(2, hook=HOOK))
    ((progress, _),) = await store.claim_due(NOW + 3, 10)
    await store.settle(delivered(progress), attempt(progress))
    every = [delivery for delivery, _ in await store.deliveries()]
    assert [delivery.event_at - NOW for delivery in every] == [2.5, 5, 10, 20]
    of_one = [delivery for delivery, _ in await store.deliveries(job_id(2))]
    assert of_one == every[:3]
    assert await store.deliveries(job_id(9)) == []


async def test_of_deliveries_that_are_done_only_the_latest_are_remembered(store: Store) -> None:
    await store.set_balance(TEAM.id, 100_000, NOW)
    await accepted(store, draft(0, hook=FINAL_HOOK, life=plan(runs_s=9999.0)))
    lives = {number: plan(runs_s=number / 1000) for number in range(1, REMEMBERED_DELIVERIES + 11)}
    await asyncio.gather(
        *(accepted(store, draft(number, hook=FINAL_HOOK, life=life)) for number, life in lives.items())
    )
    while taken := await store.claim_due(NOW + 99, 100):
        await asyncio.gather(*(store.settle(delivered(delivery), attempt(delivery)) for delivery, _ in taken))
    known = await store.deliveries()
    assert [delivery.job_id for delivery, _ in known] == [
        *(job_id(number) for number in range(11, REMEMBERED_DELIVERIES + 11)),
        job_id(0),
    ]
    assert await store.redeliver(f"{job_id(1)}_completed", NOW + 99) is None


steps = st.tuples(st.integers(0, 3), st.sampled_from([0.0, 1.0, 2.0, 4.0]), st.integers(0, 3), st.booleans())


@given(script=st.lists(steps, max_size=25))
async def test_every_event_is_taken_once_in_time_order_by_the_look_that_follows_it(
    open_store: OpenStore, script: list[tuple[int, float, int, bool]]
) -> None:
    async with open_store() as store:
        now, expected, seen = NOW, set[str](), list[tuple[float, str]]()
        for number, (wait_s, runs_s, limit, is_late) in enumerate(script):
            now += wait_s
            hook = HOOK._replace(late_s=2.0) if is_late else HOOK
            await accepted(store, draft(number, at=now, hook=hook, life=plan(starts_at=now, runs_s=runs_s)))
            expected |= {delivery.id for delivery, _ in await store.deliveries(job_id(number))}
            taken = await store.claim_due(now, limit)
            assert len(taken) <= limit
            assert all(delivery.due_at <= now for delivery, _ in taken)
            assert all(one.due_at <= other.due_at for (one, _), (other, _) in pairwise(taken))
            seen += [(delivery.due_at, delivery.id) for delivery, _ in taken]
        rest = await store.claim_due(now + 99, 1000)
        seen += [(delivery.due_at, delivery.id) for delivery, _ in rest]
        ids = [delivery_id for _, delivery_id in seen]
        assert (len(ids), set(ids)) == (len(set(ids)), expected)
        assert await store.next_due_at() == NEVER
