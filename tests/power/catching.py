"""Running the contract tests against a mock with one planted defect."""

import time
from typing import NamedTuple

from contract_tests.clause import Clause, Level
from contract_tests.main import DEFAULT_SEED
from contract_tests.options import Options
from contract_tests.profile import PROFILES
from contract_tests.runner import verify
from contract_tests.silence import Silence
from tests.power.defects import planted


class Catch(NamedTuple):
    """What the clause said of the defect that is to break it."""

    verdict: str
    saw: str
    took_s: float

    def is_caught(self, clause: Clause) -> bool:
        """Whether a broken must fails the run, and a broken should warns."""
        return self.verdict == ("FAIL" if clause.level is Level.MUST else "WARN")


def caught(clause: Clause, profile: str = "quick") -> Catch:
    """Plant the clause's defect and test that clause alone."""
    began = time.monotonic()
    with planted(clause.broken_by or ""):
        report = verify(Options(PROFILES[profile], DEFAULT_SEED, only=[clause.id]), Silence())
    row = report["clauses"][0]
    failure = row["failure"]
    saw = f"expected {failure['expected']}; saw {failure['seen']}" if failure else row["reason"] or "nothing wrong"
    return Catch(row["verdict"], saw, time.monotonic() - began)
