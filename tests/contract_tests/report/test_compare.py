from typing import Any

import pytest

from contract_tests.report.compare import comparison
from tests.contract_tests.report.samples import sample


def _run(**verdicts: str) -> dict[str, Any]:
    clauses = [{"id": name.replace("_", "-"), "verdict": verdict} for name, verdict in verdicts.items()]
    return {"version": 1, "startedAt": "2026-11-22T03:00:00Z", "clauses": clauses}


def test_failures_are_new_fixed_or_still_there() -> None:
    before = _run(A_1="FAIL", A_2="FAIL", A_3="PASS", A_4="PASS")
    now = _run(A_1="FAIL", A_2="PASS", A_3="FAIL", A_4="PASS", A_5="FAIL", A_6="PASS")
    assert comparison(now, before) == {
        "with": "2026-11-22T03:00:00Z",
        "new": ["A-3", "A-5"],
        "fixed": ["A-2"],
        "still": ["A-1"],
        "changed": [],
    }


def test_a_failure_that_is_no_longer_judged_is_not_called_fixed() -> None:
    found = comparison(_run(A_1="SKIPPED"), _run(A_1="FAIL", A_2="FAIL", A_3="PASS"))
    assert found is not None
    assert (found["fixed"], found["changed"]) == (
        [],
        [{"id": "A-1", "was": "FAIL", "now": "SKIPPED"}, {"id": "A-2", "was": "FAIL", "now": "ABSENT"}],
    )


@pytest.mark.parametrize(
    "before",
    [None, {}, [], "x", {**_run(), "version": 2}, {**_run(), "clauses": None}, {**_run(), "startedAt": 5}],
    ids=repr,
)
def test_without_a_usable_report_there_is_nothing_to_compare(before: Any) -> None:
    assert comparison(_run(A_1="FAIL"), before) is None


def test_damaged_rows_of_an_old_report_are_passed_over() -> None:
    before = _run(A_1="FAIL")
    before["clauses"] += [None, 7, {"id": 3, "verdict": "FAIL"}, {"id": "A-2", "verdict": "GREEN"}, {"id": "A-3"}]
    found = comparison(_run(A_1="FAIL", A_2="PASS", A_3="FAIL"), before)
    assert found == {"with": before["startedAt"], "new": ["A-3"], "fixed": [], "still": ["A-1"], "changed": []}


def test_a_report_does_not_differ_from_itself() -> None:
    found = comparison(sample(), sample())
    assert found is not None
    assert (found["new"], found["fixed"], found["changed"]) == ([], [], [])
