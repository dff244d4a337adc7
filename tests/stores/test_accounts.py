"""Teams, keys, balances and rate limits."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.accounts import RateLimit, Team, make_key
from mockserver.stores.protocol import Caller, Store
from tests.stores.conftest import OpenStore
from tests.stores.drafts import ANN, BOB, KEYS, NOW, OTHER_TEAM, TEAM, TEAMS, accepted, draft, plan

THIRD = Team("team-3", "Third", opening=7)


async def test_a_key_leads_to_its_team(store: Store) -> None:
    assert await store.caller(ANN.digest) == Caller(ANN, TEAM)
    assert await store.caller("0" * 64) is None
    assert await store.caller("") is None


async def test_teams_and_keys_are_listed_oldest_first(store: Store) -> None:
    new = make_key("afk_new", name="new", team_id=THIRD.id)
    await store.put_team(THIRD)
    await store.put_key(new)
    assert (await store.teams(), await store.keys()) == ([*TEAMS, THIRD], [*KEYS, new])
    assert await store.caller(new.digest) == Caller(new, THIRD)


async def test_a_changed_team_or_key_keeps_its_place(store: Store) -> None:
    team, key = replace(TEAM, name="Renamed", modalities=("video",)), replace(ANN, is_active=False)
    await store.put_team(team)
    await store.put_key(key)
    assert (await store.teams(), await store.keys()) == ([team, OTHER_TEAM], [key, *KEYS[1:]])
    assert await store.caller(ANN.digest) == Caller(key, team)


async def test_a_key_that_is_revoked_is_gone_at_once(store: Store) -> None:
    assert [await store.remove_key(ANN.digest) for _ in range(2)] == [True, False]
    assert await store.caller(ANN.digest) is None
    assert await store.keys() == KEYS[1:]


async def test_a_revoked_key_leaves_its_jobs(store: Store) -> None:
    job = await accepted(store, draft(1, key="k"))
    await store.remove_key(ANN.digest)
    assert await store.job(job.id) == job


async def test_a_team_starts_with_its_opening_credits(store: Store) -> None:
    await store.put_team(THIRD)
    balances = [await store.balance(team, NOW) for team in (TEAM.id, OTHER_TEAM.id, THIRD.id, "nobody")]
    assert balances == [100, 50, 7, 0]


async def test_changing_a_team_does_not_touch_its_balance(store: Store) -> None:
    await accepted(store, draft(1, cost=30))
    await store.put_team(replace(TEAM, opening=5000, name="Renamed"))
    assert await store.balance(TEAM.id, NOW) == 70


async def test_a_balance_can_be_set_and_refunds_still_to_come_are_added(store: Store) -> None:
    await accepted(store, draft(1, cost=30, life=plan(outcome=plan().outcome.FAILED)))
    await store.set_balance(TEAM.id, 3, NOW + 1)
    assert [await store.balance(TEAM.id, NOW + s) for s in (1, 9, 10, 11)] == [3, 3, 33, 33]
    assert await store.balance(OTHER_TEAM.id, NOW + 11) == 50


async def test_a_refund_that_was_due_is_not_added_to_a_balance_set_later(store: Store) -> None:
    await accepted(store, draft(1, cost=30, life=plan(outcome=plan().outcome.FAILED)))
    await store.set_balance(TEAM.id, 3, NOW + 10)
    assert await store.balance(TEAM.id, NOW + 20) == 3


async def test_requests_over_the_limit_wait_until_the_oldest_is_out_of_the_span(store: Store) -> None:
    limit = RateLimit(2, 10.0)
    waits = [await store.admit(ANN.digest, limit, NOW + s) for s in (0, 4, 5, 9.5, 10, 10, 14, 14)]
    assert waits == [0, 0, 5, 0.5, 0, 4, 0, 6]


async def test_each_key_has_its_own_limit(store: Store) -> None:
    limit = RateLimit(1, 10.0)
    assert [await store.admit(key.digest, limit, NOW) for key in (ANN, BOB, ANN, BOB)] == [0, 0, 10, 10]


async def test_a_lowered_limit_counts_what_was_already_admitted(store: Store) -> None:
    for s in range(4):
        assert await store.admit(ANN.digest, RateLimit(4, 10.0), NOW + s) == 0
    assert await store.admit(ANN.digest, RateLimit(2, 10.0), NOW + 5) == 7


@given(
    limit=st.integers(1, 4),
    span=st.sampled_from([0.1, 1.0, 60.0]),
    steps=st.lists(st.sampled_from([0.0, 0.03, 0.1, 0.5, 1.0, 20.0, 60.0]), max_size=40),
)
async def test_in_no_span_more_are_admitted_than_may_and_none_is_refused_without_need(
    open_store: OpenStore, limit: int, span: float, steps: list[float]
) -> None:
    async with open_store() as store:
        now, seen = NOW, list[float]()
        for step in steps:
            now += step
            recent = [at for at in seen if at + span > now]
            wait = await store.admit(ANN.digest, RateLimit(limit, span), now)
            assert wait == expected_wait(recent, limit, span, now)
            seen += [now] if wait == 0 else []


def expected_wait(recent: Sequence[float], limit: int, span: float, now: float) -> float:
    return 0.0 if len(recent) < limit else recent[-limit] + span - now
