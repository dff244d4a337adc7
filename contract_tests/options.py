"""What a run is asked for, and who is told about it."""

from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

from contract_tests.plan import Plan
from contract_tests.profile import Profile
from contract_tests.purse import Purse
from contract_tests.target import Target


class Options(NamedTuple):
    """What a run is asked for."""

    profile: Profile
    seed: int
    target: str | None = None
    """None: a mock of its own."""
    key: str | None = None
    second_key: str | None = None
    tier: int | None = None
    """None: what the target and the budget allow."""
    budget: int = 0
    yes_spend: bool = False
    only: Collection[str] = ()
    receiver: str | None = None
    insecure: bool = False
    rehearse: bool = False
    """Take a server of this machine for a real endpoint."""
    timeout_s: float | None = None
    """Of one request; none: 10 s on this machine, 30 s elsewhere."""


class Listener(Protocol):
    """Told what happens while it happens."""

    def on_plan(self, planned: Plan, target: Target, purse: Purse) -> None:
        """Before anything that a clause needs is sent."""

    def on_clause_start(self, clause_id: str, promise: str) -> None:
        """A check begins."""

    def on_verdict(self, clause: dict[str, Any]) -> None:
        """A clause has its final verdict."""

    def on_requests(self, sent: int) -> None:
        """So many requests were sent so far."""
