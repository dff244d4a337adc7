"""Deliveries: scheduled, dropped, told; `leases.py` says how they are taken."""

import math

from mockserver.core.deliveries import Attempt, Delivery
from mockserver.stores.sqlite.file import File, Row
from mockserver.stores.sqlite.packing import DELIVERY, attempt_of, delivery_of, delivery_row, id_bytes
from mockserver.stores.sqlite.part import Part, Terms

NOBODY = 0
"""Has those that wait; one that is done has no worker at all."""
_ADD = f"INSERT INTO deliveries ({DELIVERY}, job, worker) VALUES (?,?,?,?,?,?,?,?,?,?,{NOBODY})"  # noqa: S608 - columns
_PUT = (
    f"{_ADD} ON CONFLICT (job, name) DO UPDATE SET event_at = excluded.event_at, due_at = excluded.due_at,"
    " progress = excluded.progress, attempts = excluded.attempts, status = excluded.status,"
    f" is_resent = excluded.is_resent, worker = coalesce(worker, {NOBODY}), done_no = NULL"
)


class Outbox(Part):
    """The part of the store that keeps deliveries."""

    def __init__(self, file: File, terms: Terms) -> None:
        super().__init__(file, terms)
        self._told_due_at = math.inf
        """What `next_due_at` said last."""

    async def next_due_at(self) -> float:
        self._told_due_at = await self._first_due_at()
        return self._told_due_at

    async def _first_due_at(self) -> float:
        ((first,),) = await self._read("SELECT min(due_at) FROM deliveries WHERE worker = ?", (NOBODY,))
        return math.inf if first is None else float(first)

    def _woken(self, due_at: float | None) -> None:
        """Take it that a delivery is now due at this instant."""
        if due_at is not None and due_at < self._told_due_at:
            self.due_changed.set()

    async def is_settled(self, now: float) -> bool:
        ((is_left,),) = await self._read(
            "SELECT EXISTS (SELECT 1 FROM (SELECT ? AS id UNION ALL SELECT id FROM workers) w"
            " WHERE (SELECT min(due_at) FROM deliveries WHERE worker = w.id) <= ?)",
            (NOBODY, now),
        )
        return not is_left

    async def deliveries(self, job_id: str | None = None) -> list[tuple[Delivery, list[Attempt]]]:
        values: Row = ()
        if job_id is None:
            chosen = "1"
        elif found := await self._read("SELECT no FROM jobs WHERE id = ?", (id_bytes(job_id),)):
            chosen, values = "job = ?", found[0]
        else:  # it has left, and only of what is done something may be remembered
            chosen = "job IN (SELECT job FROM deliveries WHERE done_no IS NOT NULL AND id = ?)"
            values = (id_bytes(job_id),)
        tries: dict[tuple[int, str], list[Attempt]] = {}
        for number, name, told, body in await self._read(
            f"SELECT job, name, told, body FROM attempts WHERE {chosen} ORDER BY no",  # noqa: S608 - our own words
            values,
        ):
            tries.setdefault((number, name), []).append(attempt_of(told, body))
        known = [
            (delivery_of(row), tries.get((number, row[0]), []))
            for number, *row in await self._read(
                f"SELECT job, {DELIVERY} FROM deliveries WHERE {chosen}",  # noqa: S608 - our own words
                values,
            )
        ]
        return sorted(known, key=lambda each: (each[0].event_at, each[0].id))

    async def redeliver(self, delivery_id: str, now: float) -> Delivery | None:
        again = await self._write(self._redeliver, delivery_id, now)
        if again is not None:
            self.due_changed.set()
        return again

    def _redeliver(self, delivery_id: str, now: float) -> Delivery | None:
        job_id, _, name = delivery_id.partition("_")
        found = self._rows(
            f"SELECT job, worker, {DELIVERY} FROM deliveries"  # noqa: S608 - columns
            " WHERE job = (SELECT no FROM jobs WHERE id = ?) AND name = ?",
            (id_bytes(job_id), name),
        )
        if not found:
            return None
        number, worker, *row = found[0]
        delivery = delivery_of(tuple(row))
        if worker or delivery.event_at > now:
            return delivery
        again = delivery._replace(due_at=now, attempts=0, status=delivery.status.PENDING, is_resent=True)
        self._put_delivery(number, again)
        return again

    # Steps of others

    def _add_deliveries(self, number: int, deliveries: list[Delivery]) -> None:
        """Keep those of a new job."""
        for delivery in deliveries:
            self._execute(_ADD, (*delivery_row(delivery), number))

    def _put_delivery(self, number: int, delivery: Delivery) -> None:
        """Keep a delivery, or change it; whoever has taken it keeps it."""
        row = delivery_row(delivery)
        found = self._rows("SELECT worker FROM deliveries WHERE job = ? AND name = ?", (number, row[0]))
        self._execute(_PUT, (*row, number))
        if not found:
            self._tallies.add("pending", "", 1)
        elif found[0][0] is None:
            self._tallies.add("pending", "", 1)
            self._tallies.add("done", "", -1)

    def _drop_deliveries(self, number: int) -> None:
        """Forget the deliveries of a job that are not done and that nobody has taken."""
        for (name,) in self._rows("SELECT name FROM deliveries WHERE job = ? AND worker = ?", (number, NOBODY)):
            self._forget_delivery(number, name)
            self._tallies.add("pending", "", -1)

    def _forget_delivery(self, number: int, name: str) -> None:
        self._execute("DELETE FROM deliveries WHERE job = ? AND name = ?", (number, name))
        self._execute("DELETE FROM attempts WHERE job = ? AND name = ?", (number, name))

    def _waits_for(self, number: int) -> bool:
        """Whether a delivery of this job is not done."""
        return bool(self._rows("SELECT 1 FROM deliveries WHERE job = ? AND worker IS NOT NULL LIMIT 1", (number,)))
