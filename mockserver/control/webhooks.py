"""GET /_mock/webhooks, and POST /_mock/webhooks/{deliveryId}/redeliver."""

import math
from typing import Any

from mockserver.control.levers import PREFIX, Levers, Problem, answer
from mockserver.core.deliveries import Attempt, Delivery
from mockserver.core.instants import iso
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route


def routes(levers: Levers) -> list[Route]:
    """The two routes."""
    store = levers.store

    async def get_webhooks(request: Request) -> Answer:
        job_id = request.single_values().get("job")
        known = await store.deliveries(job_id.lower() if job_id else None)
        return answer({"deliveries": [_shown(delivery, attempts) for delivery, attempts in known]})

    async def redeliver(request: Request) -> Answer:
        delivery_id = request.path_values["id"]
        now = levers.clock.now()
        again = await store.redeliver(delivery_id, now)
        if again is None:
            raise Problem(
                404, "No such delivery", f'there is no delivery "{delivery_id[:120]}"; GET {PREFIX}/webhooks lists them'
            )
        if again.event_at > now:
            raise Problem(409, "Not yet", f"the event comes at {iso(again.event_at)}, and it is {iso(now)}")
        await levers.deliverer.settled()
        known = await store.deliveries(again.job_id)
        return answer(next(_shown(each, attempts) for each, attempts in known if each.id == again.id))

    return [
        Route("GET", f"{PREFIX}/webhooks", get_webhooks),
        Route("POST", f"{PREFIX}/webhooks/{{id}}/redeliver", redeliver),
    ]


def _shown(delivery: Delivery, attempts: list[Attempt]) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "jobId": delivery.job_id,
        "event": delivery.event,
        "status": delivery.status,
        "eventAt": iso(delivery.event_at),
        "nextAttemptAt": None if delivery.status.is_final or math.isinf(delivery.due_at) else iso(delivery.due_at),
        "attempts": [_shown_attempt(attempt) for attempt in attempts],
    }


def _shown_attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "at": iso(attempt.at),
        "seconds": round(attempt.took_s, 6),
        "request": {
            "url": attempt.url,
            "headers": dict(attempt.request_headers),
            "body": attempt.request_body.decode(),
        },
        "answer": None if attempt.status is None else {"status": attempt.status, "body": attempt.answer},
        "error": attempt.error,
    }
