"""Slots of a team: so many jobs run at once, the others wait in order."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mockserver.core import timeline
from mockserver.core.jobs import Job
from mockserver.core.timeline import JobStatus, Plan
from mockserver.stores.protocol import Store
from tests.stores.conftest import OpenStore
from tests.stores.drafts import EVE, HOOK, NEVER, NOW, OTHER_TEAM, TEAM, accepted, draft, job_id, plan

STUCK = plan(runs_s=NEVER)


async def limited(store: Store, slots: int) -> None:
    await store.put_team(replace(TEAM, max_concurrent_jobs=slots))
    await store.set_balance(TEAM.id, 1_000_000, NOW)


async def kept(store: Store, number: int) -> Job:
    job = await store.job(job_id(number))
    assert job is not None
    return job


async def starts(store: Store, count: int) -> list[float]:
    """When jobs 0, 1, 2 ... start, counted from NOW."""
    return [(await kept(store, number)).plan.started_at - NOW for number in range(count)]


async def test_jobs_beyond_the_slots_start_one_after_the_other_as_slots_get_free(store: Store) -> None:
    await limited(store, 2)
    jobs = [await accepted(store, draft(number, slots=2)) for number in range(5)]
    assert [job.plan.started_at - NOW for job in jobs] == await starts(store, 5) == [0, 0, 10, 10, 20]
    assert [job.moment(NOW + 10).status for job in jobs] == ["COMPLETED"] * 2 + ["PROCESSING"] * 2 + ["QUEUED"]


async def test_without_slots_all_jobs_run_at_once(store: Store) -> None:
    for number in range(20):
        await accepted(store, draft(number))
    assert await starts(store, 20) == [0] * 20


async def test_teams_do_not_wait_for_each_other(store: Store) -> None:
    await limited(store, 1)
    await store.put_team(replace(OTHER_TEAM, max_concurrent_jobs=1))
    await accepted(store, draft(0, slots=1, life=STUCK))
    await accepted(store, draft(1, slots=1, owner=EVE))
    await accepted(store, draft(2, slots=1))
    assert await starts(store, 3) == [0, 0, NEVER]


async def test_the_webhooks_of_a_job_that_waits_are_due_by_its_own_start(store: Store) -> None:
    await limited(store, 1)
    await accepted(store, draft(0, slots=1))
    await accepted(store, draft(1, slots=1, hook=HOOK))
    assert [delivery.due_at - NOW for delivery, _ in await store.deliveries()] == [12.5, 15, 20]


async def test_a_job_behind_a_stuck_one_waits_for_ever_and_sends_nothing(store: Store) -> None:
    await limited(store, 1)
    await accepted(store, draft(0, slots=1, life=STUCK))
    await accepted(store, draft(1, slots=1, hook=HOOK))
    assert await starts(store, 2) == [0, NEVER]
    assert (await store.deliveries(), await store.next_due_at()) == ([], NEVER)


async def test_ending_a_stuck_job_lets_those_behind_it_start_in_order(store: Store) -> None:
    await limited(store, 1)
    stuck, *waiting = [
        await accepted(store, draft(n, slots=1, life=plan(runs_s=NEVER if n == 0 else 10))) for n in range(4)
    ]
    now = NOW + 100
    moved = await store.change_plan(stuck.id, timeline.failed_by(stuck.plan, now, "enough"), now)
    assert [job.id for job in moved] == [job.id for job in (stuck, *waiting)]
    assert await starts(store, 4) == [0, 100, 110, 120]
    assert moved == [await kept(store, number) for number in range(4)]


async def test_a_slot_freed_early_moves_every_job_behind_it_up(store: Store) -> None:
    await limited(store, 2)
    jobs = [await accepted(store, draft(number, slots=2, hook=HOOK)) for number in range(6)]
    assert await starts(store, 6) == [0, 0, 10, 10, 20, 20]
    now = NOW + 4
    await store.change_plan(jobs[0].id, timeline.completed_by(jobs[0].plan, now), now)
    assert await starts(store, 6) == [0, 0, 4, 10, 14, 20]
    ends = [delivery.due_at - NOW for delivery, _ in await store.deliveries() if delivery.is_about_the_end]
    assert ends == [4, 10, 14, 20, 24, 30]


async def test_a_job_that_ends_later_than_planned_holds_its_slot_for_longer(store: Store) -> None:
    await limited(store, 1)
    first = await accepted(store, draft(0, slots=1))
    await accepted(store, draft(1, slots=1))
    await store.change_plan(first.id, first.plan._replace(runs_s=50.0), NOW + 1)
    assert await starts(store, 2) == [0, 50]


async def test_a_freed_slot_does_not_hurry_a_job_that_was_not_waiting_for_one(store: Store) -> None:
    await limited(store, 3)
    first = await accepted(store, draft(0, slots=3))
    await accepted(store, draft(1, slots=3, life=plan(starts_at=NOW + 5)))
    moved = await store.change_plan(first.id, timeline.cancelled_by(first.plan, NOW + 1), NOW + 1)
    assert [job.id for job in moved] == [job_id(0)]
    assert await starts(store, 2) == [0, 5]


async def test_a_job_moved_up_starts_no_earlier_than_it_would_have_with_a_slot(store: Store) -> None:
    await limited(store, 1)
    first = await accepted(store, draft(0, slots=1))
    await accepted(store, draft(1, slots=1, life=plan(starts_at=NOW + 5)))
    assert await starts(store, 2) == [0, 10]
    await store.change_plan(first.id, timeline.completed_by(first.plan, NOW + 1), NOW + 1)
    assert await starts(store, 2) == [0, 5]


async def test_a_new_job_takes_a_slot_that_was_freed_early(store: Store) -> None:
    await limited(store, 1)
    first = await accepted(store, draft(0, slots=1, life=STUCK))
    await store.change_plan(first.id, timeline.completed_by(first.plan, NOW + 3), NOW + 3)
    await accepted(store, draft(1, slots=1, at=NOW + 3))
    assert await starts(store, 2) == [0, 3]


async def test_a_lowered_limit_holds_for_the_next_job(store: Store) -> None:
    await limited(store, 3)
    for number, runs_s in enumerate((5, 10, 15)):
        await accepted(store, draft(number, slots=3, life=plan(runs_s=runs_s)))
    await store.put_team(replace(TEAM, max_concurrent_jobs=1))
    await accepted(store, draft(3, slots=1))
    assert await starts(store, 4) == [0, 0, 0, 15]


async def test_after_a_lowered_limit_a_freed_slot_is_given_only_once_enough_are_free(store: Store) -> None:
    await limited(store, 3)
    jobs = [await accepted(store, draft(n, slots=3, life=plan(runs_s=10.0 * (n + 1)))) for n in range(4)]
    await store.put_team(replace(TEAM, max_concurrent_jobs=1))
    await store.change_plan(jobs[0].id, timeline.cancelled_by(jobs[0].plan, NOW + 1), NOW + 1)
    assert await starts(store, 4) == [0, 0, 0, 30]


submissions = st.tuples(st.integers(0, 6), st.sampled_from([0, 2]), st.sampled_from([1, 3, 8, NEVER]))
endings = st.tuples(st.integers(0, 6), st.integers(0, 20))


@given(limit=st.integers(1, 3), steps=st.lists(submissions | endings, max_size=25))
async def test_whatever_ends_when_never_more_run_than_may_and_the_first_come_starts_first(
    open_store: OpenStore, limit: int, steps: list[tuple[int, int] | tuple[int, int, float]]
) -> None:
    async with open_store() as store:
        await limited(store, limit)
        now, count = NOW, 0
        for wait_s, *order in steps:
            now += wait_s
            if len(order) == 2:
                life = plan(starts_at=now + order[0], runs_s=order[1])
                await accepted(store, draft(count, at=now, slots=limit, life=life))
                count += 1
            elif count:
                job = await kept(store, int(order[0]) % count)
                if job.moment(now).status is JobStatus.PROCESSING:
                    await store.change_plan(job.id, timeline.failed_by(job.plan, now, "no"), now)
        plans = [(await kept(store, number)).plan for number in range(count)]
    assert_at_most(limit, plans)
    waited = [plan.started_at for plan in plans if plan.started_at > now]
    assert all(earlier <= later + 2 for earlier, later in pairwise(waited))  # two seconds: what a job takes to be ready


def assert_at_most(limit: int, plans: list[Plan]) -> None:
    for instant in {each.started_at for each in plans} - {NEVER}:
        assert sum(each.started_at <= instant < each.ended_at for each in plans) <= limit
