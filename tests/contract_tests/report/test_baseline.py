from datetime import date
from pathlib import Path

import pytest

from contract_tests.report.baseline import Baseline, BaselineError, Entry, applied, exit_code, load
from contract_tests.report.write import problem_in
from tests.contract_tests.report.samples import clause_of, quiet, sample

KNOWN = ["CRED-5", "CRED-1", "ROBUST-1", "LIST-4"]
LAST = date(2026, 12, 31)
GOOD = '[CRED-5]\nreason = "known"\nexpires = 2026-12-31\n'


def test_a_baseline_is_read(tmp_path: Path) -> None:
    path = tmp_path / "baseline.toml"
    path.write_text(GOOD)
    assert load(path, KNOWN) == Baseline(str(path), {"CRED-5": Entry("known", LAST)})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[CRED-9]", "[CRED-9] is no clause of this contract, did you mean CRED-5?"),
        ("CRED-5 = 1", '"CRED-5" is 1, want a table: [CRED-5] with reason and expires'),
        ("[CRED-5]\nexpires = 2026-12-31", '[CRED-5] has no "reason", want a sentence that says why'),
        ('[CRED-5]\nreason = "x"', '[CRED-5] has no "expires", want a date without quotes, such as 2026-12-31'),
        (
            '[CRED-5]\nreason = "x"\nexpires = "soon"',
            '[CRED-5] "expires" is "soon", want a date without quotes, such as 2026-12-31',
        ),
        (
            '[CRED-5]\nreason = "x"\nexpires = 2026-12-31T00:00:00Z',
            '[CRED-5] "expires" is 2026-12-31 00:00:00+00:00, want a date without quotes, such as 2026-12-31',
        ),
        (
            '[CRED-5]\nreason = " "\nexpires = 2026-12-31',
            '[CRED-5] "reason" is " ", want a sentence that says why',
        ),
        (GOOD + "owner = 1", '[CRED-5] has "owner", want only reason and expires'),
    ],
)
def test_an_error_says_where_it_is_and_what_is_wanted(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "baseline.toml"
    path.write_text(text)
    with pytest.raises(BaselineError) as caught:
        load(path, KNOWN)
    assert str(caught.value) == f"{path}: {problem}"


def test_a_file_that_is_missing_or_no_toml_is_an_error_too(tmp_path: Path) -> None:
    path = tmp_path / "baseline.toml"
    with pytest.raises(BaselineError, match="cannot be read: No such file"):
        load(path, KNOWN)
    for content in (b"[CRED-5", GOOD.encode() * 2, b"\xff", b"a = " + b"[" * 100_000):
        path.write_bytes(content)
        with pytest.raises(BaselineError, match="is not TOML: "):
            load(path, KNOWN)


def test_an_entry_covers_a_failure_through_its_last_day() -> None:
    entries = {name: Entry("known", LAST) for name in KNOWN}
    report = applied(sample(), Baseline("b.toml", entries), LAST)
    assert clause_of(report, "CRED-5")["accepted"] == {"reason": "known", "expires": "2026-12-31"}
    assert clause_of(report, "CRED-5")["verdict"] == "FAIL"
    assert report["baseline"] == {"file": "b.toml", "accepted": ["CRED-1", "CRED-5", "ROBUST-1"], "expired": []}
    assert problem_in(report) is None

    late = applied(sample(), Baseline("b.toml", entries), date(2027, 1, 1))
    assert late["baseline"] == {"file": "b.toml", "accepted": [], "expired": KNOWN}
    assert late["exitCode"] == 1


def test_the_exit_code_puts_failures_before_the_budget_before_what_was_not_exercised() -> None:
    report = sample()
    report["stopped"] = "budget of 4 credits is spent"
    assert exit_code(report) == 1
    for clause in report["clauses"]:
        if clause["verdict"] == "FAIL":
            clause["accepted"] = {"reason": "known", "expires": "2026-12-31"}
    assert exit_code(report) == 4
    report["stopped"] = None
    assert exit_code(report) == 3
    clause_of(report, "CRED-3")["level"] = "should"
    assert exit_code(report) == 0
    assert exit_code(quiet()) == 0
