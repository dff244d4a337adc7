"""Every clause, in the order of the document."""

from collections.abc import Callable

from contract_tests.clause import Clause, registered
from contract_tests.clauses import (  # noqa: F401 - importing a module defines its clauses
    auth,
    credits,  # noqa: A004 - the area's name
    headers,
    idempotency,
    lifecycle,
    limits,
    listing,
    model,
    resources,
    robustness,
    validation,
    webhooks,
)
from contract_tests.watch import Look

AREAS = {
    "AUTH": "authentication",
    "VAL": "validation",
    "MODEL": "models",
    "IDEMP": "idempotency",
    "LIFE": "lifecycle",
    "LIST": "list",
    "CRED": "credits",
    "UPLOAD": "uploads",
    "LORA": "LoRAs",
    "ASSET": "assets",
    "WH": "webhooks",
    "RATE": "rate limits",
    "AVAIL": "availability",
    "HDR": "headers",
    "ROBUST": "robustness",
}


def _place(clause: Clause) -> tuple[int, int]:
    return list(AREAS).index(clause.area), int(clause.id.partition("-")[2])


CLAUSES: dict[str, Clause] = {clause.id: clause for clause in sorted(registered().values(), key=_place)}

WATCHERS: dict[str, Callable[[], Look]] = {**auth.WATCHERS, **headers.WATCHERS}
"""What the clauses about every answer look at, by their id; made anew for each run."""
