"""Credits as rows, as `core/ledger.py` has them: what comes and goes is known beforehand and counts from then on."""

import math

from mockserver.core.jobs import Job
from mockserver.stores.sqlite.part import Part


class Ledger(Part):
    """The part of the store that knows what teams can spend."""

    async def balance(self, team_id: str, now: float) -> int:
        ((credit, first_at),) = await self._read(
            "SELECT (SELECT n FROM tallies WHERE what = 'credit' AND whose = ?1),"
            " (SELECT min(at) FROM ledger WHERE team = ?1)",
            (team_id,),
        )
        if first_at is not None and first_at <= now:
            credit = await self._write(self._collect, team_id, now)
        return max(0, credit or 0)

    async def set_balance(self, team_id: str, credit: int, now: float) -> None:
        await self._write(self._set_balance, team_id, credit, now)

    def _set_balance(self, team_id: str, credit: int, now: float) -> None:
        before = self._collect(team_id, now)
        if before is not None:
            self._tallies.add("credit", team_id, credit - before)

    def _collect(self, team_id: str, now: float) -> int | None:
        """Count what has come and gone by *now*; what the team has, or owes, and none where there is no such team."""
        ((change, entries),) = self._rows(
            "SELECT total(credit), count(*) FROM ledger WHERE team = ? AND at <= ?", (team_id, now)
        )
        credit = self._tallies.of("credit", team_id)
        if not entries:
            return credit
        self._execute("DELETE FROM ledger WHERE team = ? AND at <= ?", (team_id, now))
        if credit is None:
            return None
        self._tallies.add("credit", team_id, int(change))
        return credit + int(change)

    def _book(self, number: int, job: Job, *, has_started: bool = False) -> None:
        """Book what the job's plan takes when it starts, unless it has, and what comes back at its end."""
        plan, entries = job.plan, []
        if job.later_cost and not has_started:
            entries.append((job.team_id, plan.started_at, number, 1, -job.later_cost))
        if plan.refunds and job.cost + job.later_cost:
            entries.append((job.team_id, plan.ended_at, number, 0, job.cost + job.later_cost))
        for entry in entries:
            if entry[1] < math.inf:
                self._execute("INSERT INTO ledger VALUES (?, ?, ?, ?, ?)", entry)

    def _unbook(self, number: int, job: Job, *, has_started: bool) -> None:
        """Forget what is booked of a job and has not come yet."""
        plan = job.plan
        for at, is_start in ((plan.started_at, 1), (plan.ended_at, 0)):
            if not (is_start and has_started):
                self._execute(
                    "DELETE FROM ledger WHERE team = ? AND at = ? AND job = ? AND is_start = ?",
                    (job.team_id, at, number, is_start),
                )
