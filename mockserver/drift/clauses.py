"""Which clauses of the contract tests speak of a place in the document. The clauses: docs/clauses.md."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from mockserver.drift.facts import Place


class Touching(NamedTuple):
    """Places, by the start of their operation and of their part, and the clauses that would judge otherwise."""

    operation: str
    part: str
    """A regular expression for the whole part; of the operation itself the part is empty."""
    clauses: tuple[str, ...]


SUBMISSIONS = r"POST /v2/(images|videos|music)/.*"
TOUCHED = (
    Touching(SUBMISSIONS, r"(model|action) .*|body", ("VAL-1", "VAL-2", "VAL-3", "VAL-4")),
    Touching(SUBMISSIONS, r"model .*", ("MODEL-1", "MODEL-2", "MODEL-3")),
    Touching(r"POST /v2/(images|music)/.*action", r"action .*|body", ("MODEL-7",)),
    Touching(SUBMISSIONS, r"header Idempotency-Key", ("IDEMP-1", "IDEMP-7", "IDEMP-15")),
    Touching(SUBMISSIONS, r"202", ("VAL-2", "IDEMP-5", "LIFE-1")),
    Touching(r"GET /v2/jobs", r"query .*", ("VAL-8", "LIST-2", "LIST-5", "LIST-7", "LIST-9", "AUTH-9")),
    Touching(r"GET /v2/jobs", r"200", ("LIST-3", "LIST-8", "LIST-9")),
    Touching(r"GET /v2/jobs/\{[^}]*\}", r"path .*", ("VAL-9",)),
    Touching(r"GET /v2/jobs(/\{[^}]*\})?", r"200", ("LIFE-2", "LIFE-3", "LIFE-5", "LIFE-6", "LIFE-7", "LIFE-9")),
    Touching(r"POST /v2/uploads", r"form.*|body.*|201", ("UPLOAD-1", "UPLOAD-2")),
    Touching(r"(GET|POST|DELETE) /v2/loras.*", r"form.*|body.*|200|202|204", ("LORA-1", "LORA-2")),
    Touching(r"(GET|POST) /v2/assets.*", r"body.*|200|201", ("ASSET-1",)),
    Touching(r"GET /v2/models", r".*", ("MODEL-4", "MODEL-6")),
    Touching(r"GET /v2/me", r"200", ("CRED-1",)),
    Touching(r".*", r"400", ("VAL-1", "VAL-4")),
    Touching(r".*", r"401", ("AUTH-1", "AUTH-2")),
    Touching(r".*", r"402", ("CRED-2", "CRED-3")),
    Touching(r".*", r"403", ("AUTH-3",)),
    Touching(r".*", r"404", ("VAL-9", "AUTH-5")),
    Touching(r".*", r"409", ("IDEMP-3", "IDEMP-8")),
    Touching(r".*", r"429", ("RATE-1", "RATE-2")),
    Touching(r".*", r"502", ("AVAIL-2",)),
    Touching(r".*", r"503", ("AVAIL-1",)),
)
OF_WHOLE_OPERATIONS = ("AUTH-1", "AUTH-2", "HDR-3")
"""Of an operation that comes, goes or asks for other keys."""


def clauses_of(places: Iterable[Place]) -> list[str]:
    """The ids of the clauses that places touch, in the order of areas and numbers."""
    found = {clause for place in places for clause in _touched(place)}
    return sorted(found, key=lambda clause: (clause.partition("-")[0], int(clause.partition("-")[2])))


def _touched(place: Place) -> Iterable[str]:
    if not place.part:
        return OF_WHOLE_OPERATIONS
    return [
        clause
        for row in TOUCHED
        if re.fullmatch(row.operation, place.operation) and re.fullmatch(row.part, place.part)
        for clause in row.clauses
    ]
