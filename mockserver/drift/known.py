"""Differences that are there on purpose, with their reasons."""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from mockserver.drift.differences import Difference


class Known:
    """One row of schemas/known-differences.json."""

    def __init__(self, *, place: str, ours: str, theirs: str, why: str) -> None:
        self.place, self.ours, self.theirs, self.why = place, ours, theirs, why

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(".*".join(map(re.escape, self.place.split("*"))))

    def explains(self, difference: Difference) -> bool:
        """Whether it is the reason of a difference: the place fits, and both values are the ones it knows."""
        place, ours, theirs = difference.row
        return (ours, theirs) == (self.ours, self.theirs) and self._pattern.fullmatch(place) is not None


def known_differences(file: Mapping[str, Any]) -> list[Known]:
    """The rows of the parsed file."""
    return [Known(**row) for row in file["differences"]]


def reason_of(difference: Difference, known: Iterable[Known]) -> str:
    """Why a difference is there; empty for one that nobody has explained."""
    return next((row.why for row in known if row.explains(difference)), "")
