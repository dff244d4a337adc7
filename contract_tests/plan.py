"""What a run is going to do, said before anything is sent."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from contract_tests.clause import Clause, Method, Need
from contract_tests.profile import Profile
from contract_tests.purse import Purse
from contract_tests.target import Target

GOLDEN, FURTHER, MOCK = 1, 2, 3
_STORY = 40
_REQUESTS = {Method.EXAMPLE: 12, Method.RAW: 12, Method.TIMED: 12, Method.STATE_MACHINE: 15, Method.HISTORY: 15}


class Planned(NamedTuple):
    """One clause of the run."""

    clause: Clause
    skipped: str
    """Why it will not be tested; empty where it will."""


class Plan(NamedTuple):
    """The run."""

    tier: int
    clauses: Sequence[Planned]
    requests: int
    """An estimate."""
    jobs: int
    worst_case: int
    """Credits, if the server conforms."""

    @property
    def runnable(self) -> list[Clause]:
        """What will be tested."""
        return [each.clause for each in self.clauses if not each.skipped]


class Means(NamedTuple):
    """What the run has besides the target."""

    has_receiver: bool
    examples: int
    profile: Profile


def made(clauses: Collection[Clause], target: Target, tier: int, purse: Purse, means: Means) -> Plan:
    """Which clauses can be tested, and what that costs: the golden job first, then further jobs as far as they go."""
    rows: list[Planned] = []
    golden = any(Need.GOLDEN_JOB in clause.needs for clause in clauses) and tier >= GOLDEN and purse.affords(1)
    jobs = int(golden and purse.is_counted)
    for clause in clauses:
        reason = _reason(clause, target, tier, means, has_golden=bool(golden))
        if not reason and clause.jobs and not purse.affords(jobs + clause.jobs):
            needed = (jobs + clause.jobs) * purse.job_cost
            reason = f"costs {clause.cost} more: --budget {needed}"
        if not reason and purse.is_counted:
            jobs += clause.jobs
        rows.append(Planned(clause, reason))
    runnable = [row.clause for row in rows if not row.skipped]
    uses_story = any(Need.GOLDEN_JOB in clause.needs for clause in runnable)
    requests = sum(_REQUESTS.get(clause.method, means.examples) for clause in runnable) + _STORY * uses_story
    if target.levers is not None:
        requests += means.profile.walks * means.profile.steps * 3 + means.profile.stories * _STORY
    return Plan(tier, rows, requests, jobs if uses_story or jobs else 0, jobs * purse.job_cost)


def _reason(clause: Clause, target: Target, tier: int, means: Means, *, has_golden: bool) -> str:
    has_no_levers = target.levers is None
    reasons = {
        "never run on a real endpoint": clause.tier == MOCK and target.is_paid,
        "needs a control plane: time, keys and credits at will": has_no_levers and Need.LEVERS in clause.needs,
        f"belongs to tier {clause.tier}: --tier {clause.tier}": clause.tier > tier,
        "needs the key of a second user: --second-key-env NAME": (
            has_no_levers and Need.SECOND_KEY in clause.needs and not target.second_key
        ),
        "needs a webhook receiver that the target can reach: --receiver HOST:PORT": (
            Need.RECEIVER in clause.needs and not means.has_receiver
        ),
        "needs a job that may be paid: --budget CREDITS": Need.GOLDEN_JOB in clause.needs and not has_golden,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
