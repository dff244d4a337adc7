from contextlib import ExitStack

import pytest

from contract_tests.clauses import CLAUSES
from contract_tests.machine import SETTLES
from contract_tests.main import DEFAULT_SEED
from contract_tests.options import Options
from contract_tests.profile import PROFILES
from contract_tests.runner import prepared
from contract_tests.silence import Silence
from tests.power.defects import planted

PROFILE = PROFILES["ci"]._replace(walks=40)


def explored(*defects: str) -> dict[str, dict[str, object]]:
    """The rows of all the clauses that the machine settles, looked at by the machine alone."""
    with ExitStack() as stack:
        for name in defects:
            stack.enter_context(planted(name))
        options = Options(PROFILE, DEFAULT_SEED)
        run = stack.enter_context(prepared(options, Silence()))
        clauses = [CLAUSES[name] for name in CLAUSES if name in SETTLES]
        for clause in clauses:
            run.expect_from_the_machine(clause)
        run.explore(clauses)
        return run.rows


def test_the_machine_looks_at_all_that_it_settles_and_finds_a_clean_mock_clean() -> None:
    assert {row["verdict"] for row in explored().values()} == {"PASS"}


@pytest.mark.slow
def test_one_defect_does_not_hide_the_next() -> None:
    rows = explored("list-oldest-first", "webhook-status-without-url")

    failed = {name for name, row in rows.items() if row["failure"]}
    assert {"LIST-1", "WH-10"} <= failed


@pytest.mark.slow
def test_a_trace_is_shrunk_and_starts_where_its_example_starts() -> None:
    failure = explored("has-more-lies")["LIST-3"]["failure"]

    assert isinstance(failure, dict)
    texts = [step["text"] for step in failure["steps"]]
    assert len(texts) < 25
    assert sum(text.startswith("POST /v2/images/generate") for text in texts) <= 3
    assert texts[-1].startswith("GET /v2/jobs")
