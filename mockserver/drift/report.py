"""What a comparison with a document of the vendor found, as values that can be printed."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from mockserver.drift.clauses import clauses_of
from mockserver.drift.differences import Difference, differences
from mockserver.drift.document import Document
from mockserver.drift.facts import Place, facts
from mockserver.drift.known import Known, reason_of
from mockserver.drift.requests import CHOOSERS


class Explained(NamedTuple):
    """A difference that is there on purpose."""

    difference: Difference
    why: str


class Drift(NamedTuple):
    """All differences between our contract and a document."""

    news: list[Difference]
    """Those that nobody has explained."""
    explained: list[Explained]
    known_models: frozenset[str]
    """Names of models that either side has."""

    def only(self, models: Iterable[str]) -> "Drift":
        """What concerns the request bodies of these models alone."""
        parts = {f"model {model}" for model in models}
        news = [each for each in self.news if each.place.part in parts]
        return self._replace(
            news=news, explained=[each for each in self.explained if each.difference.place.part in parts]
        )

    @property
    def operations(self) -> list[str]:
        """The operations that the news touch."""
        return list(dict.fromkeys(each.place.operation for each in self.news))

    def named(self, chooser: str) -> list[str]:
        """The models or actions that the news touch; *chooser* is `model` or `action`."""
        parts = (each.place.part.partition(" ") for each in self.news)
        return list(dict.fromkeys(name for kind, _, name in parts if kind == chooser))

    @property
    def clauses(self) -> list[str]:
        """The ids of the clauses that the news touch."""
        return clauses_of(each.place for each in self.news)

    def as_json(self) -> dict[str, Any]:
        """The differences in the form of docs/drift.md."""
        models, actions = (self.named(chooser) for chooser in CHOOSERS)
        return {
            "differences": [_row(each) for each in self.news],
            "explained": [{**_row(each.difference), "why": each.why} for each in self.explained],
            "touched": {
                "operations": self.operations,
                "models": models,
                "actions": actions,
                "clauses": self.clauses,
            },
        }


def drift_between(ours: Document, theirs: Document, known: Sequence[Known]) -> Drift:
    """Compare two documents.

    Raises:
        BadDocument: a part of one is not what OpenAPI says.
    """
    mine = facts(ours)
    yours = facts(theirs, ours.paths)
    news, explained = [], []
    for found in differences(mine, yours):
        why = reason_of(found, known)
        if why:
            explained.append(Explained(found, why))
        else:
            news.append(found)
    return Drift(news, explained, frozenset(_models_in(mine) | _models_in(yours)))


def _models_in(places: Iterable[Place]) -> set[str]:
    return {place.part.removeprefix("model ") for place in places if place.part.startswith("model ")}


def _row(difference: Difference) -> dict[str, Any]:
    place, ours, theirs = difference.row
    operation, part = difference.place.operation, difference.place.part
    return {
        "kind": difference.kind,
        "place": place,
        "operation": operation,
        "part": part,
        "ours": ours,
        "theirs": theirs,
    }
