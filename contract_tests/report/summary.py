"""What every form of the report says: the headline, the areas, alike failures, what was not tested, coverage."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

Report = dict[str, Any]
"""A value that `report.schema.json` describes."""
Clause = dict[str, Any]

VERDICTS = ("FAIL", "WARN", "NOT EXERCISED", "INCONCLUSIVE", "RECORDED", "SKIPPED", "PASS")
"""Every verdict, the one to look at first in front."""
_SAID = {"WARN": "warned", "RECORDED": "recorded"}
UNTESTED = ("NOT EXERCISED", "INCONCLUSIVE", "SKIPPED")


class Headline(NamedTuple):
    """The outcome of a run in a few words, and one sentence on why."""

    state: Literal["kept", "broken", "incomplete"]
    title: str
    why: str


class Area(NamedTuple):
    """The clauses of one area, in the report's order."""

    name: str
    clauses: list[Clause]

    def counts(self) -> list[tuple[str, int]]:
        """How often each verdict occurs, passes first, then as in `VERDICTS`; none that does not occur."""
        found = Counter(clause["verdict"] for clause in self.clauses)
        return [(verdict, found[verdict]) for verdict in ("PASS", *VERDICTS[:-1]) if found[verdict]]


class Bucket(NamedTuple):
    """Failures with one cause; the first stands for all."""

    cause: str
    clauses: list[Clause]


class Untested(NamedTuple):
    """Clauses that share a verdict without a judgement, and its reason."""

    verdict: str
    reason: str
    clauses: list[Clause]


class Share(NamedTuple):
    """How much of something was covered."""

    name: str
    covered: int
    total: int
    missing: list[str]


def headline(report: Report) -> Headline:
    """What the exit code, `stopped` and the counts amount to."""
    counts = report["counts"]
    broken = len(failures(report, accepted=False))
    idle = [clause["id"] for clause in report["clauses"] if is_idle(clause)]
    told = _told(report)
    if broken:
        return Headline("broken", "Contract broken", f"{_number(broken, 'clause')} failed, {told}.")
    if report["stopped"] is not None:
        return Headline("incomplete", "Stopped early", f"{report['stopped']}: {told}.")
    if idle:
        why = f"{_number(len(idle), 'required clause')} never met what {'it' if len(idle) == 1 else 'they'} needed"
        return Headline("incomplete", "Not fully exercised", f"{why} ({', '.join(idle)}), {told}.")
    if report["exitCode"]:
        return Headline("incomplete", "Could not finish", f"Exit code {report['exitCode']}, {told}.")
    if not counts["PASS"]:
        return Headline("incomplete", "Nothing judged", f"No clause passed or failed, {told}.")
    return Headline("kept", "Contract kept", f"No clause failed, {told}." if not counts["FAIL"] else f"{told}.")


def is_idle(clause: Clause) -> bool:
    """Whether a check that must be made never met its precondition."""
    return bool(clause["verdict"] == "NOT EXERCISED" and clause["level"] == "must")


def failures(report: Report, *, accepted: bool) -> list[Clause]:
    """The clauses that FAIL and that a baseline accepts, or does not."""
    failed = [clause for clause in report["clauses"] if clause["verdict"] == "FAIL"]
    return [clause for clause in failed if (clause["accepted"] is not None) is accepted]


def areas(clauses: Iterable[Clause]) -> list[Area]:
    """The clauses by area, areas in order of their first clause."""
    found: dict[str, list[Clause]] = {}
    for clause in clauses:
        found.setdefault(clause["area"], []).append(clause)
    return [Area(*row) for row in found.items()]


def buckets(clauses: Iterable[Clause]) -> list[Bucket]:
    """The clauses that have a failure, those of one cause together."""
    found: dict[str, list[Clause]] = {}
    for clause in clauses:
        if clause["failure"] is not None:
            found.setdefault(clause["failure"]["cause"], []).append(clause)
    return [Bucket(*row) for row in found.items()]


def untested(report: Report) -> list[Untested]:
    """What this run did not judge, grouped by verdict and reason."""
    found: dict[tuple[str, str], list[Clause]] = {}
    for verdict in UNTESTED:
        for clause in report["clauses"]:
            if clause["verdict"] == verdict:
                found.setdefault((verdict, clause["reason"] or "no reason given"), []).append(clause)
    return [Untested(*key, clauses) for key, clauses in found.items()]


def shares(report: Report) -> list[Share]:
    """Coverage of operations, documented answers, models and parameters at their limits."""
    coverage = report["coverage"]
    documented = [row for row in coverage["statuses"] if row["documented"]]
    unseen = [f"{row['operation']} {row['status']}" for row in documented if not row["seen"]]
    return [
        _share("operations", coverage["operations"]),
        Share("documented answers", len(documented) - len(unseen), len(documented), unseen),
        _share("models", coverage["models"]),
        _share("limits", coverage["limits"]),
    ]


def undocumented(report: Report) -> list[str]:
    """Answers that the contract does not mention, such as `jobs.get 500`."""
    rows = report["coverage"]["statuses"]
    return [f"{row['operation']} {row['status']}" for row in rows if row["seen"] and not row["documented"]]


def spent(report: Report) -> str:
    """What the run cost, in words."""
    ledger = report["ledger"]
    if ledger is None:
        return "nothing paid"
    return "cost unknown" if ledger["spent"] is None else f"{_number(ledger['spent'], 'credit')} spent"


def _share(name: str, row: dict[str, list[str]]) -> Share:
    covered = set(row["covered"])
    missing = [one for one in row["all"] if one not in covered]
    return Share(name, len(row["all"]) - len(missing), len(row["all"]), missing)


def _told(report: Report) -> str:
    counts = report["counts"]
    total = len(report["clauses"])
    words = [f"{counts['PASS']:,} of {total:,} passed"]
    words += [f"{counts[verdict]:,} {word}" for verdict, word in _SAID.items() if counts[verdict]]
    if away := sum(counts[verdict] for verdict in UNTESTED):
        words.append(f"{away:,} not tested")
    if accepted := len(failures(report, accepted=True)):
        words.append(f"{accepted:,} failing by agreement")
    return ", ".join(words)


def _number(count: float, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
