import pytest

from contract_tests.clause import Clause
from contract_tests.clauses import CLAUSES
from tests.power.catching import caught
from tests.power.defects import DEFECTS

BREAKABLE = [clause for clause in CLAUSES.values() if clause.broken_by]


@pytest.mark.slow
@pytest.mark.parametrize("clause", BREAKABLE, ids=lambda clause: clause.id)
def test_each_clause_catches_its_defect(clause: Clause) -> None:
    catch = caught(clause)

    assert catch.is_caught(clause), f"{clause.broken_by}: {catch.verdict}, {catch.saw}"


def test_each_defect_has_its_clause_and_each_clause_a_defect_or_a_reason() -> None:
    assert {clause.broken_by for clause in BREAKABLE} == set(DEFECTS)
    assert {DEFECTS[clause.broken_by or ""].clause for clause in BREAKABLE} == {clause.id for clause in BREAKABLE}
    assert all(clause.broken_by or clause.unbroken_because for clause in CLAUSES.values())
