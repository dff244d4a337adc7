"""POST of every operation that starts a job."""

from mockserver.api.auth import caller_of
from mockserver.core.catalog import Operation
from mockserver.core.timeline import JobStatus
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Handler, Route
from mockserver.service import Service


def routes(service: Service) -> list[Route]:
    """One route for each submission of the catalogue."""
    operations = service.catalog.operations.values()
    return [Route(op.method, op.path, _submission(service, op)) for op in operations if op.is_submission]


def _submission(service: Service, operation: Operation) -> Handler:
    async def submit(request: Request) -> Answer:
        caller = await caller_of(service, request)
        raw = await request.json_body()
        key = request.headers.get("Idempotency-Key", "") if operation.takes_idempotency_key else ""
        accepted = await service.submit(caller, operation, raw, key)
        # A replay may be of a cancelled job, and the schema of this answer knows no such status.
        status = JobStatus.FAILED if accepted.status is JobStatus.CANCELLED else accepted.status
        return Answer(202, b'{"jobId":"%b","status":"%b"}' % (accepted.job_id.encode(), status.encode()))

    return submit
