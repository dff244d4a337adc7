"""The packed rows of a journal, against the plainest list that keeps the same."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mockserver.roll import Roll

MOST = 7
AMPLE = 1 << 20


class Rolls(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.roll, self.rows = Roll(MOST, AMPLE), list[tuple[Any, ...]]()
        self.number = 0

    @rule(count=st.integers(1, 2 * MOST))
    def add(self, count: int) -> None:
        new = [((self.number + place, b"body"), 3) for place in range(count)]
        self.number += count
        all_rows = [*self.rows, *new]
        self.rows = all_rows[-MOST:]
        assert self.roll.add(list(new)) == len(all_rows) - len(self.rows)

    @rule(count=st.integers(-2, MOST + 2))
    def drop(self, count: int) -> None:
        self.roll.drop(count)
        self.rows = self.rows[max(0, count) :]

    @precondition(lambda self: self.rows)
    @rule()
    def clear(self) -> None:
        self.roll.clear()
        self.rows = []

    @invariant()
    def shows_the_same(self) -> None:
        assert len(self.roll) == len(self.rows)
        for skipped in range(MOST + 2):
            assert list(self.roll.rows(skipped)) == self.rows[skipped:]


TestRolls = Rolls.TestCase


def test_the_oldest_rows_leave_when_memory_is_used_up_even_of_those_that_came_together() -> None:
    roll = Roll(1000, 1000)
    rows = [(number, b"x" * 200) for number in range(10)]
    assert roll.add(rows) == 6
    assert list(roll.rows()) == rows[6:]
    assert roll.add([(10, b"")]) == 0
    assert list(roll.rows()) == [*rows[6:], (10, b"")]


def test_a_row_that_is_too_large_is_not_kept() -> None:
    roll = Roll(1000, 1000)
    assert roll.add([(1, b"x" * 2000)]) == 1
    assert len(roll) == 0
    assert roll.add([(2, b"x")]) == 0
    assert list(roll.rows()) == [(2, b"x")]
