"""Credits of a team: whatever the order of jobs, none is made or lost."""

import math
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule

from mockserver.core.ledger import Ledger

waits = st.integers(0, 40).map(lambda tenths: tenths / 10) | st.just(math.inf)


class LedgerMachine(RuleBasedStateMachine):
    """Credits are at the team, or with a job that takes or gives them back at one instant each, or spent."""

    jobs: Bundle[str] = Bundle("jobs")

    @initialize(opening=st.integers(0, 100))
    def open_account(self, opening: int) -> None:
        self.ledger, self.ids, self.now = Ledger(opening), count(), 1.8e9
        self.put_in, self.taken = opening, 0
        self.booked: dict[str, tuple[float, int]] = {}

    @rule(target=jobs, cost=st.integers(0, 120), wait_s=waits)
    def submit(self, cost: int, wait_s: float) -> str | MultipleResults[str]:
        job_id, available = f"job-{next(self.ids)}", max(0, self.expected())
        assert self.ledger.charge(cost, self.now) == available
        if cost <= available:
            self.ledger.book(job_id, cost, self.now + wait_s)
            self.taken += cost
            self.booked[job_id] = self.now + wait_s, cost
            return job_id
        return multiple()

    @rule(job_id=jobs, later_cost=st.integers(1, 300), wait_s=waits)
    def take_more_when_a_job_starts(self, job_id: str, later_cost: int, wait_s: float) -> None:
        name = f"{job_id} start"
        if name not in self.booked:
            self.ledger.book(name, -later_cost, self.now + wait_s)
            self.booked[name] = self.now + wait_s, -later_cost

    @rule(job_id=jobs, wait_s=waits, is_start=st.booleans())
    def change_when_something_is_to_come(self, job_id: str, wait_s: float, is_start: bool) -> None:  # noqa: FBT001 - drawn
        name = f"{job_id} start" if is_start else job_id
        at, credit = self.booked.get(name, (0.0, 0))
        if at > self.now:
            self.ledger.book(name, credit, self.now + wait_s)
            self.booked[name] = self.now + wait_s, credit

    @rule(step_s=st.integers(0, 20).map(lambda tenths: tenths / 10))
    def wait(self, step_s: float) -> None:
        self.now += step_s

    @rule()
    def look_just_before_and_at_the_next_change(self) -> None:
        coming = [at for at, _ in self.booked.values() if self.now < at < math.inf]
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
        assert self.ledger.balance(self.now) == max(0, self.expected())

    def expected(self) -> int:
        """What is left; below 0 what the team owes."""
        return self.put_in - self.taken + sum(credit for at, credit in self.booked.values() if at <= self.now)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_refund_comes_once_and_at_its_instant() -> None:
    ledger = Ledger(20)
    ledger.charge(6, now=0.0)
    ledger.book("a", 6, 10.0)
    ledger.book("a", 6, 10.0)
    assert [ledger.balance(now) for now in (0.0, math.nextafter(10.0, 0), 10.0, 11.0)] == [14, 14, 20, 20]


def test_a_team_that_owes_has_nothing_to_spend_until_that_is_paid() -> None:
    ledger = Ledger(20)
    ledger.book("a start", -50, 10.0)
    ledger.book("b", 25, 20.0)
    ledger.book("c", 25, 30.0)
    assert [ledger.balance(now) for now in (9.0, 10.0, 20.0)] == [20, 0, 0]
    assert ledger.charge(1, 20.0) == 0
    assert ledger.balance(30.0) == 20
