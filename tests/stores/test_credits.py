"""Credits over many jobs: none is made, none is lost, and a refund counts from its instant on."""

import math

from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.timeline import JobStatus
from mockserver.stores.protocol import Accepted, Store, TooFewCredits
from tests.stores.conftest import OpenStore
from tests.stores.drafts import NEVER, NOW, OTHER_TEAM, TEAM, accepted, draft, plan


async def test_credits_come_back_exactly_at_the_end_of_a_job_that_fails_or_is_cancelled(store: Store) -> None:
    for number, outcome in enumerate((JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.COMPLETED)):
        await accepted(store, draft(number, cost=20, life=plan(runs_s=10.0 + number, outcome=outcome)))
    seen = [
        await store.balance(TEAM.id, at)
        for end in (NOW + 10, NOW + 11, NOW + 12)
        for at in (math.nextafter(end, 0), end)
    ]
    assert seen == [40, 60, 60, 80, 80, 80]


async def test_a_refund_can_be_spent_in_the_instant_in_which_it_comes(store: Store) -> None:
    await accepted(store, draft(1, cost=100, life=plan(outcome=JobStatus.FAILED)))
    just_before = math.nextafter(NOW + 10, 0)
    assert await store.submit(draft(2, cost=100), just_before) == TooFewCredits(100, 0)
    await accepted(store, draft(3, cost=100, at=NOW + 10))
    assert await store.balance(TEAM.id, NOW + 99) == 0


async def test_a_job_that_fails_at_once_gives_its_credits_back_at_once(store: Store) -> None:
    await accepted(store, draft(1, cost=100, life=plan(runs_s=0.0, outcome=JobStatus.FAILED)))
    assert await store.balance(TEAM.id, NOW) == 100


async def test_a_stuck_job_keeps_its_credits(store: Store) -> None:
    await accepted(store, draft(1, cost=100, life=plan(runs_s=NEVER, outcome=JobStatus.FAILED)))
    assert await store.balance(TEAM.id, NOW + 1e9) == 0


jobs = st.tuples(
    st.integers(0, 5),
    st.integers(0, 60),
    st.sampled_from([0.0, 1.0, 3.5, 8.0]),
    st.sampled_from([JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED]),
)


@given(orders=st.lists(jobs, max_size=30))
async def test_the_balance_is_what_was_there_less_what_was_charged_and_not_given_back(
    open_store: OpenStore, orders: list[tuple[int, int, float, JobStatus]]
) -> None:
    async with open_store() as store:
        now, charged = NOW, list[tuple[int, float]]()
        for number, (wait_s, cost, runs_s, outcome) in enumerate(orders):
            now += wait_s
            expected = TEAM.opening - sum(paid for paid, until in charged if until > now)
            assert await store.balance(TEAM.id, now) == expected
            wanted = draft(number, at=now, cost=cost, life=plan(starts_at=now, runs_s=runs_s, outcome=outcome))
            answer = await store.submit(wanted, now)
            assert answer == (Accepted(wanted.job) if cost <= expected else TooFewCredits(cost, expected))
            if cost <= expected:
                charged.append((cost, NEVER if outcome is JobStatus.COMPLETED else now + runs_s))
        assert await store.balance(OTHER_TEAM.id, now) == OTHER_TEAM.opening
