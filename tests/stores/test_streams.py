"""Rows that are only added, of which the newest stay."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from mockserver.stores.protocol import Store
from tests.stores.conftest import OpenStore
from tests.stores.drafts import KEYS, TEAMS

PLENTY = 1_000_000


async def test_rows_are_numbered_from_one_and_read_from_any_number_on(store: Store) -> None:
    assert await store.rows_after("journal", 0, 10) == []
    assert await store.append("journal", [b"a", b"b"], 10, PLENTY) == 2
    assert await store.append("journal", [b"c"], 10, PLENTY) == 3
    assert await store.append("other", [b"x"], 10, PLENTY) == 1
    assert await store.rows_after("journal", 0, 10) == [(1, b"a"), (2, b"b"), (3, b"c")]
    assert await store.rows_after("journal", 0, 2) == [(1, b"a"), (2, b"b")]
    assert await store.rows_after("journal", 2, 10) == [(3, b"c")]
    assert await store.rows_after("journal", 3, 10) == []
    assert await store.rows_after("other", 0, 10) == [(1, b"x")]


async def test_of_more_rows_than_may_stay_the_newest_do(store: Store) -> None:
    for row in (b"a", b"b", b"c", b"d"):
        await store.append("journal", [row], 2, PLENTY)
    assert await store.rows_after("journal", 0, 10) == [(3, b"c"), (4, b"d")]
    await store.append("journal", [b"e", b"f", b"g"], 2, PLENTY)
    assert await store.rows_after("journal", 0, 10) == [(6, b"f"), (7, b"g")]


async def test_of_more_bytes_than_may_stay_the_newest_rows_do(store: Store) -> None:
    await store.append("journal", [b"aaaa", b"bb", b"cc"], 10, 5)
    assert await store.rows_after("journal", 0, 10) == [(2, b"bb"), (3, b"cc")]


async def test_rows_that_are_added_at_once_have_no_gaps(store: Store) -> None:
    rows = [str(number).encode() for number in range(30)]
    await asyncio.gather(*(store.append("journal", [row], 100, PLENTY) for row in rows))
    kept = await store.rows_after("journal", 0, 100)
    assert [number for number, _ in kept] == list(range(1, 31))
    assert sorted(row for _, row in kept) == sorted(rows)


async def test_a_stream_that_is_cleared_and_a_store_that_is_reset_count_on(store: Store) -> None:
    await store.append("journal", [b"a", b"b"], 10, PLENTY)
    await store.clear_stream("journal")
    await store.clear_stream("nothing")
    assert await store.rows_after("journal", 0, 10) == []
    assert await store.append("journal", [b"c"], 10, PLENTY) == 3
    await store.reset(TEAMS, KEYS)
    assert await store.rows_after("journal", 0, 10) == []
    assert await store.append("journal", [b"d"], 10, PLENTY) == 4
    assert await store.rows_after("journal", 0, 10) == [(4, b"d")]


@given(
    handfuls=st.lists(st.lists(st.binary(max_size=5), min_size=1, max_size=4), max_size=12),
    most=st.integers(1, 6),
    most_bytes=st.integers(5, 15),
)
async def test_the_newest_rows_stay_that_are_few_and_small_enough(
    open_store: OpenStore, handfuls: list[list[bytes]], most: int, most_bytes: int
) -> None:
    async with open_store() as store:
        rows = list[tuple[int, bytes]]()
        for handful in handfuls:
            rows += [(len(rows) + place, row) for place, row in enumerate(handful, 1)]
            assert await store.append("journal", handful, most, most_bytes) == len(rows)
            kept = rows[-most:]
            while sum(len(row) for _, row in kept) > most_bytes:
                kept = kept[1:]
            assert await store.rows_after("journal", 0, 100) == kept
