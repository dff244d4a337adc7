"""Every defect that the contract tests must catch, by name, and how one is planted."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.power import accepting, bringing, intake, speaking, telling
from tests.power.planting import Defect

DEFECTS: dict[str, Defect] = {
    **intake.DEFECTS,
    **accepting.DEFECTS,
    **telling.DEFECTS,
    **speaking.DEFECTS,
    **bringing.DEFECTS,
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Every server that is started in this process while this is entered has the defect.

    Enter it before the server starts, and leave it after the server was closed.
    """
    with DEFECTS[name].plant():
        yield
