"""Jobs, deliveries and attempts as compact bytes; the scripts read what stands first in each.

Numbers are little-endian. A text has its length before it. What only Python reads is JSON, as it is the same in every
version of Python.
"""

import hashlib
import json
import struct

from mockserver.core.deliveries import TURNED_GAP_S, Attempt, Delivery, DeliveryStatus, schedule
from mockserver.core.jobs import Job, Webhook, WebhookStatus
from mockserver.core.timeline import JobStatus, Plan

STATUSES = tuple(JobStatus)
_STATUS_CODES = {status: code for code, status in enumerate(STATUSES)}
_NO_HOOK = 255
_HOOKS = {None: _NO_HOOK} | {status: code for code, status in enumerate(WebhookStatus)}
_HOOK_OF = {code: status for status, code in _HOOKS.items()}
_DELIVERY_STATUSES = tuple(DeliveryStatus)
_DELIVERY_CODES = {status: code for code, status in enumerate(_DELIVERY_STATUSES)}
_JOB = struct.Struct("<dddiiBBB")
_DELIVERY = struct.Struct("<ddHBBB")
_OUTLINE = struct.Struct("<ddB")
_EVENT = struct.Struct("<dB")
_SHORT, _LONG = struct.Struct("<H"), struct.Struct("<I")
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_decode = json.JSONDecoder().decode


def place_of(user_id: str, key: str) -> bytes:
    """Where an idempotency key of a user is kept: sixteen bytes that no other key has."""
    return hashlib.blake2b(f"{user_id}\0{key}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def packed_job(job: Job) -> bytes:
    """All of a job but its id: what scripts need, JSON, input and notes."""
    plan, key = job.plan, job.idempotency_key
    rest = _encode(
        (
            job.user_id,
            job.operation,
            job.created_at,
            job.outputs,
            job.result,
            key,
            job.webhook,
            plan.pace_s,
            plan.marks,
            plan.error,
        )
    ).encode()
    return b"".join(
        (
            _JOB.pack(
                plan.started_at,
                plan.runs_s,
                plan.keeps_s,
                job.cost,
                job.later_cost,
                _STATUS_CODES[plan.outcome],
                _HOOKS[job.webhook_status],
                job.is_lora,
            ),
            text(job.lists[0].encode()),
            text(job.team_id.encode()),
            text(job.model.encode()),
            text(b"" if key is None else place_of(job.user_id, key)),
            _LONG.pack(len(rest)),
            rest,
            _LONG.pack(len(job.input_json)),
            job.input_json,
            job.notes,
        )
    )


def job_of(job_id: str, row: bytes) -> Job:
    """The job again."""
    started_at, runs_s, keeps_s, cost, later_cost, outcome, hook_code, _ = _JOB.unpack_from(row)
    (_, team, model, _), at = texts(row, _JOB.size, 4)
    (size,) = _LONG.unpack_from(row, at)
    at += 4
    user_id, operation, created_at, outputs, result, key, hook, pace_s, marks, error = _decode(
        row[at : at + size].decode()
    )
    at += size
    (size,) = _LONG.unpack_from(row, at)
    at += 4
    return Job(
        job_id,
        user_id,
        team.decode(),
        operation,
        model.decode(),
        created_at,
        cost,
        outputs,
        result,
        row[at : at + size],
        key,
        None if hook is None else Webhook(hook[0], tuple(hook[1]), *hook[2:]),
        _HOOK_OF[hook_code],
        Plan(started_at, runs_s, pace_s, tuple(map(tuple, marks)), STATUSES[outcome], error, keeps_s),
        later_cost,
        row[at + size :],
    )


def outline(job: Job) -> bytes:
    """The deliveries of a job by their offsets from its start, which a slot decides on; empty for none."""
    if job.webhook is None:
        return b""
    from_zero = schedule(job._replace(plan=job.plan._replace(started_at=0.0)))
    if not from_zero:
        return b""
    head = _OUTLINE.pack(job.webhook.late_s, TURNED_GAP_S, job.webhook.order == "reorder")
    events = (
        _EVENT.pack(each.event_at, each.progress) + text(each.id.encode()) + text(each.event.encode())
        for each in from_zero
    )
    return head + b"".join(events)


def packed_delivery(delivery: Delivery) -> bytes:
    """All of a delivery but its id."""
    head = _DELIVERY.pack(
        delivery.event_at,
        delivery.due_at,
        delivery.attempts,
        _DELIVERY_CODES[delivery.status],
        delivery.is_resent,
        delivery.progress,
    )
    return head + text(delivery.job_id.encode()) + delivery.event.encode()


def delivery_of(delivery_id: str, value: bytes) -> Delivery:
    """The delivery again."""
    event_at, due_at, attempts, status, is_resent, progress = _DELIVERY.unpack_from(value)
    (job_id,), at = texts(value, _DELIVERY.size, 1)
    event, state = value[at:].decode(), _DELIVERY_STATUSES[status]
    return Delivery(delivery_id, job_id.decode(), event, progress, event_at, due_at, attempts, state, bool(is_resent))


def packed_attempt(attempt: Attempt) -> bytes:
    """One try, its body as it was."""
    fields = attempt._replace(request_headers=dict(attempt.request_headers), request_body=b"")._asdict()
    del fields["request_body"]
    head = _encode(fields).encode()
    return _LONG.pack(len(head)) + head + attempt.request_body


def attempts_of(value: bytes) -> list[Attempt]:
    """The tries of a delivery, which stand one behind the other."""
    found, at = [], 0
    while at < len(value):
        (size,) = _LONG.unpack_from(value, at)
        one, at = value[at + 4 : at + 4 + size], at + 4 + size
        (size,) = _LONG.unpack_from(one)
        found.append(Attempt(**_decode(one[4 : 4 + size].decode()), request_body=one[4 + size :]))
    return found


def text(value: bytes) -> bytes:
    """A text behind its length."""
    return _SHORT.pack(len(value)) + value


def texts(value: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """So many texts from a place on, and the place behind them."""
    found = []
    for _ in range(count):
        (size,) = _SHORT.unpack_from(value, at)
        at += 2
        found.append(value[at : at + size])
        at += size
    return found, at
