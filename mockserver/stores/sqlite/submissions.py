"""The one atomic step in which a job comes to be, and how finished ones leave a full store."""

import logging
from typing import NamedTuple

from mockserver.core.deliveries import schedule
from mockserver.core.idempotency import LIFETIME_S, Claim
from mockserver.core.jobs import Job
from mockserver.core.timeline import JobStatus, Plan, moment_at
from mockserver.stores.protocol import (
    Accepted,
    Clash,
    Draft,
    Outcome,
    Replay,
    TooFewCredits,
    TooManyOpen,
)
from mockserver.stores.sqlite.ledger import Ledger
from mockserver.stores.sqlite.outbox import Outbox
from mockserver.stores.sqlite.packing import (
    JOB,
    JOBS,
    STATUS_CODES,
    STATUSES,
    WHOLE_JOB,
    id_bytes,
    id_text,
    job_of,
    job_row,
    leaves_at,
    place_of,
)
from mockserver.stores.sqlite.slots import Slots

log = logging.getLogger(__name__)

MOST_LEAVE = 100
"""Jobs that leave for one that comes, at most; more than one where the store was made smaller."""
SWEEP_EVERY, SWEPT = 16, 64
"""With one claim of so many, so many neighbours of its place are forgotten if they have expired: places are scattered,
so in time it meets all."""
_RECALL = """
    SELECT claims.expires_at, fingerprint, claims.job, final, started_at, runs_s, outcome
    FROM claims LEFT JOIN jobs ON jobs.id = claims.job WHERE place = ?
"""
_ADD = f"INSERT INTO jobs (no, list, leaves_at, {JOB}) VALUES (?,?,?{',?' * len(JOB.split(','))})"  # noqa: S608 - columns

_LEAVING = f"SELECT no, list, {WHOLE_JOB} FROM {JOBS} WHERE leaves_at <= ? ORDER BY leaves_at LIMIT ?"  # noqa: S608 - columns


class _Made(NamedTuple):
    """What a step tells of a job that was accepted."""

    job: Job
    first_due_at: float | None
    evicted: int
    """In all, by now."""
    left: int
    """Just now."""


class Submissions(Ledger, Slots, Outbox):
    """The part of the store that takes jobs in and lets them go."""

    async def recall(self, user_id: str, claim: Claim, now: float) -> Replay | Clash | None:
        return _recalled(await self._read(_RECALL, (place_of(user_id, claim.key),)), claim, now)

    async def submit(self, draft: Draft, now: float) -> Outcome:
        made = await self._write(self._submit, draft, await self._lists.number(draft.job), now)
        if not isinstance(made, _Made):
            return made
        self._woken(made.first_due_at)
        self._tell_of_evicted(made.evicted, made.left)
        return Accepted(made.job)

    def _submit(self, draft: Draft, list_: int, now: float) -> _Made | Replay | Clash | TooFewCredits | TooManyOpen:
        job, claim, place = draft.job, draft.claim, b""
        if claim is not None:
            place = place_of(job.user_id, claim.key)
            known = _recalled(self._rows(_RECALL, (place,)), claim, now)
            if known is not None:
                return known
        credit = self._collect(job.team_id, now)
        available = max(0, credit or 0)
        if credit is None or available < job.cost:
            return TooFewCredits(job.cost, available)
        if draft.most_open is not None:
            until = self._full_until(job, draft.most_open, now)
            if until is not None:
                return TooManyOpen(until)

        # Nothing is refused from here on.

        jobs, evicted = self._tallies.of("jobs") or 0, self._tallies.of("evicted") or 0
        number = jobs + evicted + 1
        if draft.slots is not None:
            job = self._with_slot(number, job, draft.slots, now)
        if draft.most_open is not None:
            self._note_open(number, job, job.lists[0], job.plan.started_at)
        self._execute(_ADD, (number, list_, leaves_at(job), *job_row(job)))
        deliveries = [] if job.webhook is None else schedule(job)
        self._add_deliveries(number, deliveries)
        self._tallies.add("jobs", "", 1)
        self._tallies.add("credit", job.team_id, -job.cost)
        self._tallies.add("models", f"{list_}/{job.model}", 1)
        if deliveries:
            self._tallies.add("pending", "", len(deliveries))
        self._book(number, job)
        if claim is not None:
            self._claim_key(place, job, claim, now)
        left = 0 if jobs < self._terms.max_jobs else self._evict(jobs + 1 - self._terms.max_jobs, now)
        return _Made(job, min((each.due_at for each in deliveries), default=None), evicted + left, left)

    def _claim_key(self, place: bytes, job: Job, claim: Claim, now: float) -> None:
        self._execute(
            "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, NULL, ?)",
            (place, job.created_at + LIFETIME_S, id_bytes(job.id), claim.fingerprint),
        )
        if place[0] % SWEEP_EVERY == 0:
            self._execute(
                "DELETE FROM claims WHERE place IN (SELECT place FROM claims WHERE place > ? ORDER BY place LIMIT ?)"
                " AND expires_at <= ?",
                (place, SWEPT, now),
            )

    # Leaving

    def _evict(self, over: int, now: float) -> int:
        """Let so many finished jobs go, the first to end first; how many have gone."""
        left, looks = 0, min(over, MOST_LEAVE)
        while found := self._rows(_LEAVING, (now, looks - left)):
            for number, list_, *row in found:
                job = job_of(row)
                if job.webhook is not None and self._waits_for(number):
                    self._execute("UPDATE jobs SET leaves_at = NULL WHERE no = ?", (number,))
                else:
                    self._remove(number, list_, job)
                    left += 1
        return left

    def _remove(self, number: int, list_: int, job: Job) -> None:
        self._execute("DELETE FROM jobs WHERE no = ?", (number,))
        self._forget_open(number, job)
        self._tallies.add("jobs", "", -1)
        self._tallies.add("evicted", "", 1)
        self._tallies.add("models", f"{list_}/{job.model}", -1)
        if job.idempotency_key is not None:
            self._execute(
                "UPDATE claims SET final = ? WHERE place = ? AND job = ?",
                (STATUS_CODES[job.plan.outcome], place_of(job.user_id, job.idempotency_key), id_bytes(job.id)),
            )

    def _tell_of_evicted(self, evicted: int, left: int) -> None:
        for number in range(evicted - left + 1, evicted + 1):
            if number == 1 or number % 10_000 == 0:
                log.warning("%d finished jobs have left to keep at most %d (--max-jobs)", number, self._terms.max_jobs)


def _recalled(found: list[tuple[object, ...]], claim: Claim, now: float) -> Replay | Clash | None:
    match found:
        case [(float(expires_at), fingerprint, bytes(job), final, started_at, runs_s, outcome)] if expires_at > now:
            if fingerprint != claim.fingerprint:
                return Clash()
            match started_at, runs_s, outcome, final:
                case float(), float(), int(), _:
                    plan = Plan(started_at, runs_s, 0.0, (), STATUSES[outcome], None, 0.0)
                    return Replay(id_text(job), moment_at(plan, now).status)
                case _, _, _, int():
                    return Replay(id_text(job), STATUSES[final])
                case _:
                    return Replay(id_text(job), JobStatus.COMPLETED)
        case _:
            return None
