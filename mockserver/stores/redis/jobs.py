"""Submissions, jobs, lists and plans."""

import logging

from mockserver.core.deliveries import reschedule
from mockserver.core.idempotency import LIFETIME_S, Claim
from mockserver.core.jobs import Job
from mockserver.core.timeline import Plan
from mockserver.stores.protocol import (
    Accepted,
    Clash,
    Draft,
    JobQuery,
    Outcome,
    Page,
    Replay,
    TooFewCredits,
    TooManyOpen,
)
from mockserver.stores.redis.entries import team_of
from mockserver.stores.redis.packing import STATUSES, job_of, outline, packed_delivery, packed_job, place_of
from mockserver.stores.redis.part import Part

log = logging.getLogger(__name__)

SCAN = 500
"""Jobs that a filtered page looks at in one step."""


class Jobs(Part):
    """The part of the store that keeps jobs."""

    # Submission

    async def recall(self, user_id: str, claim: Claim, now: float) -> Replay | Clash | None:
        shard = await self._shards.of_owner(user_id)
        answer = await self._shards.run("recall", shard, place_of(user_id, claim.key), claim.fingerprint, now)
        return None if answer[0] == b"free" else _known(answer)

    async def submit(self, draft: Draft, now: float) -> Outcome:
        job, claim, shard = draft.job, draft.claim, self._shards.of_team(draft.job.team_id)
        verdict, *facts = await self._shards.run(
            "submit",
            shard,
            now,
            job.id,
            packed_job(job),
            job.created_at,
            -(-self._terms.max_jobs // len(self._shards.every)),
            b"" if claim is None else place_of(job.user_id, claim.key),
            b"" if claim is None else claim.fingerprint,
            job.created_at + LIFETIME_S,
            "" if draft.slots is None else draft.slots,
            "" if draft.most_open is None else draft.most_open,
            outline(job),
            *job.lists[1:],
        )
        match verdict:
            case b"accepted":
                starts_at, is_earlier, evicted, left = facts
                self._woken(is_earlier)
                self._tell_of_evicted(evicted, left)
                return Accepted(job._replace(plan=job.plan._replace(started_at=float(starts_at))))
            case b"few":
                return TooFewCredits(job.cost, int(facts[0]))
            case b"many":
                return TooManyOpen(float(facts[0]))
            case _:
                return _known([verdict, *facts])

    def _tell_of_evicted(self, evicted: int, left: int) -> None:
        for number in range(evicted - left + 1, evicted + 1):
            if number == 1 or number % 10_000 == 0:
                log.warning("%d finished jobs have left to keep at most %d (--max-jobs)", number, self._terms.max_jobs)

    # Jobs

    async def job(self, job_id: str) -> Job | None:
        found = await self._shards.job(job_id)
        return None if found is None else job_of(job_id, found[1])

    async def page(self, query: JobQuery, now: float) -> Page:
        if query.job_id is not None:
            job = await self.job(query.job_id)
            fits = job is not None and query.owner in job.lists and _fits(job, query, now)
            return Page([job] if job is not None and fits else [], has_more=False)
        shard, found, wanted = await self._shards.of_owner(query.owner), list[Job](), query.limit + 1
        created_at, after_id = query.after or ("", "")
        piece = SCAN if query.status or query.model or query.hides_archived else wanted
        filters = (
            -1 if query.status is None else STATUSES.index(query.status),
            query.model or "",
            int(query.hides_archived),
        )
        while True:
            is_end, created_at, after_id, rows = await self._shards.run(
                "page", shard, query.owner, created_at, after_id, wanted - len(found), piece, now, *filters
            )
            found += _jobs(rows)
            if is_end or len(found) == wanted:
                return Page(found[: query.limit], has_more=len(found) == wanted)

    async def models_of(self, owner: str) -> list[str]:
        models = await self._shards.run("models_of", await self._shards.of_owner(owner), owner)
        return sorted({model.decode() for model in models})

    # Plans

    async def change_plan(self, job_id: str, plan: Plan, now: float) -> list[Job]:
        while (found := await self._shards.job(job_id)) is not None:
            shard, row = found
            job = job_of(job_id, row)
            changed, is_final = job._replace(plan=plan), job.moment(now).status.is_final
            deliveries = () if is_final else reschedule(job, changed, now)
            answer = await self._shards.run(
                "change_plan",
                shard,
                now,
                job_id,
                row,
                packed_job(changed),
                int(is_final),
                await self._limit(job.team_id),
                outline(changed),
                *(part for each in deliveries for part in (each.id, packed_delivery(each))),
            )
            if answer[0] == b"changed":
                self._woken(answer[1])
                return [changed, *_jobs(answer[2])]
        return []

    async def move_up(self, team_id: str, now: float) -> list[Job]:
        limit = await self._limit(team_id)
        is_earlier, rows = await self._shards.run("move_up", self._shards.of_team(team_id), now, team_id, limit)
        self._woken(is_earlier)
        return _jobs(rows)

    async def _limit(self, team_id: str) -> int:
        """How many jobs of a team may run at once; 0 for as many as come."""
        value = await self._shards.line.ask("HGET", self._shards.key("teams"), team_id)
        return 0 if value is None else team_of(value).max_concurrent_jobs or 0


def _known(answer: list[bytes | int]) -> Replay | Clash:
    match answer:
        case [b"replay", bytes(job_id), int(status)]:
            return Replay(job_id.decode(), STATUSES[status])
        case _:
            return Clash()


def _jobs(rows: list[bytes]) -> list[Job]:
    """Jobs of ids and rows, which stand in turn."""
    return [job_of(job_id.decode(), row) for job_id, row in zip(rows[::2], rows[1::2], strict=True)]


def _fits(job: Job, query: JobQuery, now: float) -> bool:
    return (
        (query.model is None or job.model == query.model)
        and (query.status is None or job.moment(now).status is query.status)
        and not (query.hides_archived and job.is_archived(now))
    )
