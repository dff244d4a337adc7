"""A job as it is kept: a flat row of plain values, small enough to have a million of them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from mockserver.core.timeline import JobStatus, Moment, Plan, moment_at

TRAINING = "loras.create"
"""The operation of jobs that are the training of a LoRA: no list of jobs shows them."""


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
    later_cost: int = 0
    """Credits that are taken when the job starts, beside `cost`."""
    notes: bytes = b""
    """What the result needs beside the input, as JSON; empty for most."""

    def moment(self, now: float) -> Moment:
        """Where the job stands at *now*."""
        return moment_at(self.plan, now)

    @property
    def is_lora(self) -> bool:
        """Whether it is the training of a LoRA, and the LoRA itself from then on."""
        return self.operation == TRAINING

    @property
    def lists(self) -> tuple[str, ...]:
        """Whose lists it stands in: its user's and its team's, or that of the team's LoRAs alone."""
        return (loras_of(self.team_id),) if self.operation == TRAINING else (self.user_id, self.team_id)

    @property
    def leaves_at(self) -> float:
        """From when on a full store may let it go: its end; of a LoRA, once it is archived."""
        plan = self.plan
        stays = self.operation == TRAINING and plan.outcome is not JobStatus.CANCELLED
        ended_at = plan.started_at + plan.runs_s
        return ended_at + plan.keeps_s if stays else ended_at

    def is_archived(self, now: float) -> bool:
        """Whether it is a LoRA that is no longer of use: deleted, or its training cancelled."""
        return self.operation == TRAINING and now >= self.leaves_at


def loras_of(team_id: str) -> str:
    """The name of the list of a team's LoRAs, as the lists of jobs go by the id of a user or a team."""
    return f"loras:{team_id}"
