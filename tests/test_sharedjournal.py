"""The journal of processes that share a store: what was recorded before the end is in the store after it."""

import asyncio
import json
from collections.abc import Sequence

from mockserver.clock import Clock
from mockserver.core.deliveries import schedule
from mockserver.sharedjournal import ATTEMPTS, REQUESTS, SharedJournal
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


def row(ended: float) -> bytes:
    """A request as a process writes it; *ended* is in seconds since the epoch."""
    own = [0, NOW, ended - 1, 1, "id", "/v2/me", "", 0, 200, [], "{}", 2, "", "", False, 0, [], ""]
    return json.dumps([own, ["GET", "me", "", "", "", "application/json"]]).encode()


async def test_watches_hear_of_requests_in_the_order_of_time_and_readers_see_that_of_the_store() -> None:
    store, heard = MemoryStore(10), list[int]()
    journal = SharedJournal(Clock(NOW, is_frozen=True), 10, 10**6, store)
    journal.watch(lambda entry: heard.append(entry.number))
    await store.append(REQUESTS, [row(NOW + 2), row(NOW + 1), row(NOW + 3)], 10, 10**6)
    await journal.refresh()
    assert heard == [2, 1, 3]
    assert [entry.number for entry in journal.entries()] == [1, 2, 3]


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
