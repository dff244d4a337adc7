"""Another plan for a job, and the slots of its team given anew."""

from mockserver.core.deliveries import reschedule
from mockserver.core.jobs import Job
from mockserver.core.slots import take_slot
from mockserver.core.timeline import Plan
from mockserver.stores.entries import team_of
from mockserver.stores.sqlite.packing import JOBS, WHOLE_JOB, id_bytes, job_of, leaves_at, plan_row
from mockserver.stores.sqlite.slots import packed_instants
from mockserver.stores.sqlite.submissions import Submissions

_GIVE = (
    "UPDATE jobs SET started_at = ?, runs_s = ?, pace_s = ?, marks = ?, outcome = ?, error = ?, keeps_s = ?"
    " WHERE no = ?"
)


class Plans(Submissions):
    """The part of the store that changes what will become of jobs."""

    async def change_plan(self, job_id: str, plan: Plan, now: float) -> list[Job]:
        jobs = await self._write(self._change_plan, job_id, plan, now)
        self.due_changed.set()
        return jobs

    async def move_up(self, team_id: str, now: float) -> list[Job]:
        moved = await self._write(self._move_up, team_id, now)
        self.due_changed.set()
        return moved

    def _change_plan(self, job_id: str, plan: Plan, now: float) -> list[Job]:
        found = self._rows(f"SELECT no, {WHOLE_JOB} FROM {JOBS} WHERE id = ?", (id_bytes(job_id),))  # noqa: S608 - columns
        if not found:
            return []
        number, *row = found[0]
        job = job_of(row)
        was_final = job.moment(now).status.is_final
        changed = self._give_plan(number, job, plan, now, was_final=was_final)
        return [changed, *([] if was_final else self._move_up(job.team_id, now))]

    def _give_plan(self, number: int, job: Job, plan: Plan, now: float, *, was_final: bool) -> Job:
        changed, has_started = job._replace(plan=plan), job.plan.started_at <= now
        self._execute(_GIVE, (*plan_row(plan), number))
        if changed.leaves_at != job.leaves_at:
            self._execute("UPDATE jobs SET leaves_at = ? WHERE no = ?", (leaves_at(changed), number))
        self._move_open(number, job, changed)
        if not was_final:
            self._unbook(number, job, has_started=has_started)
            self._book(number, changed, has_started=has_started)
            self._drop_deliveries(number)
            for delivery in reschedule(job, changed, now):
                self._put_delivery(number, delivery)
        return changed

    def _move_up(self, team_id: str, now: float) -> list[Job]:
        still_open = self._rows(
            f"SELECT ready_at, no, {WHOLE_JOB} FROM open_jobs o"  # noqa: S608 - columns
            " CROSS JOIN jobs ON no = o.job CROSS JOIN lists USING (list)"
            " WHERE whose = ? AND o.ended_at > ? ORDER BY no",
            (team_id, now),
        )
        team = self._rows("SELECT value FROM teams WHERE id = ?", (team_id,))
        if not team:
            return []
        limit = team_of(team[0][0]).max_concurrent_jobs or max(1, len(still_open))
        jobs = [(each[:2], job_of(each[2:])) for each in still_open]
        free_at = sorted(job.plan.ended_at for _, job in jobs if job.plan.started_at <= now)[-limit:]
        moved = []
        for (ready_at, number), job in jobs:
            if job.plan.started_at <= now:
                continue
            starts_at = take_slot(free_at, limit, max(now, ready_at), job.plan.runs_s)
            if starts_at != job.plan.started_at:
                plan = job.plan._replace(started_at=starts_at)
                moved.append(self._give_plan(number, job, plan, now, was_final=False))
        self._execute("UPDATE slots SET free_at = ? WHERE team = ?", (packed_instants(free_at), team_id))
        return moved
