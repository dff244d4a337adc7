"""What was asked of the mock since its start, counted by key: requests, jobs, credits, faults."""

from mockserver.journal import Entry


class Total:
    """The counts of one key, or of all."""

    __slots__ = ("credits_taken", "faults", "jobs", "requests")

    def __init__(self) -> None:
        self.requests = self.jobs = self.credits_taken = self.faults = 0


class Totals:
    """Counts that stay when the journal drops its oldest entries."""

    def __init__(self) -> None:
        self._by_key: dict[str, Total] = {}

    def on_entry(self, entry: Entry) -> None:
        """Count a request."""
        digest = entry.digest
        total = self._by_key.get(digest)
        if total is None:
            total = self._by_key[digest] = Total()
        total.requests += 1
        total.faults += len(entry.fired)
        if entry.cost:
            total.jobs += 1
            total.credits_taken += entry.cost

    def of(self, digest: str = "") -> Total:
        """The counts of a key by its SHA-256, or of all requests, those without a known key among them."""
        if digest:
            return self._by_key.get(digest) or Total()
        whole = Total()
        for total in self._by_key.values():
            for name in Total.__slots__:
                setattr(whole, name, getattr(whole, name) + getattr(total, name))
        return whole

    def clear(self) -> None:
        """Count from nothing."""
        self._by_key.clear()
