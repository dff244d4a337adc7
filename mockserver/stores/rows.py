"""A job as one plain tuple of strings, bytes and numbers, which the garbage collector does not track."""

from typing import Any

from mockserver.core.jobs import Job, Webhook, WebhookStatus
from mockserver.core.timeline import JobStatus, Plan

Row = tuple[Any, ...]
_new = tuple.__new__
"""A named tuple of as many values as it has fields, without the look at their number: every poll pays for it."""
_STATUSES = {status.value: status for status in JobStatus}
_WEBHOOK_STATUSES = {status.value: status for status in WebhookStatus}
_PLAIN_FIELDS = Job._fields.index("webhook")
_STATUS_FIELD = Job._fields.index("webhook_status")


def packed(job: Job) -> Row:
    """The job without named tuples and enum members, which every full collection would visit."""
    row: Row = job
    hook, status, plan, later_cost, notes = row[_PLAIN_FIELDS:]
    started_at, runs_s, pace_s, marks, outcome, error, keeps_s = plan
    return row[:_PLAIN_FIELDS] + (  # noqa: RUF005 - unpacking makes a list first
        None if hook is None else (*hook,),
        None if status is None else status.value,
        (started_at, runs_s, pace_s, marks, outcome._value_, error, keeps_s),
        later_cost,
        notes,
    )


def with_webhook_status(row: Row, status: WebhookStatus) -> Row:
    """The packed job with another webhook status."""
    return (*row[:_STATUS_FIELD], status.value, *row[_STATUS_FIELD + 1 :])


def unpacked(row: Row) -> Job:
    """The job again."""
    hook, status, plan, later_cost, notes = row[_PLAIN_FIELDS:]
    started_at, runs_s, pace_s, marks, outcome, error, keeps_s = plan
    return _new(
        Job,
        (
            *row[:_PLAIN_FIELDS],
            None if hook is None else Webhook._make(hook),
            None if status is None else _WEBHOOK_STATUSES[status],
            _new(Plan, (started_at, runs_s, pace_s, marks, _STATUSES[outcome], error, keeps_s)),
            later_cost,
            notes,
        ),
    )
