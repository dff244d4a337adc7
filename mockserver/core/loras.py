"""A LoRA, which is the job that trains it, seen as the API shows it. Source: facts.md section 17."""

import hashlib
from enum import StrEnum
from typing import NamedTuple

from mockserver.core.jobs import Job
from mockserver.core.timeline import JobStatus

MODEL = "lora-training"
"""Stands where other jobs name their model."""
CREATION_CREDITS = 2
TRAINING_CREDITS = 255
MOST_TRAININGS = 10
"""Of one team at once."""
TYPICAL_S = 1200.0
"""From creation to the end of the training."""
EVENTS = ("completed", "failed")
"""What a LoRA's webhook can be asked for."""
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_WORD_LENGTH = 6


class LoraStatus(StrEnum):
    """As on the wire."""

    PENDING = "PENDING"
    UPLOADING = "UPLOADING"
    TRAINING = "TRAINING"
    READY = "READY"
    FAILED = "FAILED"
    ARCHIVED = "ARCHIVED"


class LoraMoment(NamedTuple):
    """What a look at a LoRA sees."""

    status: LoraStatus
    error: str | None
    started_at: float | None
    """When the training began; none before, and for one that never did."""
    completed_at: float | None
    """When the training ended, whichever way."""
    trigger_word: str | None
    """None until it has been READY."""


def lora_moment(job: Job, now: float) -> LoraMoment:
    """Say what a look at the LoRA sees at *now*: a function of its plan alone, as of every job."""
    status, plan = lora_status(job, now), job.plan
    has_ended = now >= plan.ended_at
    is_trained = has_ended and plan.outcome is JobStatus.COMPLETED
    has_begun = now >= plan.started_at and (plan.runs_s > 0 or is_trained)
    return LoraMoment(
        status,
        plan.error if has_ended else None,
        plan.started_at if has_begun else None,
        plan.ended_at if has_ended else None,
        trigger_word(job.id) if is_trained else None,
    )


def lora_status(job: Job, now: float) -> LoraStatus:
    """Where the LoRA stands at *now*: its pictures go up in the second half of the wait for the training.

    A training that was cancelled leaves a LoRA that is archived.
    """
    if job.is_archived(now):
        return LoraStatus.ARCHIVED
    match job.moment(now).status:
        case JobStatus.QUEUED:
            is_early = now < (job.created_at + job.plan.started_at) / 2
            return LoraStatus.PENDING if is_early else LoraStatus.UPLOADING
        case JobStatus.PROCESSING:
            return LoraStatus.TRAINING
        case JobStatus.COMPLETED:
            return LoraStatus.READY
        case JobStatus.FAILED:
            return LoraStatus.FAILED
        case JobStatus.CANCELLED:
            return LoraStatus.ARCHIVED


def trigger_word(lora_id: str) -> str:
    """Six capital letters and digits, the same for the same LoRA, without those that look alike."""
    digest = hashlib.sha256(lora_id.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:_WORD_LENGTH])
