"""The journal of processes that share a store: what was recorded before the end is in the store after it."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from mockserver.clock import WALL_S, Clock
from mockserver.core.deliveries import schedule
from mockserver.sharedjournal import ATTEMPTS, REQUESTS, SHORT, SharedJournal
from mockserver.stores.memory import MemoryStore
from tests.stores.drafts import HOOK, NOW, attempt, draft


class Slow(MemoryStore):
    """A store that takes a row down once it is told to."""

    def __init__(self) -> None:
        super().__init__(10)
        self.asked, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def append(self, stream: str, rows: Sequence[bytes], most: int, most_bytes: int) -> int:
        self.asked.set()
        await self.may_go_on.wait()
        return await super().append(stream, rows, most, most_bytes)


def row(ended: float, target: str = "/v2/me", headers: str = "", key_line: Sequence[int | str] = ()) -> bytes:
    """A request as a process writes it; *ended* is in seconds since the epoch."""
    own = [0, NOW, ended - 1, 1, "id", target, "", 0, 200, [], "{}", 2, "", "", False, 0, [], "", key_line]
    return json.dumps([own, ["GET", "me", "", "", headers, "application/json"]]).encode()


async def test_watches_hear_of_requests_in_the_order_of_time_and_readers_see_that_of_the_store() -> None:
    store, heard = MemoryStore(10), list[int]()
    journal = SharedJournal(Clock(NOW, is_frozen=True), 10, 10**6, store)
    journal.watch(lambda entry: heard.append(entry.number))
    await store.append(REQUESTS, [row(NOW + 2), row(NOW + 1), row(NOW + 3)], 10, 10**6)
    await journal.refresh()
    assert heard == [2, 1, 3]
    assert [entry.number for entry in journal.entries()] == [1, 2, 3]


@pytest.mark.parametrize("target", ["/v2/me?\udcff", "/v2/me?\u00e9", f"/v2/me?{10**30}"])
@pytest.mark.parametrize("value", ["1", "\u00ff", "x" * 2 * SHORT])
async def test_a_row_is_read_as_it_was_written_whatever_stands_in_it(target: str, value: str) -> None:
    store = MemoryStore(10)
    journal = SharedJournal(Clock(NOW, is_frozen=True), 10, 10**6, store)
    headers = f"Host\nmock\nX-Note\n{value}"
    await store.append(REQUESTS, [row(NOW, target, headers)] * 2, 10, 10**6)
    await journal.refresh()
    for entry in journal.entries():
        assert entry.target == target
        assert entry.began_s + WALL_S == pytest.approx(NOW - 1)
        assert entry.headers == ((b"Host", b"mock"), (b"X-Note", value.encode("latin-1")))
    assert len(journal) == 2


async def test_an_idempotency_key_stands_again_where_it_was_among_the_headers() -> None:
    store = MemoryStore(10)
    journal = SharedJournal(Clock(NOW, is_frozen=True), 10, 10**6, store)
    await store.append(REQUESTS, [row(NOW, headers="A\n1\nB\n2", key_line=(1, "Idempotency-Key", "\u00ff"))], 10, 10**6)
    await journal.refresh()
    (entry,) = journal.entries()
    assert entry.headers == ((b"A", b"1"), (b"Idempotency-Key", b"\xff"), (b"B", b"2"))
    assert entry.header("idempotency-key") == "\u00ff"


async def test_what_is_being_written_when_a_process_ends_is_written() -> None:
    store = Slow()
    journal = SharedJournal(Clock(NOW, is_frozen=True), 10, 10**6, store)
    job = draft(1, hook=HOOK).job
    delivery = schedule(job)[0]
    journal.on_attempt(job, delivery, attempt(delivery))
    await store.asked.wait()
    closing = asyncio.create_task(journal.close())
    await asyncio.sleep(0)
    store.may_go_on.set()
    await closing
    assert len(await store.rows_after(ATTEMPTS, 0, 10)) == 1
