"""How a check ends when it does not simply return."""

from collections.abc import Sequence
from typing import NamedTuple

from contract_tests.exchange import Exchange


class Step(NamedTuple):
    """One line of a trace: what was done, and what came of it."""

    text: str
    result: str


class Violation(AssertionError):
    """The target broke a promise.

    *clause* is the id of the promise, or empty for the one at hand; *seen* may be an exchange, or was seen *at* one.
    """

    def __init__(
        self, expected: str, seen: "str | Exchange", *, clause: str = "", cause: str = "", at: Exchange | None = None
    ) -> None:
        self.exchange = seen if isinstance(seen, Exchange) else at
        self.expected = expected
        self.seen = seen.summary if isinstance(seen, Exchange) else seen
        self.clause = clause
        self.cause = cause or expected
        self.steps: Sequence[Step] = ()
        super().__init__(f"expected {self.expected}; saw {self.seen}")


class Aside(BaseException):
    """Ends a check without a word about the promise. No Exception: Hypothesis would take it for a failure to shrink."""


class Enough(Aside):
    """A violation was shrunk for long enough; the trial knows the shortest."""


class Skip(Aside):
    """The clause cannot be tested here, and why."""


class Inconclusive(Aside):
    """The clause was tested and nothing can be said, and why."""


class Stop(Aside):
    """The whole run ends here, and why."""
