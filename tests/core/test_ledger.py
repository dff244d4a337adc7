"""Credits of a team: whatever the order of jobs, none is made or lost."""

import math
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule

from mockserver.core.errors import InsufficientCredits
from mockserver.core.ledger import Ledger

waits = st.integers(0, 40).map(lambda tenths: tenths / 10) | st.just(math.inf)


class LedgerMachine(RuleBasedStateMachine):
    """Credits are at the team, or with a job that will give them back at one instant, or spent."""

    jobs: Bundle[str] = Bundle("jobs")

    @initialize(opening=st.integers(0, 100))
    def open_account(self, opening: int) -> None:
        self.ledger, self.ids, self.now = Ledger(opening), count(), 1.8e9
        self.put_in, self.costs, self.refund_at = opening, dict[str, int](), dict[str, float]()

    @rule(target=jobs, cost=st.integers(0, 120), wait_s=waits)
    def submit(self, cost: int, wait_s: float) -> str | MultipleResults[str]:
        job_id, available = f"job-{next(self.ids)}", self.expected()
        if cost <= available:
            self.ledger.charge(job_id, cost, self.now, self.now + wait_s)
            self.costs[job_id], self.refund_at[job_id] = cost, self.now + wait_s
            return job_id
        with pytest.raises(InsufficientCredits) as refused:
            self.ledger.charge(job_id, cost, self.now, self.now + wait_s)
        assert (refused.value.required, refused.value.available) == (cost, available)
        return multiple()

    @rule(job_id=jobs, wait_s=waits)
    def change_the_end_of_an_unfinished_job(self, job_id: str, wait_s: float) -> None:
        if self.refund_at[job_id] > self.now:
            self.ledger.refund(job_id, self.costs[job_id], self.now + wait_s)
            self.refund_at[job_id] = self.now + wait_s

    @rule(step_s=st.integers(0, 20).map(lambda tenths: tenths / 10))
    def wait(self, step_s: float) -> None:
        self.now += step_s

    @rule()
    def look_just_before_and_at_the_next_refund(self) -> None:
        coming = [at for at in self.refund_at.values() if self.now < at < math.inf]
        if coming:
            self.now = math.nextafter(min(coming), 0)
            self.no_credit_is_made_or_lost()
            self.now = min(coming)

    @rule(credit=st.integers(0, 200), step_s=st.integers(0, 20).map(lambda tenths: tenths / 10))
    def set_by_hand_after_a_while(self, credit: int, step_s: float) -> None:
        self.now += step_s
        self.put_in += credit - self.expected()
        self.ledger.set_balance(credit, self.now)

    @invariant()
    def no_credit_is_made_or_lost(self) -> None:
        assert self.ledger.balance(self.now) == self.expected() >= 0

    def expected(self) -> int:
        return self.put_in - sum(cost for job_id, cost in self.costs.items() if self.refund_at[job_id] > self.now)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_refund_comes_once_and_at_its_instant() -> None:
    ledger = Ledger(20)
    ledger.charge("a", 6, now=0.0, refund_at=10.0)
    ledger.refund("a", 6, 10.0)
    assert [ledger.balance(now) for now in (0.0, math.nextafter(10.0, 0), 10.0, 11.0)] == [14, 14, 20, 20]
