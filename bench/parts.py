"""A part of the benchmark: it is measured alone, and what goes wrong in it stops no other."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import NamedTuple

from bench.rows import Figure, Goal, Row, row_of

LONGEST_S = 900.0


class Scale(NamedTuple):
    """How much is measured."""

    name: str
    rounds: int
    span_s: float
    """Of one run of load."""
    sizes: Mapping[str, tuple[int, ...]]
    """How many jobs are stored, by store, where cost is measured against their number."""
    crowded: int
    """Stored jobs where the slowest answers are looked at."""


FULL = Scale(
    "full",
    rounds=9,
    span_s=2,
    sizes={
        "memory": (1_000, 10_000, 100_000, 1_000_000),
        "sqlite": (1_000, 10_000, 100_000, 200_000),
        "redis": (1_000, 10_000, 100_000),
    },
    crowded=100_000,
)
QUICK = Scale(
    "quick",
    rounds=3,
    span_s=0.7,
    sizes={"memory": (1_000, 100_000), "sqlite": (1_000, 20_000), "redis": (1_000, 10_000)},
    crowded=20_000,
)


class Part(NamedTuple):
    """Figures that are measured together. Those named in *goals* have to come."""

    topic: str
    name: str
    figures: Callable[[Scale], AsyncGenerator[Figure, None]]
    goals: Mapping[str, Goal]


async def measured(part: Part, scale: Scale, tell: Callable[[Row], None]) -> list[Row]:
    """The part's rows, each told as it comes; where it fails, rows that say why."""
    rows: list[Row] = []

    def add(row: Row) -> None:
        rows.append(row)
        tell(row)

    why = "the part gave no such figure"
    try:
        async with asyncio.timeout(LONGEST_S), contextlib.aclosing(part.figures(scale)) as figures:
            async for figure in figures:
                add(row_of(part.topic, figure, part.goals.get(figure.name)))
    except Exception as error:  # noqa: BLE001 - the rest is measured all the same
        why = f"{type(error).__name__}: {error}"
        if not part.goals:
            add(Row(part.topic, part.name, None, note=why))
    come = {row.name for row in rows}
    for name, goal in part.goals.items():
        if name not in come:
            add(Row(part.topic, name, None, goal=str(goal), holds=False, note=why))
    return rows
