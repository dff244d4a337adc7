from collections.abc import Sequence
from typing import cast

import pytest

from contract_tests.exchange import Exchange
from contract_tests.history import judge
from contract_tests.outcome import Violation
from contract_tests.session import Session
from contract_tests.trial import Trial


class NoSession:
    """A run of which nothing but the trace is needed."""

    trace: tuple[()] = ()


def answers(*outcomes: int | str | None) -> Sequence[Exchange]:
    """202 with that job, or that status, or no answer."""
    made = []
    for outcome in outcomes:
        status = 202 if isinstance(outcome, str) else outcome
        body = b'{"jobId": "%b"}' % outcome.encode() if isinstance(outcome, str) else b'{"error": "no"}'
        made.append(Exchange("POST", "", "", (), None, status=status, answer=body))
    return made


def trial() -> Trial:
    return Trial(cast("Session", NoSession()))


def test_one_job_a_key_is_fine_whatever_else_was_answered_in_between() -> None:
    judge(trial(), {"k": answers("a", 409, "a", None), "m": answers("b")}, ["b", "a"])


@pytest.mark.parametrize(
    ("by_key", "jobs", "cause"),
    [
        ({"k": answers("a", "b")}, ["a", "b"], "a key made several jobs"),
        ({"k": answers(409, None)}, [], "a key made no job"),
        ({"k": answers("a")}, ["a", "b"], "jobs that no answer named"),
        ({"k": answers("a", 500)}, ["a"], "202 or 409 from every submission with one key"),
        ({"k": answers("a")}, [], "every accepted job in the list"),
    ],
)
def test_what_breaks_the_promise_is_named(by_key: dict[str, Sequence[Exchange]], jobs: list[str], cause: str) -> None:
    with pytest.raises(Violation) as found:
        judge(trial(), by_key, jobs)
    assert found.value.cause == cause
