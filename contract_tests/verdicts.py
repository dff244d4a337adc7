"""From how a check ended to a verdict, and from the verdicts of a run to its exit code."""

from typing import Any, NamedTuple

import hypothesis

from contract_tests.clause import Clause, Level, Verdict
from contract_tests.outcome import Enough, Inconclusive, Skip, Stop, Violation
from contract_tests.report.baseline import exit_code
from contract_tests.session import LATE
from contract_tests.trial import Trial

GONE = "the target stopped answering"
INTERRUPTED = "interrupted"


class Ended(NamedTuple):
    """How a check ended."""

    verdict: Verdict
    reason: str = ""
    violation: Violation | None = None
    stop: Stop | None = None


def ended(clause: Clause, trial: Trial) -> Ended:  # noqa: PLR0911 - a check can end in that many ways
    """Run the check; whatever a strange answer makes of it, the run goes on."""
    try:
        clause.check(trial)
    except Violation as error:
        return Ended(Verdict.PASS, violation=error)
    except Enough:
        return Ended(Verdict.PASS, violation=trial.shortest)
    except Skip as error:
        return Ended(Verdict.SKIPPED, str(error))
    except Inconclusive as error:
        return Ended(Verdict.INCONCLUSIVE, str(error))
    except Stop as error:
        return Ended(Verdict.INCONCLUSIVE, str(error), stop=error)
    except hypothesis.errors.Flaky:  # seen once is seen, though it did not come again
        why = "the answers changed from one try to the next"
        return Ended(Verdict.INCONCLUSIVE, why, trial.shortest)
    except Exception as error:  # noqa: BLE001 - see above
        why = f"the check broke: {type(error).__name__}: {error}"[:300]
        return Ended(Verdict.NOT_EXERCISED, why, trial.shortest)
    return Ended(Verdict.PASS)


def final_code(report: dict[str, Any]) -> int:
    """1 for a broken must, 2 when the target left, 3 when a must was not exercised, 4 for a spent budget, else 0."""
    stopped, code = str(report["stopped"] or ""), exit_code(report)
    if stopped == INTERRUPTED:
        return 130
    if stopped.startswith(GONE):
        return 2
    if stopped and not stopped.startswith("budget"):
        return 1
    late = any(row["level"] == Level.MUST and str(row["reason"]).startswith(LATE) for row in report["clauses"])
    return code or (3 if late else 0)


def verdict_of(clause: Clause, violation: Violation) -> tuple[Verdict, str]:
    """What a broken promise means, by its level, and why where that has to be said."""
    match clause.level:
        case Level.MUST:
            return Verdict.FAIL, ""
        case Level.SHOULD:
            return Verdict.WARN, ""
        case Level.RECORD:
            return Verdict.RECORDED, str(violation)[:300]
