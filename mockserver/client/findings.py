"""What came of a run, read from Python: findings and the summary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mockserver.client.live import Live
from mockserver.client.values import instant
from mockserver.client.wire import Wire


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that it happened."""

    at: datetime
    """On the mock's clock."""
    evidence: str
    requests: Sequence[int]
    """Numbers of the requests that show it, the last one last."""
    delivery: str | None
    """The webhook delivery that shows it."""
    key: str
    """What may be shown of the API key."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a client or a receiver did against the contract or against good sense."""

    id: str
    """Such as `RETRY-AFTER-IGNORED`; docs/findings.md tells of each."""
    title: str
    advice: str
    count: int
    """How often it happened."""
    occurrences: Sequence[Occurrence]
    """The latest of them, oldest first."""

    def __str__(self) -> str:
        evidence = [f"  {each.evidence}" for each in self.occurrences[-3:]]
        return "\n".join([f"{self.id}, {self.count}x: {self.title}", *evidence, f"  {self.advice}"])


class Findings(Live[Finding]):
    """All that was found; of a view of one key, what was found of this key."""

    def __init__(self, wire: Wire, scope: str) -> None:
        self._wire, self._scope = wire, scope

    @property
    def ids(self) -> list[str]:
        """Of what was found."""
        return [finding.id for finding in self._rows()]

    def clear(self) -> None:
        """Forget them."""
        self._wire.ask("DELETE", "findings", query=self._query)

    def _rows(self) -> list[Finding]:
        return [_finding_of(row) for row in self._wire.ask("GET", "findings", query=self._query)["findings"]]

    @property
    def _query(self) -> dict[str, str]:
        return {"key": self._scope} if self._scope else {}


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in a few numbers."""

    requests: int
    jobs: int
    credits_spent: int
    """For accepted jobs and trainings that have started, without what came back for those that failed by now."""
    webhooks: Mapping[str, int]
    """How many are `delivered`, `failed`, `pending`."""
    faults: int
    """How often one fired."""
    findings: Mapping[str, int]
    """How often each was found, by id."""
    operations: Mapping[str, int] = field(default_factory=dict)
    """How many of the jobs each operation made, such as `videos.generate`."""


def summary_of(row: Mapping[str, Any]) -> Summary:
    """A summary from its JSON form."""
    return Summary(
        requests=row["requests"],
        jobs=row["jobs"],
        credits_spent=row["creditsSpent"],
        webhooks=row["webhooks"],
        faults=row["faults"],
        findings=row["findings"],
        operations=row["operations"],
    )


def _finding_of(row: Mapping[str, Any]) -> Finding:
    occurrences = [
        Occurrence(instant(each["at"]), each["evidence"], tuple(each["requests"]), each["delivery"], each["key"])
        for each in row["occurrences"]
    ]
    return Finding(row["id"], row["title"], row["advice"], row["count"], tuple(occurrences))
