"""The findings so far: those of late with their evidence, all of them counted."""

from collections import Counter, deque
from typing import Any, NamedTuple

from mockserver.core.instants import iso
from mockserver.findings.clients import Client
from mockserver.findings.kinds import KINDS, Kind
from mockserver.logs import masked

KEPT_OF_A_KIND = 100
COUNTED_KEYS = 5000
"""Of more API keys than this, those that came first are no longer counted one by one."""


class Occurrence(NamedTuple):
    """One time that it happened."""

    at: float
    """On the mock's clock."""
    requests: tuple[int, ...]
    """Numbers in the journal, the one that showed it last; none for webhooks."""
    evidence: str
    digest: str
    prefix: str
    delivery: str | None = None


class Book:
    """Keeps the latest hundred of each kind."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._kept: dict[str, deque[Occurrence]] = {kind.id: deque() for kind in KINDS}
        self._counts: dict[str, Counter[str]] = {}
        self._total: Counter[str] = Counter()
        self._named: dict[int, Counter[str]] = {}
        self.dropped = 0
        """Those that are only counted."""

    def forget(self, digest: str) -> None:
        """Forget what was found of one key by its SHA-256."""
        for kind_id, kept in self._kept.items():
            for old in [each for each in kept if each.digest == digest]:
                kept.remove(old)
                self._unname(kind_id, old)
        self._total -= self._counts.pop(digest, Counter())

    def note(  # noqa: PLR0913 - what an occurrence is made of, named at each call
        self,
        kind: Kind,
        client: Client,
        at: float,
        evidence: str,
        *,
        requests: tuple[int, ...] = (),
        delivery: str | None = None,
    ) -> None:
        """Add an occurrence."""
        kept = self._kept[kind.id]
        occurrence = Occurrence(at, requests, masked(evidence), client.digest, client.prefix, delivery)
        kept.append(occurrence)
        for number in requests:
            self._named.setdefault(number, Counter())[kind.id] += 1
        if len(kept) > KEPT_OF_A_KIND:
            self.dropped += 1
            self._unname(kind.id, kept.popleft())
        self._total[kind.id] += 1
        self._counts.setdefault(client.digest, Counter())[kind.id] += 1
        if len(self._counts) > COUNTED_KEYS:
            del self._counts[next(iter(self._counts))]

    def _unname(self, kind_id: str, old: Occurrence) -> None:
        for number in old.requests:
            named = self._named[number]
            named[kind_id] -= 1
            if not named[kind_id]:
                del named[kind_id]
            if not named:
                del self._named[number]

    def of(self, number: int) -> tuple[str, ...]:
        """The kinds whose evidence names this entry of the journal, as far as it is kept."""
        return tuple(self._named.get(number, ()))

    def counts(self, digest: str = "") -> dict[str, int]:
        """How often each kind was found, of one key by its SHA-256 or of all; without those never found."""
        counts = self._counts.get(digest, Counter()) if digest else self._total
        return {kind.id: counts[kind.id] for kind in KINDS if counts[kind.id]}

    def shown(self, digest: str = "") -> list[dict[str, Any]]:
        """Each kind that was found, as JSON, its occurrences oldest first; of one key or of all."""
        counts = self.counts(digest)
        return [self._shown(kind, counts[kind.id], digest) for kind in KINDS if kind.id in counts]

    def _shown(self, kind: Kind, count: int, digest: str) -> dict[str, Any]:
        kept = [each for each in self._kept[kind.id] if digest in ("", each.digest)]
        return {
            "id": kind.id,
            "title": kind.title,
            "advice": kind.advice,
            "page": kind.page,
            "count": count,
            "occurrences": [_shown(each) for each in kept],
        }


def _shown(occurrence: Occurrence) -> dict[str, Any]:
    return {
        "at": iso(occurrence.at),
        "request": occurrence.requests[-1] if occurrence.requests else None,
        "requests": list(occurrence.requests),
        "delivery": occurrence.delivery,
        "evidence": occurrence.evidence,
        "key": occurrence.prefix,
    }
