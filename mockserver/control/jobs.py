"""GET /_mock/jobs, GET and POST /_mock/jobs/{id}: see the plans of jobs, and give one another."""

import asyncio
import math
from typing import Any

from mockserver.control.levers import PREFIX, Body, Levers, Problem, answer
from mockserver.control.queries import query_of
from mockserver.core import timeline
from mockserver.core.catalog import Schema
from mockserver.core.ids import is_uuid
from mockserver.core.instants import iso
from mockserver.core.jobs import Job, loras_of
from mockserver.core.paging import Place
from mockserver.core.signing import key_digest
from mockserver.core.timeline import JobStatus, Plan
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.stores.protocol import JobQuery, Store

PAGE = 1000
_TRUE: Schema = {"type": "boolean", "enum": [True]}
_ACTIONS: dict[str, Schema] = {
    "complete": _TRUE,
    "fail": {"type": ["string", "boolean"]},
    "progress": {"type": "integer", "minimum": 0, "maximum": 99},
    "cancel": _TRUE,
    "expire": _TRUE,
}
_BODY = Body(**_ACTIONS, wait={"type": "boolean"})


def routes(levers: Levers) -> list[Route]:
    """The routes of jobs."""
    store = levers.store

    async def job_of(request: Request) -> Job:
        job_id = request.path_values["id"].lower()
        job = await levers.store.job(job_id) if is_uuid(job_id) else None
        if job is None:
            raise Problem(404, "No such job", f'there is no job "{job_id[:80]}"')
        return job

    async def get_job(request: Request) -> Answer:
        return answer(_shown(await job_of(request), levers.clock.now()))

    async def post_job(request: Request) -> Answer:
        await job_of(request)
        body = await _BODY.read(request)
        chosen = [name for name in _ACTIONS if name in body]
        if len(chosen) != 1:
            raise Problem(400, "Invalid body", f"want one of {', '.join(_ACTIONS)}")
        if body.get("fail") is False:
            raise Problem(400, "Invalid body", 'fail: want true or the error, as in {"fail": "no capacity"}')
        job = await job_of(request)  # while the body came in, another lever may have ended it
        now = levers.clock.now()
        plan = _new_plan(job, chosen[0], body[chosen[0]], now)
        await levers.store.change_plan(job.id, plan, now)
        if body.get("wait", True):
            await levers.deliverer.settled()
        return answer(_shown(await job_of(request), levers.clock.now()))

    async def get_jobs(request: Request) -> Answer:
        sent = query_of(request, "key")
        now = levers.clock.now()
        digest = key_digest(sent["key"]) if "key" in sent else ""
        known = [*await jobs_of(store, digest, now), *await trainings_of(store, digest, now)]
        known.sort(key=lambda job: job.created_at, reverse=True)
        return answer({"jobs": [_shown(job, now) for job in known]})

    return [
        Route("GET", f"{PREFIX}/jobs", get_jobs),
        Route("GET", f"{PREFIX}/jobs/{{id}}", get_job),
        Route("POST", f"{PREFIX}/jobs/{{id}}", post_job),
    ]


async def jobs_of(store: Store, digest: str, now: float) -> list[Job]:
    """The jobs of a key's user by the key's SHA-256, or of all, newest first."""
    if digest:
        caller = await store.caller(digest)
        return [] if caller is None else await _listed(store, [caller.key.user_id], now)
    return await _listed(store, [team.id for team in await store.teams()], now)


async def trainings_of(store: Store, digest: str, now: float) -> list[Job]:
    """The trainings of LoRAs, which no list of jobs shows, of a key's user by the key's SHA-256, or of all."""
    if digest:
        caller = await store.caller(digest)
        known = [] if caller is None else await _listed(store, [loras_of(caller.team.id)], now)
        return [job for job in known if caller is not None and job.user_id == caller.key.user_id]
    return await _listed(store, [loras_of(team.id) for team in await store.teams()], now)


async def _listed(store: Store, owners: list[str], now: float) -> list[Job]:
    known: list[Job] = []
    for owner in owners:
        query = JobQuery(owner, PAGE)
        while True:
            page = await store.page(query, now)
            known += page.jobs
            if not page.has_more:
                break
            query = query._replace(after=Place(page.jobs[-1].created_at, page.jobs[-1].id))
            await asyncio.sleep(0)
    return sorted(known, key=lambda job: job.created_at, reverse=True)


def _new_plan(job: Job, action: str, value: Any, now: float) -> Plan:
    status, progress, _ = job.moment(now)
    if action == "expire":
        if status is not JobStatus.COMPLETED:
            raise Problem(409, "Not completed", f"the job is {status}; only the files of a completed one expire")
        return timeline.expired_by(job.plan, now)
    if status.is_final:
        raise Problem(409, "Job has ended", f"the job is {status}, and that is final")
    match action:
        case "complete":
            return timeline.completed_by(job.plan, now)
        case "fail":
            return timeline.failed_by(job.plan, now, value if isinstance(value, str) else "")
        case "cancel":
            return timeline.cancelled_by(job.plan, now)
        case _:
            if value < progress:
                raise Problem(409, "Progress never falls", f"the job is at {progress}")
            return timeline.progressed_by(job.plan, now, value)


def _shown(job: Job, now: float) -> dict[str, Any]:
    status, progress, is_expired = job.moment(now)
    plan = job.plan
    return {
        "id": job.id,
        "status": status,
        "progress": progress,
        "expired": is_expired,
        "operation": job.operation,
        "model": job.model,
        "webhookStatus": job.webhook_status,
        "plan": {
            "startsAt": _instant(plan.started_at),
            "endsAt": _instant(plan.ended_at),
            "outcome": plan.outcome if math.isfinite(plan.runs_s) else None,
            "error": plan.error,
            "marks": [
                {"at": _instant(plan.started_at + share * plan.pace_s), "progress": percentage}
                for share, percentage in plan.marks
            ],
            "expiresAt": _instant(plan.ended_at + plan.keeps_s),
        },
    }


def _instant(at: float) -> str | None:
    return iso(at) if math.isfinite(at) else None
