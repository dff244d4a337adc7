"""Numbers counted as requests and webhooks go by, which stay when the journal drops its oldest entries."""

from bisect import bisect_left
from collections import Counter

from mockserver.core.deliveries import Attempt, Delivery
from mockserver.core.jobs import Job
from mockserver.journal import Entry

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Of the latencies that are counted together; there is one more group, above the last."""
_LIMITS_S = tuple(bound_s + 1e-6 for bound_s in BOUNDS_S)  # a millisecond of uvloop's clock is a float just above it
OTHER = "other"
MOST_RULES = 200
"""Fault rules that are counted by their own names; people may make names without end."""


class Answers:
    """What one operation answered, and how fast."""

    __slots__ = ("groups", "statuses", "sum_s")

    def __init__(self) -> None:
        self.statuses: dict[int | None, int] = {}
        """How many of each status; none for a dropped connection."""
        self.groups = [0] * (len(BOUNDS_S) + 1)
        """How many within each of `BOUNDS_S`, in real seconds, and above the last."""
        self.sum_s = 0.0


class Total:
    """What one key asked for, or all."""

    __slots__ = ("credits_taken", "faults", "jobs", "operations", "requests")

    def __init__(self) -> None:
        self.requests = self.jobs = self.credits_taken = self.faults = 0
        self.operations: dict[str, int] = {}
        """Jobs by what they were asked for with; counted in a plain dict, as `Stats.jobs` is."""


class Stats:
    """Counts since the start or the last reset."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Count from nothing."""
        self.answers: dict[str, Answers] = {}
        """By operation."""
        self._totals: dict[str, Total] = {}
        self.jobs: dict[str, int] = {}
        """Accepted, by model. A Counter, which has item methods of its own, is several times as slow to count with."""
        self.replays = 0
        self.faults: Counter[str] = Counter()
        """Fired, by rule."""
        self.attempts: Counter[tuple[str, str]] = Counter()
        """Of webhooks, by event and what came of them."""

    def on_entry(self, entry: Entry) -> None:
        """Count a request and its answer."""
        operation, status, took_s = entry.operation or OTHER, entry.status, entry.took_s
        answers = self.answers.get(operation)
        if answers is None:
            answers = self.answers[operation] = Answers()
        statuses = answers.statuses
        statuses[status] = statuses.get(status, 0) + 1
        answers.groups[bisect_left(_LIMITS_S, took_s)] += 1
        answers.sum_s += took_s
        total = self._totals.get(entry.digest)
        if total is None:
            total = self._totals[entry.digest] = Total()
        total.requests += 1
        cost = entry.cost
        if cost:
            total.jobs += 1
            total.credits_taken += cost
            asked, accepted, model = total.operations, self.jobs, entry.model
            asked[operation] = asked.get(operation, 0) + 1
            accepted[model] = accepted.get(model, 0) + 1
        elif entry.is_replay:
            self.replays += 1
        for rule in entry.fired:
            total.faults += 1
            self.faults[rule if rule in self.faults or len(self.faults) < MOST_RULES else OTHER] += 1

    def total(self, digest: str = "") -> Total:
        """The counts of a key by its SHA-256, or of all requests, those without a known key among them."""
        if digest:
            return self._totals.get(digest) or Total()
        whole, operations = Total(), Counter[str]()
        for total in self._totals.values():
            whole.requests += total.requests
            whole.jobs += total.jobs
            whole.credits_taken += total.credits_taken
            whole.faults += total.faults
            operations.update(total.operations)
        whole.operations = operations
        return whole

    def on_attempt(self, job: Job, delivery: Delivery, attempt: Attempt, ended_s: float | None = None) -> None:
        """Count an attempt to deliver a webhook."""
        del job, ended_s
        result = "delivered" if attempt.error is None else "failed" if delivery.status.is_final else "to be retried"
        self.attempts[delivery.event, result] += 1
