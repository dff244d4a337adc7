"""Every clause as a test; `-m` and `-k` choose among them, as in `-k IDEMP`."""

import warnings

import pytest

from contract_tests import machine
from contract_tests.clause import Clause
from contract_tests.clauses import CLAUSES
from contract_tests.outcome import Stop
from contract_tests.runner import Run


def test_clause(run: Run, clause: Clause, reason: str) -> None:
    """The promise holds."""
    if reason:
        pytest.skip(reason)
    try:
        with run.money_is_watched(clause.id):
            row = run.test(clause)
    except Stop as stop:
        pytest.exit(str(stop), returncode=1)
    _judge(row)


def test_state_machine(run: Run) -> None:
    """Random histories keep the promises too."""
    if run.target.levers is None:
        pytest.skip("needs a control plane: time, keys and credits at will")
    later = [clause for clause in CLAUSES.values() if clause.id in machine.SETTLES]
    for clause in later:
        if clause.id not in run.rows:
            run.expect_from_the_machine(clause)
    run.explore(later)
    assert [row for row in run.rows.values() if row["verdict"] == "FAIL"] == []


def _judge(row: dict[str, object]) -> None:
    failure = row["failure"]
    if row["verdict"] == "WARN":
        warnings.warn(f"{row['id']}: {failure}", stacklevel=2)
    if row["verdict"] in ("SKIPPED", "INCONCLUSIVE"):
        pytest.skip(str(row["reason"]))
    assert row["verdict"] not in ("FAIL", "NOT EXERCISED"), f"{row['promise']}\n{row['reason'] or failure}"
