"""A clause: one promise of the API as data, and the decorator that makes one of a check."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contract_tests.trial import Trial


class Level(StrEnum):
    """How binding a promise is."""

    MUST = "must"
    SHOULD = "should"
    RECORD = "record"
    """Nobody specifies it: the run notes what the server does."""


class Method(StrEnum):
    """How a clause is tested."""

    PROPERTY = "property"
    STATE_MACHINE = "state machine"
    EXAMPLE = "example"
    RAW = "raw"
    HISTORY = "history"
    TIMED = "timed"


class Need(StrEnum):
    """What a clause cannot be tested without."""

    SECOND_KEY = "the key of a second user"
    RECEIVER = "a webhook receiver that the target can reach"
    LEVERS = "a control plane: time, keys and credits at will"
    GOLDEN_JOB = "a job that may be paid"


class Verdict(StrEnum):
    """What came of a clause."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    FAIL = "FAIL"
    WARN = "WARN"
    RECORDED = "RECORDED"
    INCONCLUSIVE = "INCONCLUSIVE"
    SKIPPED = "SKIPPED"
    NOT_EXERCISED = "NOT EXERCISED"


Check = Callable[["Trial"], None]


@dataclass(frozen=True, slots=True)
class Clause:
    """One promise. Its id, level, tier and cost are part of the product: users quote them."""

    id: str
    promise: str
    level: Level
    source: str
    method: Method
    tier: int
    """0: free on a real endpoint; 1: the golden job; 2: further jobs; 3: never there."""
    jobs: int
    """Jobs of the cheapest model that it costs on a real endpoint, beyond the golden one."""
    needs: frozenset[Need]
    broken_by: str | None
    """Defect of the mock's test build that this clause catches."""
    check: Check
    unbroken_because: str = ""
    """Why no defect is named."""

    @property
    def area(self) -> str:
        """The part before the number."""
        return self.id.partition("-")[0]

    @property
    def how(self) -> str:
        """How it is tested, in words."""
        return " ".join((self.check.__doc__ or "").split())

    @property
    def cost(self) -> str:
        """What it costs on a real endpoint, in words."""
        if self.tier == 3:  # noqa: PLR2004 - the tier of mocks
            return "never run on a real endpoint"
        if self.jobs:
            return f"{self.jobs} job{'s' * (self.jobs > 1)} of the cheapest model"
        return "nothing beyond the golden job" if Need.GOLDEN_JOB in self.needs else "nothing"


_REGISTERED: dict[str, Clause] = {}


def clause(  # noqa: PLR0913 - a row of the table has that many columns
    id: str,  # noqa: A002 - the column's name
    promise: str,
    *,
    level: Level,
    source: str,
    method: Method,
    tier: int = 0,
    jobs: int = 0,
    needs: Iterable[Need] = (),
    broken_by: str | None = None,
    unbroken_because: str = "",
) -> Callable[[Check], Check]:
    """Register the decorated check as a clause; its docstring says how it tests."""

    def register(check: Check) -> Check:
        if id in _REGISTERED:
            msg = f"clause {id} stands twice"
            raise ValueError(msg)
        _REGISTERED[id] = Clause(
            id, promise, level, source, method, tier, jobs, frozenset(needs), broken_by, check, unbroken_because
        )
        return check

    return register


def registered() -> dict[str, Clause]:
    """Every clause that was defined so far, by id."""
    return dict(_REGISTERED)
