"""What stands in one of two documents only, or differs between them."""

import json
from enum import StrEnum
from typing import NamedTuple

from mockserver.drift.facts import Facts, Place
from mockserver.drift.joining import text_of

ABSENT, PRESENT = "absent", "present"


class Kind(StrEnum):
    """What a document did, seen from ours."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Difference(NamedTuple):
    """One difference; a value is JSON, or says whether the thing is there."""

    place: Place
    ours: str
    theirs: str

    @property
    def kind(self) -> Kind:
        """Added, where the vendor alone has it."""
        if self.ours == ABSENT:
            return Kind.ADDED
        return Kind.REMOVED if self.theirs == ABSENT else Kind.CHANGED

    @property
    def row(self) -> tuple[str, str, str]:
        """Place, ours and theirs, as the table of known differences writes them."""
        return str(self.place), self.ours, self.theirs


def differences(ours: Facts, theirs: Facts) -> list[Difference]:
    """Each difference, sorted; of an operation, a part or a field that one side lacks whole, one."""
    mine, yours = _Side(ours), _Side(theirs)
    places = {place for place in ours.keys() | theirs.keys() if ours.get(place) != theirs.get(place)}
    found = {yours.lacking(place) or mine.lacking(place) or place for place in places}
    return sorted(
        (Difference(place, mine.shown(place), yours.shown(place)) for place in found),
        key=lambda difference: difference.place,
    )


class _Side:
    """The facts of one document, and the things that they are about: operations, parts and fields."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._parts: dict[Place, list[Place]] = {}
        for place in facts:
            self._parts.setdefault(place.whole, []).append(place)
        self._things = {thing for place in facts for thing in (Place(place.operation), place.whole, place.thing)}

    def lacking(self, place: Place) -> Place | None:
        """The widest thing around a place that this side does not have; none where it has all."""
        fields = (place.whole._replace(path=place.path[:depth]) for depth in range(1, len(place.path) + 1))
        around = (Place(place.operation), place.whole, *fields)
        return next((thing for thing in around if thing not in self._things), None)

    def shown(self, place: Place) -> str:
        """What it has there: a keyword's value, all that it says of a field, or whether the thing is there."""
        if place.keyword:
            return self._facts.get(place, ABSENT)
        if place not in self._things:
            return ABSENT
        if not place.path:
            return PRESENT
        depth = len(place.path)
        return text_of(
            {
                Place("", path=each.path[depth:], keyword=each.keyword).inside: json.loads(self._facts[each])
                for each in self._parts[place.whole]
                if each.path[:depth] == place.path
            }
        )
