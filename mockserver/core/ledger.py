"""Credits of one team: taken when a job is accepted or starts, given back once when it fails or is cancelled."""

import heapq
import math


class Ledger:
    """The balance at an instant. What comes back and what is taken later is known beforehand and counts from then on.

    What is taken later may be more than is left: then the team owes, and has 0 to spend until that is paid.
    """

    __slots__ = ("_balance", "_booked", "_due")

    def __init__(self, opening: int) -> None:
        self._balance = opening
        self._booked: dict[str, tuple[float, int]] = {}
        self._due: list[tuple[float, str]] = []

    def balance(self, now: float) -> int:
        """Credits that can be spent at *now*, never below 0; instants must not go back."""
        while self._due and self._due[0][0] <= now:
            at, name = heapq.heappop(self._due)
            if self._booked.get(name, (None, 0))[0] == at:
                self._balance += self._booked.pop(name)[1]
        return max(0, self._balance)

    def charge(self, cost: int, now: float) -> int:
        """Take the price of a job if it can be paid; what could be spent before, where less than *cost* is a no."""
        available = self.balance(now)
        if cost <= available:
            self._balance -= cost
        return available

    def book(self, name: str, credit: int, at: float) -> None:
        """Set what comes (below 0: goes) under *name* from *at* on, instead of what was set and has not come yet."""
        self._booked.pop(name, None)
        if math.isfinite(at) and credit:
            self._booked[name] = (at, credit)
            heapq.heappush(self._due, (at, name))

    def set_balance(self, credit: int, now: float) -> None:
        """Make *credit* what can be spent at *now*; what is still to come or go stays."""
        self.balance(now)
        self._balance = credit
