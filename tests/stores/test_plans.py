"""Another plan for a job: refund, deliveries and what is refused."""

import pytest

from mockserver.core import timeline
from mockserver.core.timeline import JobStatus, Plan
from mockserver.stores.protocol import Store
from tests.stores.drafts import (
    HOOK,
    NEVER,
    NOW,
    TEAM,
    accepted,
    attempt,
    delivered,
    draft,
    job_id,
    plan,
    whole,
)

FAILING = plan(outcome=JobStatus.FAILED)


async def due(store: Store) -> list[tuple[str, float]]:
    """Event and percentage, and when it is due, of every delivery, counted from NOW."""
    return [(f"{each.event} {each.progress}", each.due_at - NOW) for each, _ in await store.deliveries()]


async def test_a_job_that_does_not_exist_gets_no_plan(store: Store) -> None:
    before = await whole(store, NOW)
    assert await store.change_plan(job_id(1), plan(), NOW) == []
    assert await whole(store, NOW) == before


async def test_a_changed_job_is_given_back_and_kept_with_its_new_plan_alone(store: Store) -> None:
    job = await accepted(store, draft(1, key="k", hook=HOOK))
    another = await accepted(store, draft(2))
    new = timeline.progressed_by(job.plan, NOW + 1, 40)
    assert await store.change_plan(job.id, new, NOW + 1) == [job._replace(plan=new)]
    assert [await store.job(job.id), await store.job(another.id)] == [job._replace(plan=new), another]


@pytest.mark.parametrize(
    ("old", "new", "balances"),
    [
        (plan(), timeline.failed_by(plan(), NOW + 4, "no"), [100, 100]),
        (plan(), timeline.cancelled_by(plan(), NOW + 4), [100, 100]),
        (plan(), timeline.completed_by(plan(), NOW + 4), [60, 60]),
        (FAILING, timeline.completed_by(FAILING, NOW + 4), [60, 60]),
        (FAILING, timeline.progressed_by(FAILING, NOW + 4, 70), [60, 100]),
        (FAILING, FAILING._replace(runs_s=6.0), [60, 100]),
        (FAILING, FAILING._replace(runs_s=NEVER), [60, 60]),
    ],
)
async def test_credits_come_back_as_the_new_plan_says(store: Store, old: Plan, new: Plan, balances: list[int]) -> None:
    job = await accepted(store, draft(1, cost=40, life=old))
    assert await store.balance(TEAM.id, NOW + 4) == TEAM.opening - 40
    await store.change_plan(job.id, new, NOW + 4)
    assert [await store.balance(TEAM.id, now) for now in (NOW + 4, NOW + 10)] == balances


async def test_a_plan_changed_twice_gives_back_once(store: Store) -> None:
    job = await accepted(store, draft(1, cost=40, life=FAILING))
    for runs_s in (20.0, 8.0, 10.0, 8.0):
        await store.change_plan(job.id, FAILING._replace(runs_s=runs_s), NOW + 1)
    assert [await store.balance(TEAM.id, NOW + s) for s in (7.9, 8, 10, 20, 99)] == [60, 100, 100, 100, 100]


async def test_the_webhooks_of_the_old_plan_give_way_to_those_of_the_new(store: Store) -> None:
    job = await accepted(store, draft(1, hook=HOOK))
    assert await due(store) == [("progress 25", 2.5), ("progress 50", 5), ("completed 0", 10)]
    await store.change_plan(job.id, timeline.failed_by(job.plan, NOW + 1, "no"), NOW + 1)
    assert await due(store) == [("failed 0", 1)]
    assert await store.next_due_at() == NOW + 1


async def test_a_cancelled_job_sends_nothing_any_more(store: Store) -> None:
    job = await accepted(store, draft(1, hook=HOOK))
    await store.change_plan(job.id, timeline.cancelled_by(job.plan, NOW + 1), NOW + 1)
    assert (await due(store), await store.next_due_at()) == ([], NEVER)
    assert await store.claim_due(NOW + 99, 10) == []
    assert (await store.counts()).pending_deliveries == 0


async def test_a_webhook_that_moves_to_a_later_instant_is_due_then_and_once(store: Store) -> None:
    job = await accepted(store, draft(1, hook=HOOK._replace(events=("completed",))))
    await store.change_plan(job.id, job.plan._replace(runs_s=30.0), NOW + 1)
    assert await store.next_due_at() == NOW + 30
    assert await store.is_settled(NOW + 29)
    assert await store.claim_due(NOW + 29, 10) == []
    taken = await store.claim_due(NOW + 30, 10)
    assert [delivery.event for delivery, _ in taken] == ["completed"]


async def test_progress_that_was_already_sent_is_not_sent_again(store: Store) -> None:
    job = await accepted(store, draft(1, hook=HOOK))
    ((delivery, _),) = await store.claim_due(NOW + 3, 10)
    await store.settle(delivered(delivery), attempt(delivery))
    await store.change_plan(job.id, timeline.progressed_by(job.plan, NOW + 3, 40), NOW + 3)
    assert await due(store) == [("progress 25", 2.5), ("progress 40", 3), ("progress 50", 5), ("completed 0", 10)]
    taken = await store.claim_due(NOW + 99, 10)
    assert [delivery.progress for delivery, _ in taken] == [40, 50, 0]


async def test_a_webhook_under_way_when_the_plan_changes_is_settled_as_if_nothing_had(store: Store) -> None:
    job = await accepted(store, draft(1, hook=HOOK))
    ((delivery, _),) = await store.claim_due(NOW + 3, 10)
    await store.change_plan(job.id, timeline.failed_by(job.plan, NOW + 3, "no"), NOW + 3)
    tried = attempt(delivery)
    await store.settle(delivered(delivery), tried)
    known = {each.event: (each.status, attempts) for each, attempts in await store.deliveries(job.id)}
    assert known == {"progress": ("delivered", [tried]), "failed": ("pending", [])}
    assert await store.is_settled(NOW + 2)


async def test_the_files_of_a_completed_job_can_expire_and_nothing_else_happens(store: Store) -> None:
    job = await accepted(store, draft(1, cost=40, hook=HOOK))
    now = NOW + 20
    new = timeline.expired_by(job.plan, now)
    before = await whole(store, now)
    assert await store.change_plan(job.id, new, now) == [job._replace(plan=new)]
    expired = await store.job(job.id)
    assert expired is not None
    assert expired.moment(now) == (JobStatus.COMPLETED, 100, True)
    assert {**await whole(store, now), "jobs": None} == {**before, "jobs": None}


async def test_a_job_that_failed_is_not_refunded_again_by_a_later_plan(store: Store) -> None:
    job = await accepted(store, draft(1, cost=40, life=FAILING, hook=HOOK))
    now = NOW + 20
    before = await whole(store, now)
    await store.change_plan(job.id, job.plan._replace(keeps_s=1.0), now)
    assert {**await whole(store, now + 99), "jobs": None} == {**before, "jobs": None}
