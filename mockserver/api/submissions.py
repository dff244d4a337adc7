"""POST of every operation that starts a job."""

from mockserver.api.gate import Gate
from mockserver.core.catalog import Operation
from mockserver.core.timeline import CANCELLED, FAILED
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Handler, Route
from mockserver.service import Service


def routes(service: Service, gate: Gate) -> list[Route]:
    """One route for each submission of the catalogue."""
    operations = [op for op in service.catalog.operations.values() if op.is_submission]
    return [
        Route(op.method, op.path, gate.keyed(op.id, _submission(service, op)), is_prompt=_is_prompt(service, op))
        for op in operations
    ]


def _is_prompt(service: Service, operation: Operation) -> bool:
    """Whether no input is looked at, which may take long."""
    return all(m.probe is None for m in service.catalog.models[operation.id].values())


def _submission(service: Service, operation: Operation) -> Handler:
    async def submit(request: Request) -> Answer:
        raw = await request.json_body()
        key = request.headers.get("Idempotency-Key", "") if operation.takes_idempotency_key else ""
        request.idempotency_key = key
        job_id, status, request.is_replay, fired, request.cost, request.model = await service.submit(
            request.known_caller, operation, raw, key
        )
        request.job_id = job_id
        request.fired += fired
        # A replay may be of a cancelled job, and the schema of this answer knows no such status.
        shown = FAILED if status is CANCELLED else status
        return Answer(202, f'{{"jobId":"{job_id}","status":"{shown._value_}"}}'.encode())

    return submit
