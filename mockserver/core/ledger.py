"""Credits of one team: taken when a job is accepted, given back once when it fails or is cancelled."""

import heapq
import math

from mockserver.core.errors import InsufficientCredits


class Ledger:
    """The balance at an instant. Refunds are known beforehand and count from their instant on."""

    __slots__ = ("_balance", "_due", "_refunds")

    def __init__(self, opening: int) -> None:
        self._balance = opening
        self._refunds: dict[str, tuple[float, int]] = {}
        self._due: list[tuple[float, str]] = []

    def balance(self, now: float) -> int:
        """Credits that can be spent at *now*; instants must not go back."""
        while self._due and self._due[0][0] <= now:
            at, job_id = heapq.heappop(self._due)
            if self._refunds.get(job_id, (None, 0))[0] == at:
                self._balance += self._refunds.pop(job_id)[1]
        return self._balance

    def charge(self, job_id: str, cost: int, now: float, refund_at: float) -> None:
        """Take the price of a job; it comes back at *refund_at* (infinite: never).

        Raises:
            InsufficientCredits: the balance is below the price; nothing changes.
        """
        available = self.balance(now)
        if cost > available:
            raise InsufficientCredits(required=cost, available=available)
        self._balance -= cost
        self.refund(job_id, cost, refund_at)

    def refund(self, job_id: str, cost: int, refund_at: float) -> None:
        """Set when the price of an unfinished job comes back, instead of what was set before."""
        self._refunds.pop(job_id, None)
        if math.isfinite(refund_at) and cost:
            self._refunds[job_id] = (refund_at, cost)
            heapq.heappush(self._due, (refund_at, job_id))

    def set_balance(self, credit: int, now: float) -> None:
        """Make *credit* what can be spent at *now*; refunds still to come stay."""
        self.balance(now)
        self._balance = credit
