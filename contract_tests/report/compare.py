"""What changed since the last run."""

from typing import Any

from contract_tests.report.summary import VERDICTS, Report

_JUDGED = {"PASS", "RECORDED"}


def comparison(now: Report, before: Any) -> Report | None:
    """The report's `comparison`: failures new, fixed and still there, and every other change of verdict.

    None when *before* is None, of another version, or no report: an old file never spoils a new run. Fixed means
    judged and fine: a failure that is now skipped is among the changed, and one that left the report is ABSENT there.
    """
    earlier = _verdicts(before)
    if earlier is None:
        return None
    today = {clause["id"]: clause["verdict"] for clause in now["clauses"]}
    failing = [name for name, verdict in today.items() if verdict == "FAIL"]
    fixed = [name for name, was in earlier.items() if was == "FAIL" and today.get(name) in _JUDGED]
    changed = [
        {"id": name, "was": was, "now": today.get(name, "ABSENT")}
        for name, was in earlier.items()
        if today.get(name, "ABSENT") not in {was, "FAIL"} and name not in fixed and (name in today or was == "FAIL")
    ]
    return {
        "with": before["startedAt"],
        "new": [name for name in failing if earlier.get(name) != "FAIL"],
        "fixed": fixed,
        "still": [name for name in failing if earlier.get(name) == "FAIL"],
        "changed": changed,
    }


def _verdicts(report: Any) -> dict[str, str] | None:
    match report:
        case {"version": 1, "startedAt": str(), "clauses": list(clauses)}:
            found: dict[str, str] = {}
            for clause in clauses:
                match clause:
                    case {"id": str(name), "verdict": str(verdict)} if verdict in VERDICTS:
                        found[name] = verdict
                    case _:
                        pass  # a damaged row says nothing
            return found
        case _:
            return None
