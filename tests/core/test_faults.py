"""Whether a rule fires is decided by the rule, by how often it was met and by the seed, and by nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.directives import NONE
from mockserver.core.documents import DocumentError
from mockserver.core.faults import Delay, answer_at, left, orders_at, read_rule, unit

calls = st.integers(1, 50)
seeds = st.integers(0, 2**63)


def rule(**fields: Any) -> Any:
    return read_rule({"respond": {"status": 503}, **fields}, "r", 0.0)


@given(seed=seeds, call=calls, other=calls)
def test_a_number_drawn_for_the_same_arguments_is_the_same_and_below_one(seed: int, call: int, other: int) -> None:
    assert unit(seed, "r", call) == unit(seed, "r", call)
    assert 0 <= unit(seed, "r", call) < 1
    assert call == other or unit(seed, "r", call) != unit(seed, "r", other)


@given(times=calls, call=calls)
def test_times_fire_at_the_first_so_many_and_what_is_left_falls_to_none(times: int, call: int) -> None:
    limited = rule(times=times)
    assert (answer_at(limited, call, 1) is not None) == (call <= times)
    assert left(limited, call) == max(0, times - call)


@given(schedule=st.lists(st.sampled_from([503, "pass", "drop", "fire"]), min_size=1, max_size=9), call=calls)
def test_a_schedule_fires_where_it_does_not_say_pass(schedule: list[Any], call: int) -> None:
    planned = rule(schedule=schedule)
    fires = call <= len(schedule) and schedule[call - 1] != "pass"
    fault = answer_at(planned, call, 1)
    assert (fault is not None) == fires
    if fault is not None:
        assert bool(fault.drop) == (schedule[call - 1] == "drop")
    assert left(planned, call) == len([entry for entry in schedule[call:] if entry != "pass"])


@given(seed=seeds)
def test_what_never_happens_never_does_and_what_is_certain_always(seed: int) -> None:
    assert all(answer_at(rule(probability=0), call, seed) is None for call in range(1, 20))
    assert all(answer_at(rule(probability=1), call, seed) is not None for call in range(1, 20))


@given(unit_=st.floats(0, 1, exclude_max=True), least=st.floats(0, 100), spread=st.floats(0, 100))
def test_a_delay_lies_between_its_bounds_and_is_never_negative(unit_: float, least: float, spread: float) -> None:
    assert least <= Delay(least, least + spread).drawn(unit_) <= least + spread + 1e-9
    assert Delay(least, spread, is_normal=True).drawn(unit_) >= 0


def test_a_rule_that_does_not_fire_leaves_the_orders_of_the_prompt_alone() -> None:
    failing = read_rule({"job": {"fail": ["a", "b"]}, "times": 1}, "r", 0.0)
    first = orders_at(failing, 1, 1, NONE)
    assert first is not None
    assert first.error in ("a", "b")
    assert orders_at(failing, 2, 1, NONE) is None


def test_a_window_is_counted_from_the_moment_of_adding() -> None:
    windowed = read_rule({"drop": "before", "from": "10s", "for": "5s"}, "r", 1000.0)
    assert [windowed.is_active(at) for at in (1009.9, 1010.0, 1014.9, 1015.0)] == [False, True, True, False]
    at_once = read_rule({"drop": "before", "for": "5s"}, "r", 1000.0)
    assert [at_once.is_active(at) for at in (1000.0, 1005.0)] == [True, False]


def test_what_contradicts_itself_is_refused() -> None:
    with pytest.raises(DocumentError, match="contradict"):
        rule(gateway=502)
