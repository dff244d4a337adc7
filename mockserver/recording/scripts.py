"""What is recorded of each row of the tables, and which jobs have to be there before."""

from collections.abc import Callable

from mockserver.core.catalog import Catalog, Model
from mockserver.recording.jobs import Asked, Script

Ask = Callable[[Model], Asked]


def script_of(contract: Catalog, row: Model, ask: Ask) -> Script:
    """The script of a row, whose bodies *ask* gives; for an action with the jobs that it acts on."""
    return Script(row, ask(row), tuple(_parents(contract, row, ask)))


def _parents(contract: Catalog, row: Model, ask: Ask) -> list[Script]:
    """The way to a job that the row can act on, oldest first; nothing where it acts on none."""
    if row.parent is None:
        return []
    rows = [other for rows in contract.models.values() for other in rows.values()]
    fit = [other for other in rows if other.shown == row.parent["model"] and other.result in row.parent["results"]]
    first = min(fit, key=lambda other: other.parent is not None)
    return [*_parents(contract, first, ask), Script(first, ask(first))]
