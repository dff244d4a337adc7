"""The contract as the contract tests read it, against the mock's own reading and against plain JSON Schema."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import ada_url
import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from contract_tests import contract
from contract_tests.contract import Model, load, problems
from contract_tests.mutations import mutations
from contract_tests.strategies import bodies_of
from mockserver.core import pricing
from mockserver.schemas import catalog

CONTRACT = load()
FEW = settings(
    derandomize=True,
    max_examples=80,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FLUX = CONTRACT.model("flux-2-pro").body_schema
PLAIN = {"model": "flux-2-pro", "prompt": "a fox"}
FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("uri")
def _is_address(value: object) -> bool:
    return not isinstance(value, str) or ada_url.check_url(value)


@FORMATS.checks("uuid")
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value))


def plainly(schema: dict[str, Any], value: Any) -> set[tuple[tuple[str | int, ...], str]]:
    """The paths and keywords that the reference validator reports; whole objects for keys."""
    found = Draft202012Validator(schema, format_checker=FORMATS).iter_errors(value)
    return {(tuple(error.absolute_path), str(error.validator)) for error in found}


def test_every_model_has_the_body_that_the_mock_reads_from_the_same_files() -> None:
    rows = [model for models in catalog().models.values() for model in models.values() if not model.lora]
    theirs = {(model.operation, model.id): model.body_schema for model in rows}
    ours = {(model.operation, model.id): model.body_schema for model in (*CONTRACT.models, *CONTRACT.actions)}
    assert {name: ordered(schema) for name, schema in ours.items()} == {
        name: ordered(schema) for name, schema in theirs.items()
    }


def ordered(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "required": sorted(schema["required"])}


def test_every_operation_is_the_one_that_the_mock_reads() -> None:
    theirs = [
        (op.id, op.method, op.path, op.needs_key, op.is_submission, op.takes_idempotency_key, op.query)
        for op in catalog().operations.values()
    ]
    ours = [
        (op.id, op.method, op.path, op.needs_key, op.is_submission, op.takes_key, op.query)
        for op in CONTRACT.operations
    ]
    assert ours == theirs


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/v2/images/generate", "images.generate"),
        ("get", "/v2/jobs/0b5c", "jobs.get"),
        ("GET", "/v2/jobs?limit=1", "jobs.list"),
        ("GET", "/v2/models", "models.list"),
        ("GET", "/v2/jobs/0b5c/more", None),
        ("GET", "/v2/jobs/", None),
        ("GET", "/v2/images/generate", None),
        ("GET", "/v2.me", None),
    ],
)
def test_an_operation_is_found_by_its_path(method: str, path: str, operation: str | None) -> None:
    found = CONTRACT.operation_for(method, path)
    assert (found and found.id) == operation


def test_submissions_have_models_and_answers_by_number() -> None:
    assert len(CONTRACT.submissions) == 8
    assert sum(len(CONTRACT.models_of(each.id)) for each in CONTRACT.submissions) == len(CONTRACT.models) == 105
    assert CONTRACT.operation("images.generate").answers[202] == "answers/accepted.json"
    with pytest.raises(KeyError):
        CONTRACT.operation("images.paint")
    with pytest.raises(KeyError):
        CONTRACT.model("flux-2-pro", "jobs.get")


def test_an_answer_is_checked_down_to_its_formats() -> None:
    check = CONTRACT.validator("answers/accepted.json")
    assert check.is_valid({"jobId": "3f2b8c1e-5d4a-4b6f-9e7d-1a2b3c4d5e6f", "status": "QUEUED"})
    assert not check.is_valid({"jobId": "job-1", "status": "QUEUED"})
    assert CONTRACT.validator("answers/accepted.json") is check


def test_every_answer_and_query_that_is_named_is_there() -> None:
    for operation in CONTRACT.operations:
        for name in [*operation.answers.values(), operation.query, operation.form]:
            assert name is None or CONTRACT.validator(name)


def test_a_reference_leaves_no_trace() -> None:
    assert '"$ref"' not in json.dumps(CONTRACT.schemas)


def test_loading_does_not_import_the_mock() -> None:
    code = "import sys, contract_tests.contract as c, contract_tests.mutations; c.load(); "
    code += "sys.exit('mockserver' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(contract.__file__).parent.parent)


def test_the_schemas_are_found_in_an_installed_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "mockserver" / "_data" / "schemas"
    data.mkdir(parents=True)
    (tmp_path / "mockserver" / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    (data / "operations.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(contract, "__file__", str(tmp_path / "contract_tests" / "contract.py"))
    monkeypatch.delitem(sys.modules, "mockserver")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "meta_path", [finder for finder in sys.meta_path if "Path" in str(finder)])
    assert contract.schemas_folder() == data
    (data / "operations.json").unlink()
    with pytest.raises(FileNotFoundError, match='no folder "schemas" in'):
        contract.schemas_folder()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (PLAIN, []),
        ({}, [(("model",), "required"), (("prompt",), "required")]),
        ([], [((), "type")]),
        ({**PLAIN, "n": 1, "size": 2}, [(("n",), "additionalProperties"), (("size",), "additionalProperties")]),
        ({**PLAIN, "fluxParams": {"n": 1, "size": 2}}, [(("fluxParams",), "additionalProperties")]),
        ({**PLAIN, "prompt": "🦊" * 1000}, []),
        ({**PLAIN, "prompt": "🦊" * 1000 + "x"}, [(("prompt",), "maxLength")]),
        ({**PLAIN, "prompt": "狐" * 2000}, []),
        ({**PLAIN, "prompt": "\ud83e\udd8a" * 1000}, []),
        ({**PLAIN, "prompt": "\ud83e" * 2001}, [(("prompt",), "maxLength")]),
        ({**PLAIN, "fluxParams": {"image_prompt": "http://🦊.example/🦊"}}, []),
        ({**PLAIN, "fluxParams": {"image_prompt": "http:example.com"}}, []),
        ({**PLAIN, "fluxParams": {"image_prompt": "example.com"}}, [(("fluxParams", "image_prompt"), "format")]),
        ({**PLAIN, "fluxParams": {"input_images": ["a:b", "🦊"]}}, [(("fluxParams", "input_images", 1), "format")]),
        ({**PLAIN, "fluxParams": {"aspect_ratio": "16:9\n"}}, [(("fluxParams", "aspect_ratio"), "pattern")]),
        ({**PLAIN, "fluxParams": {"aspect_ratio": "\u0661:\u0661"}}, [(("fluxParams", "aspect_ratio"), "pattern")]),
        ({**PLAIN, "fluxParams": {"seed": 2**1024 - 2**970 - 1, "steps": 2.0}}, []),
        ({**PLAIN, "fluxParams": {"seed": 2**1024 - 2**970}}, [(("fluxParams", "seed"), "type")]),
        ({**PLAIN, "fluxParams": {"seed": float("-inf")}}, [(("fluxParams", "seed"), "type")]),
        ({**PLAIN, "fluxParams": {"seed": True}}, [(("fluxParams", "seed"), "type")]),
    ],
)
def test_a_body_is_judged_as_javascript_would(body: Any, expected: list[Any]) -> None:
    assert sorted(problems(FLUX, body)) == expected


def test_a_minimum_length_counts_utf_16_too() -> None:
    schema: dict[str, Any] = {"type": "string", "minLength": 2}
    assert (problems(schema, "🦊"), problems(schema, "狐")) == ([], [((), "minLength")])


def test_a_problem_names_its_key_in_details() -> None:
    found = problems(FLUX, {**PLAIN, "fluxParams": {"input_images": ["x"]}})
    assert [problem.dotted for problem in found] == ["fluxParams.input_images.0"]
    assert [problem.dotted for problem in problems(FLUX, None)] == ["body"]


models = st.sampled_from(CONTRACT.models)
valid = models.flatmap(lambda model: st.tuples(st.just(model), bodies_of(model)))
spoilt = models.flatmap(lambda model: st.tuples(st.just(model), mutations(model, CONTRACT).map(lambda each: each.body)))


@FEW
@given(case=st.one_of(valid, spoilt))
def test_where_javascript_makes_no_difference_a_plain_validator_agrees(case: tuple[Model, Any]) -> None:
    model, body = case
    text = json.dumps(body, ensure_ascii=False)
    if text.isascii() and r"\n" not in text and not has_huge(body):  # Python's $ allows a line break after it
        fields = model.body_schema["properties"]
        ours = {
            (path[:-1] if keyword == "required" or not fields.keys() >= set(path[:1]) else path, keyword)
            for path, keyword in problems(model.body_schema, body)
        }
        assert ours == plainly(model.body_schema, body)


def has_huge(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (isinstance(value, int) and abs(value) > 2**1000) or any(map(has_huge, inner))


@FEW
@given(case=valid)
def test_a_price_is_the_mocks_and_within_its_range(case: tuple[Model, Any]) -> None:
    model, body = case
    least, most = model.price_range
    price = model.price_of(body)
    assert least <= price <= most
    assert price == pricing.price(catalog().models[model.operation][model.id], body)
    assert model.outputs_of(body) == pricing.count_of(catalog().models[model.operation][model.id].outputs, body)


def test_a_range_spans_every_price_of_the_table_and_every_count() -> None:
    ranges = {model.id: model.price_range for model in CONTRACT.models}
    wanted = ("midjourney", "nano-banana-pro", "gpt-image-2", "kling-image")
    assert {name: ranges[name] for name in wanted} == {
        "midjourney": (16, 16),
        "nano-banana-pro": (23, 41),
        "gpt-image-2": (4, 230),
        "kling-image": (4, 16),
    }


def test_a_price_may_depend_on_mapped_values_and_seconds() -> None:
    duration = {"type": "string", "enum": ["5", "10"]}
    fields = {"properties": {"sound": {"type": "boolean"}, "duration": duration}}
    by = [
        {"param": "p.sound", "default": False, "map": {"true": "loud", "false": None}},
        {"param": "p.size", "default": 720, "suffix": "p"},
    ]
    price = {"credits": {"720p": 1, "loud-720p": 2}, "by": by, "seconds": {"param": "p.duration", "default": "5"}}
    rows = {**vars(CONTRACT.models[0]), "price": price, "body_schema": {"properties": {"p": fields}}}
    model = Model(**{name: rows[name] for name in Model.__dataclass_fields__})
    assert model.price_range == (5, 20)
    assert model.price_of({}) == 5
    assert model.price_of({"p": {"sound": True, "size": 720.0, "duration": "10"}}) == 20


def test_the_digest_is_of_the_content_alone() -> None:
    assert re.fullmatch("[0-9a-f]{64}", CONTRACT.sha256)
    assert load() is CONTRACT
