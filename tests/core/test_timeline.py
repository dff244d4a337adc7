"""A job's life as polls see it, whatever is drawn and whatever a control changes on the way."""

import math
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mockserver.core import timeline
from mockserver.core.directives import NONE, Directives
from mockserver.core.timeline import JobStatus, Moment, Plan, moment_at

ACCEPTED_AT = 1.8e9
"""Doubles there are 2e-7 s apart: what only holds for small numbers fails here."""
FINAL = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)

marks = st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 99)), max_size=9).map(
    lambda drawn: tuple(
        zip(sorted(share for share, _ in drawn), sorted({percent for _, percent in drawn}), strict=False)
    )
)
spans = st.floats(0, 400) | st.sampled_from([0.0, 1e-6, 1e-3, 0.1, 30.0])
plans = st.builds(
    Plan,
    started_at=spans.map(lambda wait: ACCEPTED_AT + wait) | st.just(math.inf),
    runs_s=spans | st.just(math.inf),
    pace_s=spans,
    marks=marks,
    outcome=st.sampled_from(FINAL),
    error=st.none() | st.text(max_size=5),
    keeps_s=spans | st.just(math.inf),
)
orders = st.builds(
    Directives,
    error=st.none() | st.just("no"),
    processing_s=st.none() | spans,
    is_stuck=st.booleans(),
    is_instant=st.booleans(),
    is_cancelled=st.booleans(),
    queued_s=st.none() | spans,
    factor=st.sampled_from([0.01, 1.0, 5.0, 100.0]),
)
polls = st.lists(st.floats(-1, 900).map(lambda after: ACCEPTED_AT + after), min_size=2).map(sorted)


def assert_only_moves_forward(moments: list[Moment]) -> None:
    for earlier, later in pairwise(moments):
        if earlier.status.is_final:
            assert later[:2] == earlier[:2]
            assert later.is_expired >= earlier.is_expired
        if earlier.status is JobStatus.PROCESSING:
            assert later.status is not JobStatus.QUEUED
        assert later.progress >= earlier.progress
    for status, progress, is_expired in moments:
        assert 0 <= progress <= 100
        assert (progress == 100) == (status is JobStatus.COMPLETED)
        assert status is not JobStatus.QUEUED or progress == 0
        assert status is JobStatus.COMPLETED or not is_expired


@given(plan=plans, polls=polls)
def test_a_job_only_moves_forward(plan: Plan, polls: list[float]) -> None:
    assert_only_moves_forward([moment_at(plan, now) for now in polls])


@given(typical_s=spans, orders=orders, seed=st.integers(0, 2**32), polls=polls)
def test_a_drawn_life_only_moves_forward(typical_s: float, orders: Directives, seed: int, polls: list[float]) -> None:
    plan = drawn(typical_s, orders, seed)
    assert_only_moves_forward([moment_at(plan, now) for now in polls])
    assert plan.started_at >= ACCEPTED_AT
    assert plan.ended_at >= plan.started_at


@given(typical_s=st.floats(0, 400), seed=st.integers(0, 2**32))
def test_a_drawn_life_takes_between_eight_and_twelve_tenths_of_the_typical_time(typical_s: float, seed: int) -> None:
    plan = drawn(typical_s, NONE, seed)
    assert 0.8 * typical_s - 1e-6 <= plan.ended_at - ACCEPTED_AT <= 1.2 * typical_s + 1e-6
    assert moment_at(plan, plan.ended_at) == Moment(JobStatus.COMPLETED, 100)


@given(seed=st.integers(0, 2**32))
def test_drawn_progress_marks_rise_in_time_and_percentage(seed: int) -> None:
    drawn_marks = timeline.draw_marks(random.Random(seed).random)
    shares, percentages = zip(*drawn_marks, strict=True)
    assert list(shares) == sorted(shares)
    assert list(percentages) == sorted(set(percentages))
    assert 0 < shares[0] <= shares[-1] < 1
    assert percentages[0] >= 1
    assert percentages[-1] <= 99


CONTROLS: dict[str, Callable[[Plan, float, int], Plan]] = {
    "complete": lambda plan, now, _: timeline.completed_by(plan, now),
    "fail": lambda plan, now, _: timeline.failed_by(plan, now, "no"),
    "cancel": lambda plan, now, _: timeline.cancelled_by(plan, now),
    "progress": lambda plan, now, more: timeline.progressed_by(
        plan, now, min(99, moment_at(plan, now).progress + more)
    ),
    "expire": lambda plan, now, _: timeline.expired_by(plan, now),
}


def may(control: str, plan: Plan, now: float) -> bool:
    status = moment_at(plan, now).status
    return status is JobStatus.COMPLETED if control == "expire" else not status.is_final


@given(
    plan=plans,
    polls=polls,
    changes=st.lists(
        st.tuples(st.sampled_from(sorted(CONTROLS)), st.floats(0, 500), st.integers(0, 99)), min_size=1, max_size=4
    ),
)
def test_no_control_lets_a_poller_see_a_job_go_back(
    plan: Plan, polls: list[float], changes: list[tuple[str, float, int]]
) -> None:
    seen: list[Moment] = []
    for control, after, more in sorted(changes, key=lambda change: change[1]):
        now = ACCEPTED_AT + after
        seen += [moment_at(plan, poll) for poll in polls if poll < now]
        polls = [poll for poll in polls if poll >= now]
        seen.append(moment_at(plan, now))
        if may(control, plan, now):
            plan = CONTROLS[control](plan, now, more)
        seen.append(moment_at(plan, now))
        assert_only_moves_forward(seen + [moment_at(plan, poll) for poll in turns(plan) if poll >= now])
    assert_only_moves_forward(seen + [moment_at(plan, poll) for poll in polls])


def turns(plan: Plan) -> list[float]:
    """Every instant at which a look at the job may change."""
    marked = [plan.started_at + share * plan.pace_s for share, _ in plan.marks]
    return sorted([plan.started_at, *marked, plan.ended_at, plan.ended_at + plan.keeps_s])


@pytest.mark.parametrize(
    ("control", "arguments", "status", "error"),
    [
        (timeline.completed_by, (), JobStatus.COMPLETED, None),
        (timeline.failed_by, ("no luck",), JobStatus.FAILED, "no luck"),
        (timeline.failed_by, ("",), JobStatus.FAILED, "Provider returned an error: content policy violation"),
        (timeline.cancelled_by, (), JobStatus.CANCELLED, None),
    ],
)
@given(plan=plans, after=st.floats(0, 500))
def test_an_ending_control_ends_a_job_at_its_very_instant(
    control: Callable[..., Plan],
    arguments: tuple[Any, ...],
    status: JobStatus,
    error: str | None,
    plan: Plan,
    after: float,
) -> None:
    now = ACCEPTED_AT + after
    assume(not moment_at(plan, now).status.is_final)
    ended = control(plan, now, *arguments)
    assert (moment_at(ended, now).status, ended.ended_at, ended.error) == (status, now, error)
    assert ended.refunds == (status is not JobStatus.COMPLETED)


def test_a_job_that_fails_or_is_cancelled_while_it_waits_has_made_no_progress() -> None:
    plan = Plan(ACCEPTED_AT + 5, 0.0, 0.0, ((0.5, 50),), JobStatus.COMPLETED, None, math.inf)
    for ended in (timeline.failed_by(plan, ACCEPTED_AT, "no"), timeline.cancelled_by(plan, ACCEPTED_AT)):
        assert moment_at(ended, ACCEPTED_AT + 9).progress == 0


def test_later_marks_below_a_progress_set_by_hand_are_passed_over() -> None:
    plan = Plan(ACCEPTED_AT, 10.0, 10.0, ((0.2, 20), (0.4, 40), (0.8, 80)), JobStatus.COMPLETED, None, math.inf)
    changed = timeline.progressed_by(plan, ACCEPTED_AT + 3, 60)
    assert [moment_at(changed, ACCEPTED_AT + after).progress for after in (3, 4, 7, 8, 10)] == [60, 60, 60, 80, 100]


@given(plan=plans, after=st.floats(0, 500), percentage=st.integers(0, 99))
def test_a_job_shows_the_progress_it_was_given_at_once_and_runs_on(plan: Plan, after: float, percentage: int) -> None:
    now = ACCEPTED_AT + after
    status, progress, _ = moment_at(plan, now)
    assume(not status.is_final and percentage >= progress)
    changed = timeline.progressed_by(plan, now, percentage)
    due_at_once = [each for share, each in changed.marks if share * changed.pace_s <= now - changed.started_at + 1e-6]
    if changed.ended_at > now:
        assert moment_at(changed, now) == Moment(JobStatus.PROCESSING, due_at_once[-1])
    assert percentage in due_at_once
    assert (changed.outcome, changed.runs_s) == (plan.outcome, plan.runs_s)


@given(plan=plans, runs_s=spans, after=spans)
def test_the_files_of_an_expired_job_are_gone_from_that_instant_on(plan: Plan, runs_s: float, after: float) -> None:
    completed = plan._replace(started_at=ACCEPTED_AT, runs_s=runs_s, outcome=JobStatus.COMPLETED)
    now = completed.ended_at + after
    assert moment_at(timeline.expired_by(completed, now), now) == Moment(JobStatus.COMPLETED, 100, is_expired=True)


def test_files_expire_after_the_time_they_are_kept_and_not_before() -> None:
    plan = Plan(ACCEPTED_AT + 1, 2.0, 2.0, (), JobStatus.COMPLETED, None, keeps_s=60.0)
    assert [moment_at(plan, ACCEPTED_AT + after).is_expired for after in (3.0, 62.999, 63.0)] == [False, False, True]


def test_a_life_passes_its_marks_one_by_one() -> None:
    plan = Plan(ACCEPTED_AT + 1, 10.0, 10.0, ((0.1, 15), (0.5, 60)), JobStatus.COMPLETED, None, math.inf)
    assert [tuple(moment_at(plan, ACCEPTED_AT + after))[:2] for after in (0, 0.9, 1, 1.9, 2, 5.9, 6, 10.9, 11)] == [
        (JobStatus.QUEUED, 0),
        (JobStatus.QUEUED, 0),
        (JobStatus.PROCESSING, 0),
        (JobStatus.PROCESSING, 0),
        (JobStatus.PROCESSING, 15),
        (JobStatus.PROCESSING, 15),
        (JobStatus.PROCESSING, 60),
        (JobStatus.PROCESSING, 60),
        (JobStatus.COMPLETED, 100),
    ]


@pytest.mark.parametrize(
    ("orders", "status", "progress", "error"),
    [
        (Directives(error="no"), JobStatus.FAILED, 0, "no"),
        (Directives(is_stuck=True), JobStatus.PROCESSING, 90, None),
        (Directives(is_stuck=True, is_instant=True), JobStatus.PROCESSING, 90, None),
        (Directives(is_cancelled=True), JobStatus.CANCELLED, 10, None),
        (Directives(is_instant=True), JobStatus.COMPLETED, 100, None),
        (Directives(is_instant=True, error="no"), JobStatus.FAILED, 0, "no"),
        (Directives(processing_s=5.0), JobStatus.COMPLETED, 100, None),
    ],
)
def test_a_directive_decides_how_a_job_ends(
    orders: Directives, status: JobStatus, progress: int, error: str | None
) -> None:
    plan = drawn(30.0, orders, seed=1, marks=((0.1, 10), (0.9, 90)))
    assert (moment_at(plan, ACCEPTED_AT + 1e6), plan.error) == (Moment(status, progress), error)


def test_a_slow_job_processes_exactly_as_long_as_its_prompt_says() -> None:
    plan = drawn(0.0, Directives(processing_s=30.0), seed=3)
    assert (plan.started_at, plan.ended_at) == (ACCEPTED_AT, ACCEPTED_AT + 30)


def test_an_instant_job_is_done_when_it_is_accepted() -> None:
    assert moment_at(drawn(30.0, Directives(is_instant=True), seed=3), ACCEPTED_AT) == Moment(JobStatus.COMPLETED, 100)


def drawn(typical_s: float, orders: Directives, seed: int, marks: tuple[timeline.Mark, ...] = ((0.5, 50),)) -> Plan:
    chance = random.Random(seed).random
    return timeline.draw_plan(ACCEPTED_AT, typical_s, orders, marks=marks, keeps_s=math.inf, chance=chance)
