"""The journal of processes that share a store: what was recorded before the end is in the store after it."""

import asyncio
from collections.abc import Sequence

from mockserver.clock import Clock
from mockserver.core.deliveries import schedule
from mockserver.sharedjournal import ATTEMPTS, SharedJournal
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
