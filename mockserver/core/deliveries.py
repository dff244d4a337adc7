"""Which events a job sends, what they say, and when they are tried again. Source: facts.md section 9."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from mockserver.core.instants import iso
from mockserver.core.jobs import Job, Webhook, WebhookStatus
from mockserver.core.jsontext import encode
from mockserver.core.loras import LoraStatus
from mockserver.core.timeline import JobStatus

DEFAULT_EVENTS = ("completed", "failed")
DEFAULT_ATTEMPTS_AT_S = (0.0, 1.0, 5.0)
TURNED_GAP_S = 0.001
"""Between events that are sent in the wrong order."""
_FINAL_EVENTS = {JobStatus.COMPLETED: "completed", JobStatus.FAILED: "failed"}


class DeliveryStatus(StrEnum):
    """What became of one event."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether it will not be tried again."""
        return self is not DeliveryStatus.PENDING


class Delivery(NamedTuple):
    """One event for one address, with what has been tried so far."""

    id: str
    job_id: str
    event: str
    progress: int
    event_at: float
    due_at: float
    """When the next attempt is due."""
    attempts: int = 0
    status: DeliveryStatus = DeliveryStatus.PENDING
    is_resent: bool = False
    """Whether somebody asked for it to be sent once more: then it is not lost on purpose again."""

    @property
    def is_about_the_end(self) -> bool:
        """Whether the job's webhookStatus speaks of this event."""
        return self.event != "progress"


class Attempt(NamedTuple):
    """One HTTP try of a delivery, as the control plane shows it."""

    delivery_id: str
    number: int
    """From 1."""
    at: float
    took_s: float
    url: str
    request_headers: Mapping[str, str]
    request_body: bytes
    status: int | None
    """None where no answer came."""
    answer: str
    """The start of the answer's body."""
    error: str | None
    """Why it counts as failed, and for a refused target which setting would allow it."""


def schedule(job: Job) -> list[Delivery]:
    """Every delivery that the job's plan leads to, by time; none for events that never come."""
    if job.webhook is None:
        return []
    return [delivery for delivery in _events(job) if math.isfinite(delivery.due_at)]


def reschedule(before: Job, job: Job, now: float) -> list[Delivery]:
    """The deliveries of a job whose plan changed at *now* that are still to come; the end is always among them.

    A mark of this very instant is among them unless it fell due under the plan *before*.
    """
    fell_due = {each.id for each in schedule(before) if each.due_at <= now}
    return [each for each in schedule(job) if each.is_about_the_end or (each.due_at >= now and each.id not in fell_due)]


def _events(job: Job) -> Iterator[Delivery]:
    hook = job.webhook
    if hook is None:
        return
    if hook.order == "reorder":
        yield from _turned(job, list(_in_order(job, hook)))
    else:
        yield from _in_order(job, hook)


def _turned(job: Job, events: list[Delivery]) -> Iterator[Delivery]:
    """The events, the last one first, all of them once the job has ended."""
    for place, delivery in enumerate(reversed(events)):
        yield delivery._replace(due_at=max(job.plan.ended_at, delivery.due_at) + place * TURNED_GAP_S)


def _in_order(job: Job, hook: Webhook) -> Iterator[Delivery]:
    plan = job.plan
    if "progress" in hook.events:
        for share, percentage in plan.marks:
            offset_s = share * plan.pace_s
            if offset_s < plan.runs_s:
                at = plan.started_at + offset_s
                yield Delivery(f"{job.id}_progress_{percentage}", job.id, "progress", percentage, at, at + hook.late_s)
    event = _FINAL_EVENTS.get(plan.outcome, "")
    if event in hook.events and math.isfinite(plan.ended_at):
        final = Delivery(f"{job.id}_{event}", job.id, event, 0, plan.ended_at, plan.ended_at + hook.late_s)
        yield final
        if hook.order == "duplicate":
            yield final._replace(id=f"{final.id}_again")


def payload(job: Job, delivery: Delivery, result_json: str) -> bytes:
    """The body of a delivery, the same bytes at every attempt; *result_json* is the completed job's result."""
    if job.is_lora:
        return _lora_payload(job, delivery.event)
    fields: dict[str, Any] = {"event": delivery.event, "jobId": job.id}
    match delivery.event:
        case "progress":
            fields |= {"status": JobStatus.PROCESSING, "progress": delivery.progress, "model": job.model}
        case "failed":
            fields |= {"status": JobStatus.FAILED, "error": job.plan.error, "model": job.model}
        case _:
            head = encode(fields | {"status": JobStatus.COMPLETED, "progress": 100})
            tail = encode({"model": job.model, "creditCost": job.cost, "completedAt": iso(job.plan.ended_at)})
            return b'%b,"result":%b,%b' % (head[:-1], result_json.encode(), tail[1:])
    return encode(fields)


def _lora_payload(job: Job, event: str) -> bytes:
    """What a LoRA says of its training; the vendor documents no form."""
    status = LoraStatus.READY if event == "completed" else LoraStatus.FAILED
    return encode({"event": event, "id": job.id, "status": status, "error": job.plan.error})


def earlier(job: Job, delivery: Delivery) -> Delivery:
    """The event that the job sent before this one; for its first, a progress of 0 that could have been."""
    before = [each for each in schedule(job) if each.event_at < delivery.event_at]
    return max(before, key=lambda each: each.event_at, default=delivery._replace(event="progress", progress=0))


def respelled(body: bytes) -> bytes:
    """The same JSON value in other bytes."""
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False).encode()


def after_attempt(
    delivery: Delivery, *, succeeded: bool, may_retry: bool, took_s: float, attempts_at_s: Sequence[float]
) -> Delivery:
    """The delivery after one more attempt that took *took_s* on the clock.

    The next attempt follows by the gap that *attempts_at_s* (seconds after the event) has there, counted from the end
    of this one. Progress is tried once.
    """
    attempts = delivery.attempts + 1
    if succeeded:
        return delivery._replace(attempts=attempts, status=DeliveryStatus.DELIVERED)
    if not may_retry or delivery.event == "progress" or attempts >= len(attempts_at_s):
        return delivery._replace(attempts=attempts, status=DeliveryStatus.FAILED)
    gap_s = attempts_at_s[attempts] - attempts_at_s[attempts - 1]
    return delivery._replace(attempts=attempts, due_at=delivery.due_at + took_s + gap_s)


def webhook_status(delivery: Delivery) -> WebhookStatus:
    """What a job's webhookStatus reads after its final event went this way."""
    return WebhookStatus(delivery.status.value)
