"""GET /_mock/webhooks, and POST /_mock/webhooks/{deliveryId}/redeliver."""

import math
from collections.abc import Mapping
from typing import Any

from mockserver.control.levers import PREFIX, Levers, Problem, answer
from mockserver.control.queries import number_in, patience_in, query_of
from mockserver.core.deliveries import Attempt, Delivery, DeliveryStatus
from mockserver.core.instants import iso
from mockserver.core.signing import key_digest
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route

Known = tuple[Delivery, list[Attempt]]


def routes(levers: Levers) -> list[Route]:
    """The two routes."""
    store = levers.store

    async def get_webhooks(request: Request) -> Answer:
        sent = query_of(request, "job", "key", "event", "status", "wait", "count")
        count, patience = number_in(sent, "count", 1, 1), patience_in(sent)
        found: list[Known] = []

        async def are_attempted() -> bool:
            found[:] = await _wanted(levers, sent)
            return len([attempts for _, attempts in found if attempts]) >= count

        came = await are_attempted() or (patience > 0 and await levers.deliverer.bell.wait(are_attempted, patience))
        rows = [_shown(delivery, attempts) for delivery, attempts in found]
        return answer({"deliveries": rows, "timedOut": patience > 0 and not came})

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


async def _wanted(levers: Levers, sent: Mapping[str, str]) -> list[Known]:
    """The deliveries that a query means."""
    job_id, event, status = sent.get("job", "").lower(), sent.get("event"), sent.get("status")
    if status is not None and status not in set(DeliveryStatus):
        choices = ", ".join(DeliveryStatus)
        raise Problem(400, "Invalid query", f'status: "{status[:40]}" will not do: want one of {choices}')
    found = [
        (delivery, attempts)
        for delivery, attempts in await levers.store.deliveries(job_id or None)
        if event in (None, delivery.event) and status in (None, delivery.status)
    ]
    if "key" not in sent:
        return found
    digest = key_digest(sent["key"])
    jobs = {job_id: await levers.store.job(job_id) for job_id in {delivery.job_id for delivery, _ in found}}
    hooks = {job_id: job.webhook for job_id, job in jobs.items() if job is not None and job.webhook is not None}
    return [each for each in found if each[0].job_id in hooks and hooks[each[0].job_id].digest == digest]


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
