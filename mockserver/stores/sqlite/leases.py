"""Deliveries are taken under a lease, as each process is a worker, which renews its own three times in the span of one.

When a worker dies, what it had taken falls due again once its lease has run out, and the first to look takes it. Real
time counts here, not the mock's. A process looks twenty times a second whether another has changed the file, and then
whether a delivery has become due earlier than it knew.
"""

import asyncio
import contextlib

from mockserver.clock import real_s
from mockserver.core.deliveries import Attempt, Delivery
from mockserver.core.jobs import Job
from mockserver.stores.protocol import StoreDown
from mockserver.stores.sqlite.file import File
from mockserver.stores.sqlite.outbox import NOBODY
from mockserver.stores.sqlite.packing import (
    DELIVERY,
    JOB,
    delivery_name,
    delivery_of,
    id_text,
    job_of,
)
from mockserver.stores.sqlite.part import Terms
from mockserver.stores.sqlite.settling import Settling

LEASE_S = 15.0
RENEWALS = 3
"""In the span of one lease."""
LOOK_EVERY_S = 0.05
BURIED_AT_ONCE = 1000


def _of(table: str, columns: str) -> str:
    """The columns with their table."""
    return ", ".join(f"{table}.{column}" for column in columns.split(", "))


_COLUMNS = DELIVERY.count(",") + 1
_TAKEN = "SELECT job, name FROM deliveries WHERE worker = ?"
_DUE = (
    f"SELECT d.job, {_of('d', DELIVERY)}, user, team, {_of('j', JOB)}"  # noqa: S608 - columns
    " FROM deliveries d CROSS JOIN jobs j ON j.no = d.job CROSS JOIN lists USING (list)"
    " WHERE d.worker = ? AND d.due_at <= ? ORDER BY d.due_at LIMIT ?"
)


class Leases(Settling):
    """The part of the store that hands deliveries out."""

    def __init__(self, file: File, terms: Terms) -> None:
        super().__init__(file, terms)
        self._held: dict[str, int] = {}
        """Deliveries that this process has taken, with the numbers of their jobs."""
        self._may_hold_more = False
        self._claims = 0
        """Under way."""
        self._watch: asyncio.Task[None] | None = None

    async def claim_due(self, now: float, limit: int) -> list[tuple[Delivery, Job]]:
        if self._watch is None:
            self._watch = asyncio.create_task(self._keep_watch(), name="sqlite deliveries")
        if not (self._may_hold_more or await self._may_find(now)):
            return []
        gives_back, self._may_hold_more = self._may_hold_more and not self._claims, False
        self._claims += 1
        try:
            taken = await self._write(self._claim, now, limit, gives_back)
        except BaseException:
            self._may_hold_more = True  # what nobody was told of
            raise
        finally:
            self._claims -= 1
        self._held |= {delivery.id: number for number, delivery, _ in taken}
        return [(delivery, job) for _, delivery, job in taken]

    async def settle(self, delivery: Delivery, attempt: Attempt) -> None:
        number = self._held.get(delivery.id)
        try:
            await self._write(self._settle, number, delivery, attempt)
        except BaseException:
            self._may_hold_more = True  # it is sent again unless this was kept
            raise
        finally:
            self._held.pop(delivery.id, None)
        if not delivery.status.is_final:
            self.due_changed.set()

    async def _may_find(self, now: float) -> bool:
        """Whether there is something to take, or a dead worker to take over from."""
        ((is_due, is_dead),) = await self._read(
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE worker = ? AND due_at <= ?),"
            " EXISTS (SELECT 1 FROM workers WHERE until <= ?)",
            (NOBODY, now, self._terms.real.now()),
        )
        return bool(is_due or is_dead)

    # Steps

    def _claim(self, now: float, limit: int, gives_back: bool) -> list[tuple[int, Delivery, Job]]:  # noqa: FBT001 - as given
        self._renew()
        self._bury()
        if gives_back:
            self._give_back()
        taken = [
            (
                row[0],
                delivery_of(row[1 : 1 + _COLUMNS]),
                job_of(row[1 + _COLUMNS :]),
            )
            for row in self._rows(_DUE, (NOBODY, now, limit))
        ]
        self._file.execute_many(
            "UPDATE deliveries SET worker = ? WHERE job = ? AND name = ?",
            [(self._worker, number, delivery_name(each.id, each.job_id)) for number, each, _ in taken],
        )
        return taken

    def _renew(self) -> None:
        until = self._terms.real.now() + self._terms.lease_s
        self._execute("INSERT OR REPLACE INTO workers VALUES (?, ?)", (self._worker, until))

    def _bury(self) -> None:
        """Give back what the dead have taken, in bounded pieces."""
        for (worker,) in self._rows("SELECT id FROM workers WHERE until <= ?", (self._terms.real.now(),)):
            self._free(worker, self._rows(f"{_TAKEN} LIMIT ?", (worker, BURIED_AT_ONCE)))
            if not self._rows(f"{_TAKEN} LIMIT 1", (worker,)):
                self._execute("DELETE FROM workers WHERE id = ?", (worker,))

    def _give_back(self) -> None:
        """Make due again what this process is not known to hold."""
        taken = self._rows("SELECT job, name, id FROM deliveries WHERE worker = ?", (self._worker,))
        self._free(
            self._worker, [(job, name) for job, name, id_ in taken if f"{id_text(id_)}_{name}" not in self._held]
        )

    def _leave(self) -> None:
        self._free(self._worker, self._rows(_TAKEN, (self._worker,)))
        self._execute("DELETE FROM workers WHERE id = ?", (self._worker,))

    def _free(self, worker: int, taken: list[tuple[int, str]]) -> None:
        self._file.execute_many(
            "UPDATE deliveries SET worker = ? WHERE job = ? AND name = ? AND worker = ?",
            [(NOBODY, *each, worker) for each in taken],
        )

    # The watch

    async def _stop_watch(self) -> None:
        if self._watch is None:
            return
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        self._watch = None
        self._held.clear()
        with contextlib.suppress(StoreDown):
            await self._write(self._leave)

    async def _keep_watch(self) -> None:
        """Look for what other processes do, and renew the lease."""
        seen, renews_at = 0, 0.0
        while True:
            with contextlib.suppress(StoreDown):
                if real_s() >= renews_at:
                    renews_at = real_s() + self._terms.lease_s / RENEWALS
                    if self._held:
                        await self._write(self._renew)
                    self.due_changed.set()  # the lease of another may have run out
                ((version,),) = await self._read("PRAGMA data_version")
                if version != seen:
                    seen = version
                    self._woken(await self._first_due_at())
            await asyncio.sleep(LOOK_EVERY_S)
