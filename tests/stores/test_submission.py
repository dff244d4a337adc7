"""One atomic step: claim, charge, slot, job and webhooks together, or none of it."""

import asyncio

import pytest

from mockserver.core.accounts import make_key
from mockserver.core.idempotency import LIFETIME_S, Claim
from mockserver.core.timeline import JobStatus
from mockserver.stores.protocol import Accepted, Clash, Counts, Draft, Outcome, Replay, Store, TooFewCredits
from tests.stores.drafts import (
    ANN,
    BOB,
    EVE,
    HOOK,
    NOW,
    OTHER_TEAM,
    TEAM,
    accepted,
    draft,
    job_id,
    listed,
    plan,
    whole,
)


async def test_an_accepted_job_is_kept_as_it_was_drafted_and_paid_for(store: Store) -> None:
    wanted = draft(1, cost=30, hook=HOOK, key="k")
    assert await store.submit(wanted, NOW) == Accepted(wanted.job)
    assert await store.job(job_id(1)) == wanted.job
    assert await store.balance(TEAM.id, NOW) == TEAM.opening - 30
    assert await listed(store, ANN.user_id) == await listed(store, TEAM.id) == [job_id(1)]
    assert await store.counts() == Counts(jobs=1, evicted=0, pending_deliveries=3)


async def test_a_job_that_was_never_accepted_is_not_there(store: Store) -> None:
    assert await store.job(job_id(1)) is None
    assert await listed(store, ANN.user_id) == await listed(store, "nobody") == []


async def test_a_job_may_cost_all_that_is_left_and_not_one_credit_more(store: Store) -> None:
    assert await store.submit(draft(1, cost=101), NOW) == TooFewCredits(required=101, available=100)
    await accepted(store, draft(2, cost=100))
    assert await store.submit(draft(3, cost=1), NOW) == TooFewCredits(required=1, available=0)
    await accepted(store, draft(4, cost=0))


async def test_a_team_that_does_not_exist_cannot_pay(store: Store) -> None:
    stray = make_key("afk_stray", name="stray", team_id="team-0")
    before = await whole(store, NOW)
    assert await store.submit(draft(1, owner=stray), NOW) == TooFewCredits(required=1, available=0)
    assert await whole(store, NOW) == before


LAST = job_id(1)
REFUSED: dict[str, tuple[Draft, Outcome]] = {
    "replay": (draft(9, key="k", hook=HOOK, slots=1), Replay(LAST, JobStatus.PROCESSING)),
    "clash": (draft(9, key="k", request=b"another", hook=HOOK, slots=1), Clash()),
    "too-few-credits": (draft(9, key="free", cost=91, hook=HOOK, slots=1), TooFewCredits(91, 90)),
    "replay-although-broke": (draft(9, key="k", cost=999), Replay(LAST, JobStatus.PROCESSING)),
    "clash-although-broke": (draft(9, key="k", request=b"another", cost=999), Clash()),
}


@pytest.mark.parametrize(("wanted", "outcome"), REFUSED.values(), ids=REFUSED)
async def test_a_submission_that_makes_no_job_changes_nothing(store: Store, wanted: Draft, outcome: Outcome) -> None:
    await accepted(store, draft(1, key="k", cost=10, hook=HOOK, slots=1))
    before = await whole(store, NOW)
    assert await store.submit(wanted, NOW) == outcome
    assert await whole(store, NOW) == before
    assert await store.job(job_id(9)) is None
    assert await store.recall(ANN.user_id, Claim("free", b"request"), NOW) is None


async def test_a_refused_submission_takes_no_slot(store: Store) -> None:
    await accepted(store, draft(1, key="k", slots=2))
    await store.submit(draft(2, cost=999, slots=2), NOW)
    await store.submit(draft(3, key="k", slots=2), NOW)
    await store.submit(draft(4, key="k", request=b"another", slots=2), NOW)
    assert (await accepted(store, draft(5, slots=2))).plan.started_at == NOW


async def test_a_refused_submission_leaves_its_key_free(store: Store) -> None:
    assert isinstance(await store.submit(draft(1, key="k", cost=999), NOW), TooFewCredits)
    assert await store.recall(ANN.user_id, Claim("k", b"request"), NOW) is None
    assert (await accepted(store, draft(2, key="k", request=b"another"))).id == job_id(2)


async def test_a_replay_tells_what_the_job_is_by_then(store: Store) -> None:
    await accepted(store, draft(1, key="k", life=plan(starts_at=NOW + 2, outcome=JobStatus.FAILED)))
    again, claim = draft(2, key="k"), Claim("k", b"request")
    seen = [
        (NOW + s, await store.recall(ANN.user_id, claim, NOW + s), await store.submit(again, NOW + s))
        for s in (0, 2, 12)
    ]
    statuses = (JobStatus.QUEUED, JobStatus.PROCESSING, JobStatus.FAILED)
    assert [recalled for _, recalled, _ in seen] == [Replay(job_id(1), status) for status in statuses]
    assert [replayed for _, _, replayed in seen] == [Replay(job_id(1), status) for status in statuses]


async def test_recalling_a_key_does_not_claim_it(store: Store) -> None:
    assert await store.recall(ANN.user_id, Claim("k", b"one"), NOW) is None
    assert await store.recall(ANN.user_id, Claim("k", b"two"), NOW) is None
    await accepted(store, draft(1, key="k", request=b"two"))
    assert await store.recall(ANN.user_id, Claim("k", b"one"), NOW) == Clash()


async def test_a_key_stands_for_its_job_for_24_hours_and_is_free_then(store: Store) -> None:
    await accepted(store, draft(1, key="k"))
    claim, until = Claim("k", b"request"), NOW + LIFETIME_S
    assert await store.recall(ANN.user_id, claim, until - 0.001) == Replay(job_id(1), JobStatus.COMPLETED)
    assert await store.submit(draft(2, at=until - 0.001, key="k", request=b"another"), until - 0.001) == Clash()
    assert await store.recall(ANN.user_id, claim, until) is None
    await accepted(store, draft(3, at=until, key="k", request=b"another"))
    assert await store.recall(ANN.user_id, claim, until) == Clash()
    assert await store.job(job_id(1)) is not None


async def test_a_key_used_anew_after_its_24_hours_lives_another_24(store: Store) -> None:
    await accepted(store, draft(1, key="k"))
    again = NOW + LIFETIME_S + 5
    await accepted(store, draft(2, at=again, key="k"))
    await accepted(store, draft(3, at=again + LIFETIME_S - 1, key="another"))
    claim = Claim("k", b"request")
    assert await store.recall(ANN.user_id, claim, again + LIFETIME_S - 1) == Replay(job_id(2), JobStatus.COMPLETED)
    assert await store.recall(ANN.user_id, claim, again + LIFETIME_S) is None


async def test_a_key_is_its_users_own(store: Store) -> None:
    for number, owner in enumerate((ANN, BOB, EVE)):
        assert (await accepted(store, draft(number, key="k", owner=owner, request=owner.name.encode()))).id
    assert await store.recall(BOB.user_id, Claim("k", b"bob"), NOW) == Replay(job_id(1), JobStatus.PROCESSING)
    assert await store.recall(EVE.user_id, Claim("k", b"ann"), NOW) == Clash()


@pytest.mark.parametrize(("one", "other"), [("k", "K"), ("k", "k "), ("", "k"), ("a\0b", "a"), ("é", "e\u0301")])
async def test_keys_are_the_same_only_to_the_letter(store: Store, one: str, other: str) -> None:
    await accepted(store, draft(1, key=one))
    assert await store.recall(ANN.user_id, Claim(other, b"request"), NOW) is None
    await accepted(store, draft(2, key=other))
    assert await store.recall(ANN.user_id, Claim(one, b"request"), NOW) == Replay(job_id(1), JobStatus.PROCESSING)


async def test_submissions_without_a_key_are_never_the_same(store: Store) -> None:
    for number in range(3):
        await accepted(store, draft(number))
    assert await store.balance(TEAM.id, NOW) == TEAM.opening - 3


async def test_of_many_submissions_at_once_with_one_key_one_makes_the_job(store: Store) -> None:
    outcomes = await asyncio.gather(*(store.submit(draft(number, key="k", cost=60), NOW) for number in range(50)))
    made = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(made) == 1
    assert outcomes.count(Replay(made[0].job.id, JobStatus.PROCESSING)) == 49
    assert await listed(store, TEAM.id) == [made[0].job.id]
    assert await store.balance(TEAM.id, NOW) == 40


async def test_many_submissions_at_once_spend_no_credit_twice(store: Store) -> None:
    outcomes = await asyncio.gather(*(store.submit(draft(number, cost=30), NOW) for number in range(20)))
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 3
    assert outcomes.count(TooFewCredits(30, 10)) == 17
    assert await store.balance(TEAM.id, NOW) == 10
    assert await store.balance(OTHER_TEAM.id, NOW) == OTHER_TEAM.opening
