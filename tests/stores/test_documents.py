"""What processes agree on: small texts with a version, counters, turns; and how a store is set up once."""

import asyncio

from mockserver.stores.protocol import Caller, Store
from tests.stores.drafts import ANN, KEYS, NOW, OTHER_TEAM, TEAM, TEAMS, accepted, draft, whole


async def test_a_document_is_what_was_put_last(store: Store) -> None:
    assert await store.document("clock") is None
    for value in (b"stands still", b"\0\xff", b""):
        await store.put_document("clock", value)
        assert await store.document("clock") == value
    assert await store.document("other") is None


async def test_each_change_of_a_document_raises_the_version_which_is_told_to_who_made_it(store: Store) -> None:
    before = await store.look()
    versions = [await store.put_document(name, b"x") for name in ("one", "two", "one")]
    assert versions == [before + 1, before + 2, before + 3]
    assert store.version == versions[-1] == await store.look()


async def test_the_version_is_known_once_a_caller_is_whether_there_is_one_or_not(store: Store) -> None:
    version = await store.put_document("one", b"x")
    for digest, expected in ((ANN.digest, Caller(ANN, TEAM)), ("nobody", None)):
        assert await store.caller(digest) == expected
        assert store.version == version


async def test_jobs_do_not_raise_the_version(store: Store) -> None:
    before = await store.look()
    await accepted(store, draft(1))
    assert await store.look() == before


async def test_numbers_count_from_one_and_each_is_given_once(store: Store) -> None:
    given = await asyncio.gather(*(store.next_number("rule") for _ in range(20)))
    assert sorted(given) == list(range(1, 21))
    assert await store.next_number("other") == 1
    assert await store.numbers(["other", "nothing", "rule"]) == [1, 0, 20]
    assert await store.numbers([]) == []


async def test_a_turn_is_its_holders_alone_until_it_ends(store: Store) -> None:
    taken = [await store.take_turn(holder, 60.0) for holder in ("one", "two", "one")]
    assert taken == [True, False, True]
    await store.end_turn("two")
    assert not await store.take_turn("two", 60.0)
    await store.end_turn("one")
    assert await store.take_turn("two", 60.0)


async def test_a_turn_whose_span_is_over_is_free(store: Store) -> None:
    assert await store.take_turn("one", 0.0)
    assert await store.take_turn("two", 60.0)
    await store.end_turn("one")
    assert not await store.take_turn("one", 60.0)


async def test_a_store_with_teams_is_set_up_already_and_stays_as_it_is(store: Store) -> None:
    await accepted(store, draft(1))
    before = await whole(store, NOW)
    assert not await store.set_up([OTHER_TEAM], [])
    assert await whole(store, NOW) == before


async def test_of_those_that_set_up_a_new_store_one_does(store: Store) -> None:
    await store.reset([], [])
    assert sorted(await asyncio.gather(*(store.set_up(TEAMS, KEYS) for _ in range(3)))) == [False, False, True]
    assert (await store.teams(), await store.keys()) == (TEAMS, KEYS)
    assert await store.balance(TEAM.id, NOW) == TEAM.opening


async def test_a_reset_forgets_documents_and_counters_and_raises_the_version(store: Store) -> None:
    await store.put_document("one", b"x")
    await store.next_number("rule")
    before = await store.look()
    await store.reset(TEAMS, KEYS)
    assert (await store.document("one"), await store.numbers(["rule"])) == (None, [0])
    assert store.version == await store.look() > before
