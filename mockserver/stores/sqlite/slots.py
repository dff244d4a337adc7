"""Slots of teams, and the jobs that are unfinished where only so many may be."""

import heapq
from array import array

from mockserver.core.jobs import Job
from mockserver.core.slots import take_slot
from mockserver.stores.sqlite.part import Part


class Slots(Part):
    """The part of the store that says how many run at once."""

    def _with_slot(self, number: int, job: Job, limit: int, now: float) -> Job:
        """The job with its start put off until it has a slot of its team."""
        team = job.team_id
        free_at = self._free_at(team)
        while len(free_at) > limit:  # the limit was lowered
            heapq.heappop(free_at)
        ready_at = job.plan.started_at
        starts_at = take_slot(free_at, limit, ready_at, job.plan.runs_s)
        self._execute("INSERT OR REPLACE INTO slots VALUES (?, ?)", (team, packed_instants(free_at)))
        with_slot = job._replace(plan=job.plan._replace(started_at=starts_at))
        self._execute(
            "DELETE FROM open_jobs WHERE whose = ?1 AND (ended_at, job) IN"
            " (SELECT ended_at, job FROM open_jobs WHERE whose = ?1 AND ended_at <= ?2 ORDER BY ended_at LIMIT 100)",
            (team, now),
        )
        self._note_open(number, with_slot, team, ready_at)
        return with_slot

    def _free_at(self, team_id: str) -> list[float]:
        found = self._rows("SELECT free_at FROM slots WHERE team = ?", (team_id,))
        return list(array("d", found[0][0])) if found else []

    def _full_until(self, job: Job, most: int, now: float) -> float | None:
        """When the first ends of those that fill the job's list; none while there is room for it."""
        name = job.lists[0]
        self._execute("DELETE FROM open_jobs WHERE whose = ? AND ended_at <= ?", (name, now))
        ends = self._rows("SELECT ended_at FROM open_jobs WHERE whose = ? ORDER BY ended_at LIMIT ?", (name, most))
        return None if len(ends) < most else ends[0][0] if ends else now

    def _note_open(self, number: int, job: Job, whose: str, ready_at: float) -> None:
        self._execute("INSERT INTO open_jobs VALUES (?, ?, ?, ?)", (whose, job.plan.ended_at, number, ready_at))

    def _move_open(self, number: int, before: Job, after: Job) -> None:
        """Note another end of a job, if it is among those that are open."""
        if before.plan.ended_at != after.plan.ended_at:
            self._execute(
                "UPDATE open_jobs SET ended_at = ? WHERE whose IN (?, ?) AND ended_at = ? AND job = ?",
                (after.plan.ended_at, before.team_id, before.lists[0], before.plan.ended_at, number),
            )

    def _forget_open(self, number: int, job: Job) -> None:
        self._execute(
            "DELETE FROM open_jobs WHERE whose IN (?, ?) AND ended_at = ? AND job = ?",
            (job.team_id, job.lists[0], job.plan.ended_at, number),
        )


def packed_instants(instants: list[float]) -> bytes:
    """Instants as they are kept."""
    return array("d", instants).tobytes()
