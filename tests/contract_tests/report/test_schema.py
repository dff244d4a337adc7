from typing import Any

import jsonschema
import pytest

from contract_tests.report.write import problem_in, schema
from tests.contract_tests.report.samples import clause_of, quiet, sample


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("report", [sample(), quiet()], ids=["sample", "quiet"])
def test_the_samples_are_reports(report: dict[str, Any]) -> None:
    assert problem_in(report) is None


def test_nothing_may_be_added_left_out_or_misspelt() -> None:
    assert problem_in({**sample(), "extra": 1}) == (
        "the top: Additional properties are not allowed ('extra' was unexpected)"
    )
    report = sample()
    del report["seed"]
    assert problem_in(report) == "the top: 'seed' is a required property"
    report = sample()
    report["clauses"][3]["verdict"] = "GREEN"
    assert str(problem_in(report)).startswith("clauses/3/verdict: 'GREEN' is not one of")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("CRED-5", {"failure": None}),
        ("AUTH-3", {"reason": None}),
        ("AUTH-1", {"accepted": {"reason": "x", "expires": "2026-12-31"}}),
    ],
    ids=["a failure says what failed", "a skip gives a reason", "only a failure is accepted"],
)
def test_a_verdict_brings_what_belongs_to_it(name: str, change: dict[str, Any]) -> None:
    report = sample()
    clause_of(report, name).update(change)
    assert problem_in(report) is not None
