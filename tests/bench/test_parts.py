"""A benchmark goes on where a part of it fails, and judges figures by their goals."""

from collections.abc import AsyncGenerator

import pytest

from bench.parts import QUICK, Part, Scale, measured
from bench.rows import Figure, Goal, Row, median_of, row_of
from bench.topics import PARTS, chosen

FAST, SMALL = Goal("at least", 0.8), Goal("under", 5)


async def one_and_then_trouble(_: Scale) -> AsyncGenerator[Figure, None]:
    yield Figure("fast", 0.9)
    msg = "no server"
    raise RuntimeError(msg)


async def test_what_a_failing_part_did_not_measure_says_why() -> None:
    told: list[Row] = []
    part = Part("speed", "memory", one_and_then_trouble, {"fast": FAST, "small": SMALL})
    rows = await measured(part, QUICK, told.append)
    assert rows == told
    assert rows == [
        Row("speed", "fast", 0.9, goal="at least 0.8", holds=True),
        Row("speed", "small", None, goal="under 5", holds=False, note="RuntimeError: no server"),
    ]


async def test_a_failing_part_without_goals_says_why_too() -> None:
    rows = await measured(Part("speed", "redis", one_and_then_trouble, {}), QUICK, lambda _: None)
    assert rows[1:] == [Row("speed", "redis", None, note="RuntimeError: no server")]


@pytest.mark.parametrize(
    ("goal", "value", "holds"),
    [
        (Goal("at least", 0.8), 0.8, True),
        (Goal("at least", 0.8), 0.79, False),
        (Goal("at most", 1.2), 1.2, True),
        (Goal("at most", 1.2), 1.21, False),
        (Goal("under", 5), 5, False),
        (Goal("under", 5), 4.99, True),
    ],
)
def test_a_bound_belongs_to_a_goal_but_under_it(goal: Goal, value: float, holds: bool) -> None:  # noqa: FBT001 - a row
    assert row_of("speed", Figure("it", value), goal).holds is holds


def test_a_figure_is_the_median_of_its_rounds() -> None:
    row = row_of("speed", median_of("it", [3.0, 1.0, 2.00049], "ms"), None)
    assert row == Row("speed", "it", 2.0, "ms", (1.0, 3.0))
    assert row.figure == "2 ms (1 to 3)"


def test_parts_are_chosen_by_topic_or_one_by_one() -> None:
    assert {part.topic for part in chosen("cost,start")} == {"cost", "start"}
    assert [(part.topic, part.name) for part in chosen("throughput/redis")] == [("throughput", "redis")]
    with pytest.raises(ValueError, match='there is no "speed"'):
        chosen("speed")


def test_no_two_parts_promise_one_row() -> None:
    names = [(part.topic, name) for part in PARTS for name in part.goals]
    assert len(names) == len(set(names))
