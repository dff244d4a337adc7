"""LoRAs are jobs that stand in a list of their own, are paid in two parts, and are bounded while they train."""

import math
from collections.abc import Callable

import pytest

from mockserver.core import timeline
from mockserver.core.jobs import Job, loras_of
from mockserver.core.paging import Place
from mockserver.core.timeline import JobStatus, Plan
from mockserver.stores.protocol import Counts, Draft, JobQuery, Store, TooFewCredits, TooManyOpen
from tests.stores.conftest import OpenStore
from tests.stores.drafts import (
    ANN,
    BOB,
    EVE,
    HOOK,
    NEVER,
    NOW,
    OTHER_TEAM,
    TEAM,
    accepted,
    draft,
    job_id,
    listed,
    lora,
    plan,
    whole,
)

LIST = loras_of(TEAM.id)
WAITING = plan(starts_at=NOW + 5)
"""Five seconds of waiting, ten of training."""


async def balances(store: Store, *offsets_s: float) -> list[int]:
    return [await store.balance(TEAM.id, NOW + offset_s) for offset_s in offsets_s]


# Lists


async def test_a_lora_stands_in_the_list_of_its_teams_loras_and_in_no_list_of_jobs(store: Store) -> None:
    for number, owner in enumerate((ANN, BOB, EVE)):
        await accepted(store, lora(number, owner=owner, at=NOW + number))
    await accepted(store, draft(3))
    lists = [await listed(store, name) for name in (LIST, loras_of(OTHER_TEAM.id))]
    assert lists == [[job_id(1), job_id(0)], [job_id(2)]]
    assert [await listed(store, name) for name in (ANN.user_id, BOB.user_id, TEAM.id)] == [[job_id(3)], [], [job_id(3)]]
    assert [await store.models_of(name) for name in (ANN.user_id, TEAM.id)] == [["model-a"]] * 2
    assert [await listed(store, name, job_id=job_id(0)) for name in (ANN.user_id, TEAM.id, LIST)] == [
        [],
        [],
        [job_id(0)],
    ]
    found = await store.job(job_id(0))
    assert found == lora(0).job


async def test_the_list_is_walked_with_and_without_archived_ones(store: Store) -> None:
    loras = [await accepted(store, lora(number, at=NOW + number / 10)) for number in range(5)]
    now = NOW + 20
    for old in (loras[1], loras[4]):
        await store.change_plan(old.id, timeline.expired_by(old.plan, now), now)
    seen = dict[bool, list[list[str]]]()
    for hides in (False, True):
        pages, after = list[list[Job]](), None
        while True:
            page = await store.page(JobQuery(LIST, 2, after, hides_archived=hides), now)
            pages.append(page.jobs)
            if not page.has_more:
                break
            after = Place(page.jobs[-1].created_at, page.jobs[-1].id)
        seen[hides] = [[job.id for job in jobs] for jobs in pages]
    assert seen == {
        False: [[job_id(4), job_id(3)], [job_id(2), job_id(1)], [job_id(0)]],
        True: [[job_id(3), job_id(2)], [job_id(0)]],
    }
    assert await listed(store, LIST, math.nextafter(now, 0), hides_archived=True) == [
        job_id(n) for n in range(4, -1, -1)
    ]


async def test_a_lora_takes_no_slot_from_jobs(store: Store) -> None:
    await accepted(store, lora(0, life=plan(runs_s=NEVER)))
    assert (await accepted(store, draft(1, slots=1))).plan.started_at == NOW


# Credits


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (JobStatus.COMPLETED, [98, 98, 48, 48, 48]),
        (JobStatus.FAILED, [98, 98, 48, 48, 100]),
        (JobStatus.CANCELLED, [98, 98, 48, 48, 100]),
    ],
)
async def test_the_second_part_is_taken_at_the_start_and_both_come_back_with_a_failure(
    store: Store, outcome: JobStatus, expected: list[int]
) -> None:
    life = plan(starts_at=NOW + 5, outcome=outcome)
    await accepted(store, lora(0, later_cost=50, life=life))
    assert await balances(store, 0, 4.999, 5, 14.999, 15) == expected


async def test_only_the_first_part_has_to_be_there_and_a_team_that_owes_cannot_spend(store: Store) -> None:
    await accepted(store, lora(0, later_cost=255, life=plan(starts_at=NOW + 5, outcome=JobStatus.FAILED)))
    assert await balances(store, 0, 5) == [98, 0]
    assert await store.submit(draft(1, at=NOW + 5), NOW + 5) == TooFewCredits(1, 0)
    assert await balances(store, 14.999, 15) == [0, 100]


async def test_credits_given_by_hand_end_what_is_owed(store: Store) -> None:
    await accepted(store, lora(0, later_cost=255))
    await store.set_balance(TEAM.id, 10, NOW + 1)
    assert await balances(store, 1, 99) == [10, 10]


STARTED, BEFORE = 6.0, 4.0
ENDINGS: dict[str, Callable[[Plan, float], Plan]] = {
    "failed": lambda life, now: timeline.failed_by(life, now, "no"),
    "cancelled": timeline.cancelled_by,
    "completed": timeline.completed_by,
    "started": lambda life, now: timeline.progressed_by(life, now, 50),
}


@pytest.mark.parametrize(
    ("lever", "at_s", "expected"),
    [
        ("failed", BEFORE, [98, 100, 100, 100]),
        ("failed", STARTED, [98, 100, 100, 100]),
        ("cancelled", BEFORE, [98, 100, 100, 100]),
        ("cancelled", STARTED, [98, 100, 100, 100]),
        ("completed", BEFORE, [98, 48, 48, 48]),
        ("completed", STARTED, [98, 48, 48, 48]),
        ("started", BEFORE, [98, 48, 48, 48]),
        ("started", STARTED, [98, 48, 48, 48]),
    ],
)
async def test_another_plan_books_both_parts_anew(store: Store, lever: str, at_s: float, expected: list[int]) -> None:
    job = await accepted(store, lora(0, later_cost=50, life=WAITING))
    before = await store.balance(TEAM.id, NOW)
    await store.change_plan(job.id, ENDINGS[lever](job.plan, NOW + at_s), NOW + at_s)
    assert [before, *await balances(store, at_s, 15, 99)] == expected


async def test_a_plan_that_is_changed_again_and_again_takes_and_gives_each_part_once(store: Store) -> None:
    job = await accepted(store, lora(0, later_cost=50, life=WAITING))
    failing: Plan = WAITING._replace(outcome=JobStatus.FAILED, error="no")
    for offset_s, life in enumerate((failing, WAITING, WAITING._replace(started_at=NOW + 8), failing)):
        await store.change_plan(job.id, life, NOW + offset_s)
    assert await balances(store, 4, 5, 14, 15, 99) == [98, 48, 48, 100, 100]


# Bounds


async def test_as_many_train_at_once_as_may_and_the_refusal_says_when_the_first_ends(store: Store) -> None:
    for number, runs_s in enumerate((30.0, 20.0, 10.0)):
        await accepted(store, lora(number, life=plan(runs_s=runs_s), most_open=3))
    await accepted(store, lora(3, owner=EVE, most_open=3))
    await accepted(store, draft(4, life=plan(runs_s=NEVER)))
    before = await whole(store, NOW)
    assert await store.submit(lora(5, owner=BOB, most_open=3), NOW) == TooManyOpen(NOW + 10)
    assert await whole(store, NOW) == before
    just_before = math.nextafter(NOW + 10, 0)
    assert await store.submit(lora(5, at=just_before, most_open=3), just_before) == TooManyOpen(NOW + 10)
    await accepted(store, lora(5, at=NOW + 10, life=plan(starts_at=NOW + 10), most_open=3))
    assert await store.submit(lora(6, at=NOW + 10, most_open=3), NOW + 10) == TooManyOpen(NOW + 20)


async def test_one_that_is_stuck_counts_until_it_is_ended(store: Store) -> None:
    stuck = await accepted(store, lora(0, life=plan(runs_s=NEVER), most_open=1))
    assert await store.submit(lora(1, at=NOW + 1e6, most_open=1), NOW + 1e6) == TooManyOpen(NEVER)
    await store.change_plan(stuck.id, timeline.cancelled_by(stuck.plan, NOW + 1e6), NOW + 1e6)
    await accepted(store, lora(1, at=NOW + 1e6, most_open=1))


async def test_credits_are_looked_at_before_the_bound(store: Store) -> None:
    await accepted(store, lora(0, most_open=1))
    await store.set_balance(TEAM.id, 1, NOW)
    assert await store.submit(lora(1, most_open=1), NOW) == TooFewCredits(2, 1)


async def test_a_refused_one_claims_no_place(store: Store) -> None:
    await accepted(store, lora(0, most_open=2))
    await store.set_balance(TEAM.id, 0, NOW)
    assert await store.submit(lora(1, most_open=2), NOW) == TooFewCredits(2, 0)
    await store.set_balance(TEAM.id, 10, NOW)
    await accepted(store, lora(2, most_open=2))


# Leaving


async def test_a_full_store_keeps_loras_until_they_are_archived(open_store: OpenStore) -> None:
    async with open_store(max_jobs=2) as store:
        kept, old = [await accepted(store, lora(number)) for number in range(2)]
        cancelled = await accepted(store, lora(2, life=plan(outcome=JobStatus.CANCELLED)))
        now = NOW + 20
        await accepted(store, draft(3, at=now, life=plan(starts_at=now)))
        assert [await store.job(job.id) is None for job in (kept, old, cancelled)] == [False, False, True]
        await store.change_plan(old.id, timeline.expired_by(old.plan, now), now)
        await accepted(store, draft(4, at=now, life=plan(starts_at=now)))
        assert [await store.job(job.id) is None for job in (kept, old)] == [False, True]
        assert await listed(store, LIST, now) == [kept.id]
        assert await store.counts() == Counts(jobs=3, evicted=2, pending_deliveries=0)


# Webhooks


def hooked(number: int, outcome: JobStatus) -> Draft:
    return lora(number, hook=HOOK, life=plan(outcome=outcome))


async def test_a_lora_sends_its_end_as_jobs_do(store: Store) -> None:
    for number, outcome in enumerate((JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)):
        await accepted(store, hooked(number, outcome))
    found = await store.claim_due(NOW + 10, 10)
    assert sorted((delivery.id, job.operation) for delivery, job in found) == [
        (f"{job_id(0)}_completed", "loras.create"),
        (f"{job_id(1)}_failed", "loras.create"),
    ]
