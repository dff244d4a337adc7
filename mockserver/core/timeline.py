"""Where a job stands at an instant: a pure function of its plan and of when somebody looks.

Instants are seconds since the epoch (UTC) on one clock, durations are seconds. Source: facts.md section 8.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from mockserver.core.directives import DEFAULT_ERROR, NONE, Directives

_new = tuple.__new__
"""A named tuple of a tuple with as many values as it has fields: a third of what calling its class takes."""

Mark = tuple[float, int]
"""From this share of the pace on, the job shows this percentage."""

QUEUED_SHARE = 0.1
"""Most of the typical time that a job waits before it starts."""

ROUNDING_S = 1e-6
"""Instants near 2e9 s are doubles 2e-7 s apart: a mark counts as reached this much early."""


class JobStatus(StrEnum):
    """As on the wire."""

    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows."""
        return self not in (JobStatus.QUEUED, JobStatus.PROCESSING)


COMPLETED, FAILED, CANCELLED, QUEUED, PROCESSING = (
    JobStatus.COMPLETED,
    JobStatus.FAILED,
    JobStatus.CANCELLED,
    JobStatus.QUEUED,
    JobStatus.PROCESSING,
)
"""The same by themselves, for what every request does: Python 3.11 is slow to read a member of its class."""


class Plan(NamedTuple):
    """All that will happen to a job, written down when it is accepted."""

    started_at: float
    """Infinite while no slot is in sight."""
    runs_s: float
    """From start to end; infinite when stuck."""
    pace_s: float
    """What the shares of the marks refer to."""
    marks: tuple[Mark, ...]
    """Shares and percentages both rise."""
    outcome: JobStatus
    error: str | None
    keeps_s: float
    """How long the files stay after the end."""

    @property
    def ended_at(self) -> float:
        """When the job reaches its outcome; infinite when it never does."""
        return self.started_at + self.runs_s

    @property
    def refunds(self) -> bool:
        """Whether the credits come back when the job ends."""
        return self.outcome is not COMPLETED


class Moment(NamedTuple):
    """What a poll sees."""

    status: JobStatus
    progress: int
    is_expired: bool = False


def moment_at(plan: Plan, now: float) -> Moment:
    """Say what a look at the job sees at *now*.

    Progress never falls: 0 while queued, 100 once completed; a job that fails or is cancelled keeps the last mark
    that it reached. Source: clauses LIFE-2, LIFE-3, LIFE-9.
    """
    started_at, runs_s, _, _, outcome, _, keeps_s = plan
    if now < started_at:
        return _new(Moment, (QUEUED, 0, False))
    if now < started_at + runs_s:
        return _new(Moment, (PROCESSING, _progress_after(plan, now - started_at), False))
    if outcome is COMPLETED:
        return _new(Moment, (outcome, 100, now >= started_at + runs_s + keeps_s))
    return _new(Moment, (outcome, _progress_after(plan, runs_s), False))


def draw_plan(  # noqa: PLR0913 - all that a life depends on
    now: float,
    typical_s: float,
    orders: Directives,
    *,
    marks: tuple[Mark, ...],
    keeps_s: float,
    chance: Callable[[], float],
) -> Plan:
    """Decide the life of a job accepted at *now*; *chance* gives numbers from 0 to 1.

    *typical_s* is what such a job takes from submission to result, speed already applied.
    """
    if orders is not NONE:
        typical_s = 0.0 if orders.is_instant else typical_s * orders.factor
    spread = 0.8 + 0.4 * chance()
    queued_s = typical_s * QUEUED_SHARE * chance()
    pace_s = max(0.0, typical_s * spread - queued_s)
    if orders is NONE:  # as most are
        return _new(Plan, (now + queued_s, pace_s, pace_s, marks, COMPLETED, None, keeps_s))
    if orders.queued_s is not None:
        queued_s = orders.queued_s
    if orders.processing_s is not None:
        pace_s = orders.processing_s
    runs_s, outcome, error = pace_s, JobStatus.COMPLETED, None
    if orders.is_stuck:
        runs_s = math.inf
    elif orders.is_cancelled:
        runs_s, outcome = pace_s / 2, JobStatus.CANCELLED
    elif orders.error is not None:
        # A planned failure shows no progress, as in the documented example, so that progress never falls.
        runs_s, outcome, error, marks = pace_s / 2, JobStatus.FAILED, orders.error, ()
    return _new(Plan, (now + queued_s, runs_s, pace_s, marks, outcome, error, keeps_s))


def draw_marks(chance: Callable[[], float]) -> tuple[Mark, ...]:
    """A rising row of four to nine progress marks between 1 and 99 per cent."""
    shares = sorted([0.02 + 0.96 * chance() for _ in range(4 + int(6 * chance()))])
    marks: list[Mark] = []
    last = 0
    for share in shares:
        percentage = min(99, max(1, round(100 * share + 8 * (chance() - 0.5))))
        if percentage > last:
            marks.append((share, percentage))
            last = percentage
    return tuple(marks)


def completed_by(plan: Plan, now: float) -> Plan:
    """The plan of an unfinished job, changed so that it completes at *now*."""
    return _ending(plan, now, JobStatus.COMPLETED, None)


def failed_by(plan: Plan, now: float, error: str) -> Plan:
    """The plan of an unfinished job, changed so that it fails at *now* with *error*."""
    return _ending(plan, now, JobStatus.FAILED, error or DEFAULT_ERROR)


def cancelled_by(plan: Plan, now: float) -> Plan:
    """The plan of an unfinished job, changed so that it is cancelled at *now*."""
    return _ending(plan, now, JobStatus.CANCELLED, None)


def expired_by(plan: Plan, now: float) -> Plan:
    """The plan of a completed job, changed so that its files are gone from *now* on."""
    return plan._replace(keeps_s=min(plan.keeps_s, max(0.0, now - plan.ended_at)))


def progressed_by(plan: Plan, now: float, percentage: int) -> Plan:
    """The plan of an unfinished job, started if need be, so that it shows *percentage* from *now* on.

    Later marks that are not above it are dropped. *percentage* must not be below what the job shows.
    """
    started_at = min(plan.started_at, now)
    pace_s = max(plan.pace_s, 1e-3)
    share = (now - started_at) / pace_s
    past = tuple(mark for mark in plan.marks if mark[0] <= share and started_at == plan.started_at)
    later = tuple(mark for mark in plan.marks if mark[0] > share and mark[1] > percentage)
    return plan._replace(started_at=started_at, pace_s=pace_s, marks=(*past, (share, percentage), *later))


def _ending(plan: Plan, now: float, outcome: JobStatus, error: str | None) -> Plan:
    started_at = min(plan.started_at, now)
    marks = plan.marks if started_at == plan.started_at else ()
    runs_s = now - started_at
    return plan._replace(started_at=started_at, runs_s=runs_s, marks=marks, outcome=outcome, error=error)


def _progress_after(plan: Plan, ran_s: float) -> int:
    progress = 0
    for share, percentage in plan.marks:
        if share * plan.pace_s > ran_s + ROUNDING_S:
            break
        progress = percentage
    return progress
