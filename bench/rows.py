"""What is measured, what it is held to, and whether it holds."""

import math
import operator
import statistics
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

NOTHING: Mapping[str, Any] = MappingProxyType({})
WORDS = {"at least": operator.ge, "at most": operator.le, "under": operator.lt}


class Goal(NamedTuple):
    """A bound, in the unit of the figure that is held to it."""

    word: str
    bound: float

    def holds(self, value: float) -> bool:
        return bool(WORDS[self.word](value, self.bound))

    def __str__(self) -> str:
        return f"{self.word} {shown(self.bound)}"


class Figure(NamedTuple):
    """One thing that was measured: the median of its rounds, and the span that they lie in."""

    name: str
    value: float
    unit: str = ""
    """Empty for a ratio."""
    span: tuple[float, float] | None = None
    note: str = ""
    about: Mapping[str, Any] = NOTHING
    """What it is of, for the plot and for whoever looks figures up: store, kind of request, stored jobs."""


class Row(NamedTuple):
    """A figure beside its goal. Without a value it could not be measured, and the note says why."""

    topic: str
    name: str
    value: float | None
    unit: str = ""
    span: tuple[float, float] | None = None
    goal: str = ""
    """Empty for what is there for information."""
    holds: bool | None = None
    note: str = ""
    about: Mapping[str, Any] = NOTHING

    @property
    def figure(self) -> str:
        """As people read it."""
        if self.value is None:
            return "not measured"
        span = f" ({shown(self.span[0])} to {shown(self.span[1])})" if self.span else ""
        return f"{shown(self.value)} {self.unit}".strip() + span


def row_of(topic: str, figure: Figure, goal: Goal | None) -> Row:
    """The figure beside its goal, if it has one."""
    value = _rounded(figure.value)
    span = figure.span and (_rounded(figure.span[0]), _rounded(figure.span[1]))
    told, holds = (str(goal), goal.holds(value)) if goal else ("", None)
    return Row(topic, figure.name, value, figure.unit, span, told, holds, figure.note, figure.about)


def median_of(
    name: str, values: Sequence[float], unit: str = "", *, note: str = "", about: Mapping[str, Any] = NOTHING
) -> Figure:
    """The figure of several rounds."""
    return Figure(name, statistics.median(values), unit, (min(values), max(values)), note, about)


def shown(value: float) -> str:
    """Three figures that count, or all of a whole number above a hundred."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _rounded(value: float) -> float:
    """Four figures that count: no more is ever measured."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, 3 - math.floor(math.log10(abs(value))))
