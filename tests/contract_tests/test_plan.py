from typing import Any

import pytest

from contract_tests import plan
from contract_tests.clause import Clause, Level, Method, Need
from contract_tests.outcome import Skip, Stop
from contract_tests.plan import Means
from contract_tests.profile import PROFILES
from contract_tests.purse import Purse
from contract_tests.target import OwnTime, Target
from contract_tests.wire import Wire

MEANS = Means(has_receiver=False, examples=3, profile=PROFILES["quick"])


def clause(name: str, *needs: Need, tier: int = 0, jobs: int = 0) -> Clause:
    return Clause(
        name, "A promise.", Level.MUST, "nobody", Method.EXAMPLE, tier, jobs, frozenset(needs), None, lambda _: None
    )


def target(kind: str = "vendor", second_key: str | None = None) -> Target:
    return Target(kind, Wire("http://127.0.0.1:1"), "afk_x", second_key, OwnTime(), None, "a server")


def purse(budget: int, **more: Any) -> Purse:
    return Purse(**{"is_counted": True, "budget": budget, "job_cost": 2, "may_submit": True, **more})


def reasons(clauses: list[Clause], tier: int, budget: int, **more: Any) -> dict[str, str]:
    made = plan.made(clauses, target(**more), tier, purse(budget), MEANS)
    return {row.clause.id: row.skipped for row in made.clauses}


def test_what_is_missing_is_named_with_the_option_that_gives_it() -> None:
    clauses = [
        clause("FREE-1"),
        clause("FREE-2", Need.LEVERS),
        clause("FREE-3", Need.SECOND_KEY),
        clause("FREE-4", Need.RECEIVER),
        clause("FREE-5", Need.GOLDEN_JOB, tier=1),
        clause("FREE-6", tier=3),
    ]
    assert reasons(clauses, tier=0, budget=0) == {
        "FREE-1": "",
        "FREE-2": "needs a control plane: time, keys and credits at will",
        "FREE-3": "needs the key of a second user: --second-key-env NAME",
        "FREE-4": "needs a webhook receiver that the target can reach: --receiver HOST:PORT",
        "FREE-5": "belongs to tier 1: --tier 1",
        "FREE-6": "never run on a real endpoint",
    }


def test_the_golden_job_is_planned_first_and_further_jobs_while_the_budget_lasts() -> None:
    clauses = [clause("A-1", tier=2, jobs=2), clause("A-2", Need.GOLDEN_JOB, tier=1), clause("A-3", tier=2, jobs=1)]
    made = plan.made(clauses, target(), 2, purse(4), MEANS)
    assert [row.skipped.partition(":")[0] for row in made.clauses] == [
        "costs 2 jobs of the cheapest model more",
        "",
        "",
    ]
    assert (made.jobs, made.worst_case) == (2, 4)


def test_without_a_budget_nothing_is_planned_that_costs() -> None:
    made = plan.made([clause("A-1"), clause("A-2", Need.GOLDEN_JOB, tier=1)], target(), 1, purse(0), MEANS)
    assert [row.clause.id for row in made.clauses if not row.skipped] == ["A-1"]
    assert (made.jobs, made.worst_case) == (0, 0)


def test_a_purse_stops_what_goes_beyond_the_budget() -> None:
    held = purse(4)
    held.buy(3)
    held.note_job("a")
    with pytest.raises(Stop, match="budget of 4 credits"):
        held.buy()


def test_a_purse_tells_jobs_that_nobody_bought() -> None:
    held = purse(10)
    held.buy()
    for job_id in ("a", "a", "b"):
        held.note_job(job_id)
    assert (held.jobs, held.unplanned) == (["a", "b"], 1)


def test_without_an_agreement_no_submission_with_a_good_key_is_sent() -> None:
    with pytest.raises(Skip, match="--yes-spend"):
        purse(10, may_submit=False).before_submission()
