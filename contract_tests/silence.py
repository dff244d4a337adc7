"""A listener that says nothing."""

from typing import Any

from contract_tests.plan import Plan
from contract_tests.purse import Purse
from contract_tests.target import Target


class Silence:
    """For runs whose result is all that anybody wants."""

    def on_plan(self, planned: Plan, target: Target, purse: Purse) -> None:
        """Nothing."""

    def on_clause_start(self, clause_id: str, promise: str) -> None:
        """Nothing."""

    def on_verdict(self, clause: dict[str, Any]) -> None:
        """Nothing."""

    def on_requests(self, sent: int) -> None:
        """Nothing."""
