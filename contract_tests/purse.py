"""The credits that a run may spend where jobs cost something, and what it has spent."""

from contract_tests.outcome import Skip, Stop


class Purse:
    """Counts accepted jobs against what was agreed.

    *job_cost* is the most that a job of the cheapest model can cost there; where users are free nothing is counted.
    """

    def __init__(self, *, is_counted: bool, budget: int, job_cost: int, may_submit: bool) -> None:
        self.is_counted, self.budget, self.job_cost = is_counted, budget, job_cost
        self._may_submit = may_submit
        self.jobs: list[str] = []
        """Ids that answers to submissions gave, each once."""
        self._bought = self._at_most = 0

    @property
    def unplanned(self) -> int:
        """Jobs that were accepted though nobody bought them: a refusal was promised."""
        return max(0, len(self.jobs) - self._bought) if self.is_counted else 0

    def affords(self, jobs: int) -> bool:
        """Whether so many further jobs of the cheapest model stay within the budget."""
        return not self.is_counted or self._at_most + (self.unplanned + jobs) * self.job_cost <= self.budget

    def buy(self, price: int = 0) -> None:
        """Set credits aside for a job that will be accepted: *price*, and never less than one of the cheapest model.

        Raises:
            Stop: the budget does not reach.
        """
        price = max(price, self.job_cost)
        if self.is_counted and self._at_most + self.unplanned * self.job_cost + price > self.budget:
            msg = (
                f"budget of {self.budget} credits: {self._at_most} may be spent by now, and the next job costs {price}"
            )
            raise Stop(msg)
        self._bought += 1
        self._at_most += price

    def before_submission(self) -> None:
        """Agree to a submission with a good key.

        Raises:
            Skip: nobody has agreed to anything that could cost.
        """
        if not self._may_submit:
            msg = "sends a submission with a good key, which could cost: --yes-spend agrees to that"
            raise Skip(msg)

    def note_job(self, job_id: str) -> None:
        """A submission was answered with this job."""
        if self.is_counted and job_id not in self.jobs:
            self.jobs.append(job_id)
