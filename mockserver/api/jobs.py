"""GET /v2/jobs and GET /v2/jobs/{id}."""

from typing import Any

from mockserver.api.gate import Gate
from mockserver.api.queries import QueryReader
from mockserver.core.instants import iso
from mockserver.core.jobs import Job
from mockserver.core.jsontext import encode
from mockserver.core.timeline import JobStatus
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.service import ListRequest, Service


def routes(service: Service, gate: Gate) -> list[Route]:
    """The two routes."""
    query = QueryReader(service.catalog.schemas["queries/job-list.json"])

    async def get_job(request: Request) -> Answer:
        job = await service.job(request.known_caller, request.path_values["id"])
        request.job_id = job.id
        shown = job_json(service, job, service.clock.now())
        return Answer(200, b'%b,"input":%b}' % (shown[:-1].encode(), job.input_json))

    async def list_jobs(request: Request) -> Answer:
        listing = await service.jobs(request.known_caller, _list_request(query.read(request)))
        now = service.clock.now()
        rest: dict[str, Any] = {"nextCursor": listing.next_cursor, "hasMore": listing.next_cursor is not None}
        if listing.models is not None:
            rest["models"] = listing.models
        entries = ",".join([job_json(service, job, now) for job in listing.jobs])
        return Answer(200, b'{"jobs":[%b],%b' % (entries.encode(), encode(rest)[1:]))

    return [
        Route("GET", "/v2/jobs", gate.keyed("jobs.list", list_jobs), is_prompt=True),
        Route("GET", "/v2/jobs/{id}", gate.keyed("jobs.get", get_job), is_prompt=True),
    ]


def job_json(service: Service, job: Job, now: float) -> str:
    """A job as it is shown at *now*, without its input, as JSON text. Source: facts.md section 8.

    Written as text because every poll pays for it: names and instants need no escaping, a model's id is the table's.
    """
    status, progress, is_expired = job.moment(now)
    result, error, cost, completed_at = "null", "null", job.cost, "null"
    if status is JobStatus.COMPLETED:
        result, completed_at = service.result_json(job), f'"{iso(job.plan.ended_at)}"'
    elif status.is_final:
        cost, completed_at = 0, f'"{iso(job.plan.ended_at)}"'
        if status is JobStatus.FAILED:
            error = encode(job.plan.error).decode()
    webhook = "null" if job.webhook_status is None else f'"{job.webhook_status}"'
    return (
        f'{{"id":"{job.id}","status":"{status}","model":"{job.model}","progress":{progress},"result":{result},'
        f'"error":{error},"creditCost":{cost},"webhookStatus":{webhook},"createdAt":"{iso(job.created_at)}",'
        f'"completedAt":{completed_at},"expired":{"true" if is_expired else "false"}}}'
    )


def _list_request(values: dict[str, Any]) -> ListRequest:
    return ListRequest(
        limit=values["limit"],
        is_team=values["scope"] == "team",
        status=JobStatus(values["status"]) if "status" in values else None,
        model=values.get("model"),
        search=values.get("search"),
        cursor=values.get("cursor"),
        with_models=values["include_models"] == "true",
    )
