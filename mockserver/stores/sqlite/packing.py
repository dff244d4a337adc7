"""Jobs, deliveries and attempts as rows."""

import hashlib
import json
import math
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from mockserver.core.deliveries import Attempt, Delivery, DeliveryStatus
from mockserver.core.jobs import Job, Webhook, WebhookStatus
from mockserver.core.jsontext import encode
from mockserver.core.timeline import JobStatus, Mark, Plan

Row = tuple[Any, ...]
JOB = (
    "id, created_at, started_at, runs_s, pace_s, marks, outcome, error, keeps_s, cost, later_cost, outputs, model,"
    " operation, result, input, notes, key, hook, webhook_status"
)
"""The columns of a job as `job_row` gives them."""
JOBS, WHOLE_JOB = "jobs CROSS JOIN lists USING (list)", f"user, team, {JOB}"
"""Where `job_of` has its columns from, and which they are."""
DELIVERY = "name, id, event, progress, event_at, due_at, attempts, status, is_resent"
STATUSES = tuple(JobStatus)
STATUS_CODES = {status: code for code, status in enumerate(STATUSES)}
_HOOK_STATUSES = tuple(WebhookStatus)
HOOK_CODES = {status: code for code, status in enumerate(_HOOK_STATUSES)}
_DELIVERY_STATUSES = tuple(DeliveryStatus)
_DELIVERY_CODES = {status: code for code, status in enumerate(_DELIVERY_STATUSES)}
_MARK = struct.Struct("<dB")
_UUID_LENGTH, _UUID_BYTES = 36, 16
_NO_UUID = b"not a UUID, but: "


Blob = bytearray
"""What a statement is given instead of bytes on the way of every request: Python 3.11 takes it a microsecond sooner."""


@lru_cache(1000)
def _marks(marks: Sequence[Mark]) -> Blob:
    """The marks of a plan, which many jobs have in common."""
    return Blob(b"".join([_MARK.pack(*mark) for mark in marks]))


def id_bytes(job_id: str) -> bytes:
    """Sixteen bytes of a UUID as we write it; of any other text more."""
    if len(job_id) == _UUID_LENGTH:
        try:
            raw = bytes.fromhex(job_id.replace("-", ""))
        except ValueError:
            raw = b""
        if len(raw) == _UUID_BYTES and id_text(raw) == job_id:
            return raw
    return _NO_UUID + _raw(job_id)


def id_text(raw: bytes) -> str:
    """The id again."""
    if len(raw) != _UUID_BYTES:
        return _text(raw[len(_NO_UUID) :])
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def place_of(user_id: str, key: str) -> bytes:
    """Where an idempotency key of a user is kept: sixteen bytes that no other key has."""
    return hashlib.blake2b(_raw(f"{user_id}\0{key}"), digest_size=16).digest()


def plan_row(plan: Plan) -> Row:
    """The columns of a plan, from `started_at` to `keeps_s`."""
    started_at, runs_s, pace_s, marks, outcome, error, keeps_s = plan
    told = None if error is None else _raw(error)
    return (started_at, runs_s, pace_s, _marks(marks), STATUS_CODES[outcome], told, keeps_s)


def job_row(job: Job) -> Row:
    """A job as a row."""
    key, hook = job.idempotency_key, job.webhook
    return (
        Blob(id_bytes(job.id)),
        job.created_at,
        *plan_row(job.plan),
        job.cost,
        job.later_cost,
        job.outputs,
        job.model,
        job.operation,
        job.result,
        Blob(job.input_json),
        Blob(job.notes),
        None if key is None else _raw(key),
        None if hook is None else encode(tuple(hook)),
        None if job.webhook_status is None else HOOK_CODES[job.webhook_status],
    )


def job_of(row: Sequence[Any]) -> Job:
    """The job again, with those whose list it stands in."""
    (
        user_id,
        team_id,
        id_,
        created_at,
        started_at,
        runs_s,
        pace_s,
        marks,
        outcome,
        error,
        keeps_s,
        cost,
        later_cost,
        outputs,
        model,
        operation,
        result,
        input_json,
        notes,
        key,
        hook,
        webhook_status,
    ) = row
    return Job(
        id_text(id_),
        user_id,
        team_id,
        operation,
        model,
        created_at,
        cost,
        outputs,
        result,
        input_json,
        None if key is None else _text(key),
        None if hook is None else _webhook_of(hook),
        None if webhook_status is None else _HOOK_STATUSES[webhook_status],
        Plan(
            started_at,
            runs_s,
            pace_s,
            tuple(_MARK.iter_unpack(marks)),
            STATUSES[outcome],
            None if error is None else _text(error),
            keeps_s,
        ),
        later_cost,
        notes,
    )


def leaves_at(job: Job) -> float | None:
    """When a job may leave; none for never."""
    at = job.leaves_at
    return at if at < math.inf else None


def delivery_row(delivery: Delivery) -> Row:
    """A delivery as a row."""
    job_id, event, progress, event_at, due_at, attempts, status, is_resent = delivery[1:]
    code = _DELIVERY_CODES[status]
    name = delivery_name(delivery.id, job_id)
    return (name, id_bytes(job_id), event, progress, event_at, due_at, attempts, code, is_resent)


def delivery_of(row: Sequence[Any]) -> Delivery:
    """The delivery again."""
    name, id_, event, progress, event_at, due_at, attempts, status, is_resent = row
    job_id, state = id_text(id_), _DELIVERY_STATUSES[status]
    return Delivery(
        f"{job_id}_{name}", job_id, event, progress, event_at, due_at, attempts, state, is_resent=bool(is_resent)
    )


def delivery_name(delivery_id: str, job_id: str) -> str:
    """What tells a delivery from others of its job: its id begins with that of the job."""
    return delivery_id[len(job_id) + 1 :]


def attempt_row(attempt: Attempt) -> tuple[bytes, bytes]:
    """One try: all but its body as JSON, and its body."""
    fields = attempt._replace(request_headers=dict(attempt.request_headers), request_body=b"")._asdict()
    del fields["request_body"]
    return encode(fields), attempt.request_body


def attempt_of(told: bytes, body: bytes) -> Attempt:
    """The try again."""
    return Attempt(**json.loads(told), request_body=body)


@lru_cache(1000)
def _webhook_of(value: bytes) -> Webhook:
    url, events, digest, order, late_s = json.loads(value)
    return Webhook(url, tuple(events), digest, order, late_s)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
