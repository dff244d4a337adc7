"""Slots of a team that runs only so many jobs at once."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.slots import take_slot

readies = st.integers(0, 300)
runs = st.integers(1, 60)


def starts_of(jobs: list[tuple[int, float]], limit: int) -> list[tuple[float, float]]:
    free_at: list[float] = []
    starts = [(take_slot(free_at, limit, ready_at, runs_s), runs_s) for ready_at, runs_s in jobs]
    assert len(free_at) == min(limit, len(jobs))
    return starts


@given(jobs=st.lists(st.tuples(readies, runs), max_size=30), limit=st.integers(1, 4))
def test_a_team_never_runs_more_jobs_at_once_than_it_may(jobs: list[tuple[int, float]], limit: int) -> None:
    starts = starts_of(jobs, limit)
    for now, _ in starts:
        assert sum(start <= now < start + runs_s for start, runs_s in starts) <= limit


@given(jobs=st.lists(st.tuples(readies, runs), max_size=30).map(sorted), limit=st.integers(1, 4))
def test_jobs_start_in_the_order_in_which_they_came(jobs: list[tuple[int, float]], limit: int) -> None:
    starts = [start for start, _ in starts_of(jobs, limit)]
    assert starts == sorted(starts)
    assert all(start >= ready_at for start, (ready_at, _) in zip(starts, jobs, strict=True))


@given(jobs=st.lists(st.tuples(readies, runs), max_size=30).map(sorted), limit=st.integers(1, 4))
def test_no_job_waits_while_a_slot_is_free(jobs: list[tuple[int, float]], limit: int) -> None:
    starts = starts_of(jobs, limit)
    for (ready_at, _), (start, _) in zip(jobs, starts, strict=True):
        for now in range(ready_at, int(start)):
            assert sum(begun <= now < begun + runs_s for begun, runs_s in starts) == limit


def test_a_job_behind_stuck_ones_never_starts() -> None:
    starts = [start for start, _ in starts_of([(0, math.inf), (0, math.inf), (1, 5)], limit=2)]
    assert starts == [0, 0, math.inf]


def test_a_freed_slot_goes_to_the_first_in_the_row() -> None:
    starts = [start for start, _ in starts_of([(0, 10), (0, 20), (1, 10), (1, 10), (1, 10)], limit=2)]
    assert starts == [0, 0, 10, 20, 20]
    assert all(earlier <= later for earlier, later in pairwise(starts))
