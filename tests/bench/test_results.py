"""The committed results of `make bench` are whole and agree with themselves: the docs quote them."""

import pytest

from bench import report
from bench.rows import Row
from bench.topics import PARTS

RESULTS = report.read(report.COMMITTED)
GOALS = {(part.topic, name): goal for part in PARTS for name, goal in part.goals.items()}


def test_every_goal_has_a_row() -> None:
    assert {(row.topic, row.name): row.goal for row in RESULTS.rows if row.goal} == {
        place: str(goal) for place, goal in GOALS.items()
    }


def test_no_two_rows_have_one_name() -> None:
    names = [(row.topic, row.name) for row in RESULTS.rows]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("row", RESULTS.rows, ids=lambda row: row.name)
def test_a_row_says_what_it_is_and_whether_its_goal_holds(row: Row) -> None:
    goal = GOALS.get((row.topic, row.name))
    if row.value is None:
        assert row.note, "what could not be measured says why"
        assert row.holds is (None if goal is None else False)
    else:
        assert row.value >= 0
        assert row.holds is (None if goal is None else goal.holds(row.value))
        assert row.span is None or row.span[0] <= row.value <= row.span[1]


def test_the_table_is_that_of_the_figures() -> None:
    assert (report.COMMITTED / report.TABLE).read_text(encoding="utf-8") == report.table(RESULTS)


def test_the_machine_is_named() -> None:
    assert {"processor", "system", "Python", "mockserver", "load"} <= RESULTS.machine.keys()


def test_there_is_a_plot() -> None:
    assert (report.COMMITTED / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (report.COMMITTED / "plot.svg").read_bytes()[:1000]
