"""Failures that a team has agreed to live with for a while: each with a reason and a last day."""

import difflib
import tomllib
from collections.abc import Collection
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from contract_tests.report.summary import Report, failures, is_idle
from contract_tests.report.text import one_line, shortened

_WANTED = {"reason": "a sentence that says why", "expires": "a date without quotes, such as 2026-12-31"}


class BaselineError(Exception):
    """The baseline file cannot be used; *problem* says where it is wrong and what is wanted."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


class Entry(NamedTuple):
    """Why a clause may fail, and the last day on which it may."""

    reason: str
    expires: date


class Baseline(NamedTuple):
    """The entries of one file, by clause id."""

    file: str
    entries: dict[str, Entry]


def load(path: Path, known: Collection[str]) -> Baseline:
    """The baseline in *path*; *known* are the ids of every clause. Raises `BaselineError`."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BaselineError(path, f"cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise BaselineError(path, f"is not TOML: {one_line(str(error))}") from error
    return Baseline(str(path), {name: _entry(path, name, value, known) for name, value in tables.items()})


def applied(report: Report, baseline: Baseline, today: date) -> Report:
    """*report* with `accepted` set on each failure that an entry covers on *today*, and with `baseline` filled in.

    A failure stays FAIL. An entry still holds on the day that it names. The exit code is worked out anew.
    """
    valid = {name: entry for name, entry in baseline.entries.items() if today <= entry.expires}
    clauses = [{**clause, "accepted": _acceptance(clause, valid)} for clause in report["clauses"]]
    about = {
        "file": baseline.file,
        "accepted": [clause["id"] for clause in clauses if clause["accepted"] is not None],
        "expired": [name for name in baseline.entries if name not in valid],
    }
    changed = {**report, "clauses": clauses, "baseline": about}
    return {**changed, "exitCode": exit_code(changed)}


def exit_code(report: Report) -> int:
    """1 for a failure that nobody accepted, else 4 for a spent budget, 3 for a must that was not exercised, else 0."""
    if failures(report, accepted=False):
        return 1
    if report["stopped"] is not None and report["stopped"].startswith("budget"):
        return 4
    return 3 if any(map(is_idle, report["clauses"])) else 0


def _acceptance(clause: Report, valid: dict[str, Entry]) -> dict[str, str] | None:
    if clause["verdict"] != "FAIL" or clause["id"] not in valid:
        return None
    entry = valid[clause["id"]]
    return {"reason": entry.reason, "expires": entry.expires.isoformat()}


def _entry(path: Path, name: str, value: Any, known: Collection[str]) -> Entry:
    if name not in known:
        raise BaselineError(path, f"[{one_line(name)}] is no clause of this contract{_hint(name, known)}")
    if not isinstance(value, dict):
        raise BaselineError(path, f'"{name}" is {_shown(value)}, want a table: [{name}] with reason and expires')
    for key in value:
        if key not in _WANTED:
            raise BaselineError(path, f'[{name}] has "{one_line(key)}", want only reason and expires')
    for key, wanted in _WANTED.items():
        if key not in value:
            raise BaselineError(path, f'[{name}] has no "{key}", want {wanted}')
    reason, expires = value["reason"], value["expires"]
    if not isinstance(reason, str) or not reason.strip():
        raise BaselineError(path, f'[{name}] "reason" is {_shown(reason)}, want {_WANTED["reason"]}')
    if not isinstance(expires, date) or isinstance(expires, datetime):
        raise BaselineError(path, f'[{name}] "expires" is {_shown(expires)}, want {_WANTED["expires"]}')
    return Entry(reason.strip(), expires)


def _hint(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name.upper(), known, n=1)
    return f", did you mean {near[0]}?" if near else ""


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return shortened(one_line(text), 80)
