"""A job as it is kept: a flat row of plain values, small enough to have a million of them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from mockserver.core.timeline import Moment, Plan, moment_at


class WebhookStatus(StrEnum):
    """What became of the final event."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(NamedTuple):
    """Where and how a job's events are sent."""

    url: str
    events: Sequence[str]
    digest: str
    """SHA-256 of the API key, as hex text; signatures are made from it."""
    order: str = ""
    """What a directive asks for: `drop`, `duplicate`, `bad-signature`."""
    late_s: float = 0.0


class Job(NamedTuple):
    """One accepted job; its status is not here but in `moment_at(job.plan, now)`."""

    id: str
    user_id: str
    team_id: str
    operation: str
    model: str
    created_at: float
    """In whole milliseconds, as the wire shows it."""
    cost: int
    outputs: int
    result: str
    """Name of the result's shape."""
    input_json: bytes
    """What was asked, without the webhook fields, as JSON."""
    idempotency_key: str | None
    webhook: Webhook | None
    webhook_status: WebhookStatus | None
    plan: Plan

    def moment(self, now: float) -> Moment:
        """Where the job stands at *now*."""
        return moment_at(self.plan, now)
