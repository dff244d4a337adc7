"""Counts of what happened in a run, and the promises that were broken."""

from collections import Counter
from typing import NamedTuple


class Tally(NamedTuple):
    """What parts of a run add to as they go."""

    counts: Counter[str]
    broken: list[str]
    """A sentence for each broken promise, with the names of what it is about."""

    @classmethod
    def empty(cls) -> "Tally":
        return cls(Counter(), [])

    def hold(self, promise: str, offenders: object) -> None:
        """Note that a promise is broken where there are *offenders*: a list of names, or a text."""
        if isinstance(offenders, (list, set)):
            shown = ", ".join(sorted(map(str, offenders))[:5])
            text = f"{len(offenders)}: {shown}" if offenders else ""
        else:
            text = str(offenders)
        if text:
            self.broken.append(f"{promise} ({text})")


def told(name: str, tally: Tally) -> str:
    """The counts as a table, then what was broken."""
    rows = [f"  {what:<34} {number:>9,}" for what, number in tally.counts.items()]
    return "\n".join([name, *rows, *(f"  BROKEN: {text}" for text in tally.broken)])
