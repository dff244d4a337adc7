"""What became of a delivery that was taken."""

import secrets

from mockserver.core.deliveries import Attempt, Delivery, webhook_status
from mockserver.core.jobs import TRAINING
from mockserver.core.timeline import JobStatus
from mockserver.stores.protocol import REMEMBERED_DELIVERIES
from mockserver.stores.sqlite.file import File
from mockserver.stores.sqlite.outbox import NOBODY, Outbox
from mockserver.stores.sqlite.packing import HOOK_CODES, STATUS_CODES, attempt_row, delivery_row
from mockserver.stores.sqlite.part import Terms

_IN_LINE_AGAIN = (
    "UPDATE jobs SET leaves_at = nullif(CASE"  # noqa: S608 - our own words
    f" WHEN operation = '{TRAINING}' AND outcome <> {STATUS_CODES[JobStatus.CANCELLED]}"
    " THEN started_at + runs_s + keeps_s ELSE started_at + runs_s END, 9e999) WHERE no = ?1 AND leaves_at IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE job = ?1 AND worker IS NOT NULL)"
)
"""For a job that had to wait for its webhooks before it could leave, once they are done."""


class Settling(Outbox):
    """The part of the store that keeps attempts."""

    def __init__(self, file: File, terms: Terms) -> None:
        super().__init__(file, terms)
        self._worker = secrets.randbits(62) + 1
        """Who this process is among those that take deliveries."""

    def _settle(self, number: int | None, delivery: Delivery, attempt: Attempt) -> None:
        name, id_, _, _, _, due_at, attempts, status, _ = delivery_row(delivery)
        if number is None:
            number = next((no for (no,) in self._rows("SELECT no FROM jobs WHERE id = ?", (id_,))), None)
        found = self._rows("SELECT worker FROM deliveries WHERE job = ? AND name = ? AND id = ?", (number, name, id_))
        if number is None or not found:  # all was reset meanwhile
            return
        ((worker,),) = found
        attempt_no = self._execute(
            "INSERT INTO attempts (job, name, told, body) VALUES (?, ?, ?, ?)", (number, name, *attempt_row(attempt))
        ).lastrowid
        if worker != self._worker:  # the lease had run out: our word is kept as an attempt alone
            return
        is_done = delivery.status.is_final
        self._execute(
            "UPDATE deliveries SET due_at = ?, attempts = ?, status = ?, worker = ?, done_no = ?"
            " WHERE job = ? AND name = ?",
            (due_at, attempts, status, None if is_done else NOBODY, attempt_no if is_done else None, number, name),
        )
        if is_done:
            self._finish(number, delivery)

    def _finish(self, number: int, delivery: Delivery) -> None:
        """Note that a delivery is done."""
        self._tallies.add("pending", "", -1)
        if (self._tallies.of("done") or 0) < REMEMBERED_DELIVERIES:
            self._tallies.add("done", "", 1)
        else:
            for old in self._rows(
                "SELECT job, name FROM deliveries WHERE done_no IS NOT NULL ORDER BY done_no LIMIT 1"
            ):
                self._forget_delivery(*old)
        if delivery.is_about_the_end:
            self._execute(
                "UPDATE jobs SET webhook_status = ? WHERE no = ?", (HOOK_CODES[webhook_status(delivery)], number)
            )
        self._execute(_IN_LINE_AGAIN, (number,))
