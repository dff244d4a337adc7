"""Which job may be acted on, and which of its tracks: the row's `parent` says. Source: facts.md section 13."""

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.core.errors import ActionUnavailable, Invalid
from mockserver.core.jobs import Job
from mockserver.core.jsontext import parse
from mockserver.core.pricing import value_of
from mockserver.core.songs import Note, track_of
from mockserver.core.timeline import JobStatus

PARENT = "parentJobId"
MISMATCH = 400


def source_of(rule: Mapping[str, Any], parent: Job, body: Mapping[str, Any], now: float) -> Note | None:
    """The track that is acted on; none where the parent has none to choose from.

    Raises:
        Invalid: the parent is of another model or kind, or has no such track.
        ActionUnavailable: it is not done, its files are gone, or the action does not fit what it is.
    """
    if parent.model != rule["model"]:
        raise Invalid({PARENT: [f'Invalid input: expected a job of "{rule["model"]}", received "{parent.model}"']})
    if parent.result not in rule["results"]:
        if rule["otherResult"] == MISMATCH:
            raise Invalid({PARENT: ["Invalid input: this action does not apply to the result of this job"]})
        raise ActionUnavailable
    moment = parent.moment(now)
    if moment.status is not JobStatus.COMPLETED or moment.is_expired:
        raise ActionUnavailable
    notes: Sequence[Note] = parse(parent.notes).value if parent.notes else ()
    if not notes:
        return None
    track = track_of(notes, body)
    if track is None:
        field = "trackId" if "trackId" in body else "index"
        raise Invalid({field: ["Invalid input: the parent job has no such track"]})
    if _is_barred(rule, parent, body, track):
        raise ActionUnavailable
    return track


def _is_barred(rule: Mapping[str, Any], parent: Job, body: Mapping[str, Any], track: Note) -> bool:
    seconds = track["duration"] or 0
    if "before" in rule and body.get(rule["before"], 0) >= seconds > 0:
        return True
    if seconds > rule.get("mostSeconds", seconds):
        return True
    barred = rule.get("barred")
    if barred is None:
        return False
    asked = parse(parent.input_json).value
    made_with = (value_of({"param": param, "default": ""}, asked) for param in barred["params"])
    return any(str(value).startswith(barred["prefix"]) for value in made_with)
