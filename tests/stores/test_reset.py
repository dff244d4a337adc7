"""A reset store is as good as new."""

from dataclasses import replace

from mockserver.core.accounts import RateLimit
from mockserver.core.idempotency import Claim
from mockserver.stores.protocol import Store
from tests.stores.conftest import OpenStore
from tests.stores.drafts import (
    ANN,
    HOOK,
    KEYS,
    NEVER,
    NOW,
    TEAM,
    TEAMS,
    accepted,
    attempt,
    delivered,
    draft,
    job_id,
    lora,
    plan,
    whole,
)


async def used(store: Store) -> None:
    """Leave traces everywhere."""
    await store.put_team(replace(TEAM, max_concurrent_jobs=1, name="Renamed"))
    await store.put_key(replace(ANN, is_active=False))
    await accepted(store, draft(1, key="k", hook=HOOK, slots=1, life=plan(runs_s=NEVER)))
    for number in range(2, 9):
        await accepted(store, draft(number, hook=HOOK))
    await accepted(store, lora(9, later_cost=50, most_open=1, life=plan(runs_s=NEVER)))
    await store.admit(ANN.digest, RateLimit(1, 60.0), NOW)
    ((delivery, _), *_) = await store.claim_due(NOW + 5, 10)
    await store.settle(delivered(delivery), attempt(delivery))


async def test_nothing_is_left_of_what_was_before(open_store: OpenStore) -> None:
    async with open_store(max_jobs=5) as store, open_store(max_jobs=5) as new:
        await used(store)
        store.due_changed.clear()
        await store.reset(TEAMS, KEYS)
        assert store.due_changed.is_set()
        assert await whole(store, NOW) == await whole(new, NOW)
        assert await store.recall(ANN.user_id, Claim("k", b"request"), NOW) is None
        assert await store.admit(ANN.digest, RateLimit(1, 60.0), NOW) == 0
        assert await store.is_settled(NOW + 99)


async def test_after_a_reset_the_same_jobs_come_out_the_same(open_store: OpenStore) -> None:
    async with open_store() as store:
        seen = []
        for _ in range(2):
            await used(store)
            seen.append(await whole(store, NOW + 99))
            await store.reset(TEAMS, KEYS)
        assert seen[0] == seen[1]


async def test_what_was_under_way_before_a_reset_is_settled_into_nothing(store: Store) -> None:
    await accepted(store, draft(1, hook=HOOK))
    ((delivery, _), *_) = await store.claim_due(NOW + 5, 10)
    await store.reset(TEAMS, KEYS)
    before = await whole(store, NOW)
    await store.settle(delivered(delivery), attempt(delivery))
    assert await whole(store, NOW) == before


async def test_a_reset_may_bring_other_teams_and_keys(store: Store) -> None:
    await store.reset(TEAMS[1:], KEYS[2:])
    assert (await store.teams(), await store.keys()) == (TEAMS[1:], KEYS[2:])
    assert (await store.balance(TEAM.id, NOW), await store.job(job_id(1))) == (0, None)
