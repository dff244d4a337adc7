"""What became of following a document, for those who start a mock by it."""

from collections.abc import Sequence
from typing import NamedTuple

MOST = 5
"""What one line names; `mockserver drift` names all."""


class Followed(NamedTuple):
    """What came of it; each list has lines such as `POST /v2/images/generate model NAME`."""

    changed: list[str]
    """Bodies that are judged by the document."""
    new: list[str]
    """What only the document has."""
    lacking: list[str]
    """What only we have: it stays."""
    left: list[str]
    """What is not followed, with the reason."""

    def lines(self, name: str) -> list[str]:
        """What to tell somebody who starts the mock by the document of this name; the first line says how many."""
        told = [f"{_counted(self.changed)} follow{'' if len(self.changed) > 1 else 's'} {name}"]
        told += [f"{_counted(self.new, 'new ')}"] if self.new else []
        lines = [f"spec: {', '.join(told)}"]
        if self.lacking:
            lines.append(f"spec: not in {name}, and kept: {_listed(self.lacking, ', ')}")
        if self.left:
            lines.append(f"spec: not followed: {_listed(self.left, '; ')}")
        return lines


def _listed(parts: Sequence[str], mark: str) -> str:
    more = [f"and {len(parts) - MOST} more"] if len(parts) > MOST else []
    return mark.join([*parts[:MOST], *more])


def _counted(parts: Sequence[str], which: str = "") -> str:
    """As in `3 models, 1 action`."""
    kinds = {"model": 0, "action": 0, "body": 0}
    for part in parts:
        kinds[part.split(" ")[2]] += 1
    told = [f"{number} {which}{kind if number == 1 else _many(kind)}" for kind, number in kinds.items() if number]
    return " and ".join(told) or "no model"


def _many(kind: str) -> str:
    return "bodies" if kind == "body" else f"{kind}s"
