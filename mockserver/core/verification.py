"""Whether the requests that were wanted came, and for those that did not, which came nearest."""

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mockserver.core.matching import Difference

SHOWN = 5
"""Near misses that are told, at most."""


class Wanted(NamedTuple):
    """How many requests there should be."""

    least: int = 1
    most: int | None = None

    def holds(self, count: int) -> bool:
        """Whether so many are right."""
        return self.least <= count and (self.most is None or count <= self.most)

    def __str__(self) -> str:
        if self.most == self.least:
            return f"exactly {self.least}"
        if self.most is None:
            return f"at least {self.least}"
        return f"at most {self.most}" if self.least == 0 else f"{self.least} to {self.most}"


class Miss(NamedTuple):
    """A request that does not fit, and why."""

    number: int
    line: str
    """Method, address and status."""
    differences: Sequence[Difference]

    def __str__(self) -> str:
        why = "; ".join(f"{field} is {got}, wanted {wanted}" for field, wanted, got in self.differences)
        return f"#{self.number} {self.line}: {why}"


def nearest(misses: Iterable[Miss]) -> list[Miss]:
    """Those with the fewest differences, at most five, the newest of equals first."""
    return heapq.nsmallest(SHOWN, misses, key=lambda miss: (len(miss.differences), -miss.number))


def explained(claim: str, misses: Sequence[Miss], *, recorded: int, dropped: int) -> str:
    """Several lines: what was wanted and found, the nearest misses, and what is no longer known."""
    lines = [claim]
    if misses:
        lines += ["nearest:", *(f"  {miss}" for miss in misses)]
    elif not recorded:
        lines.append("no request has come")
    if dropped:
        lines.append(f"{dropped} older requests are no longer recorded (--journal-requests, --journal-mb)")
    return "\n".join(lines)
