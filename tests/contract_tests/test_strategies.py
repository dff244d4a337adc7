"""What is drawn from the schemas is valid, varied, and fast to draw."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from contract_tests.contract import Body, Model, Schema, load, problems
from contract_tests.strategies import (
    WEBHOOK_FIELDS,
    bodies,
    bodies_of,
    boundaries,
    from_schema,
    full_body,
    limits,
    minimal_body,
    minimal_value,
    text_of,
    utf16_length,
)

CONTRACT = load()
OPERATION = "images.generate"
QUICK = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
every_model = pytest.mark.parametrize(
    "model", {str(model.parameters_schema): model for model in CONTRACT.models}.values(), ids=lambda model: model.id
)
"""One of each kind of parameters."""


def drawn(values: Any, number: int) -> list[Any]:
    seen = []

    @settings(QUICK, max_examples=number)
    @given(value=values)
    def draw(value: Any) -> None:
        seen.append(value)

    draw()
    return seen


@pytest.fixture(scope="module")
def sample() -> list[tuple[Model, Body]]:
    return drawn(bodies(CONTRACT, OPERATION), 400)


def test_every_body_is_valid(sample: list[tuple[Model, Body]]) -> None:
    assert [(model, body) for model, body in sample if problems(model.body_schema, body)] == []


def test_most_models_are_met_and_none_rules(sample: list[tuple[Model, Body]]) -> None:
    met = Counter(model.id for model, _ in sample)
    assert len(met) > 0.7 * len(CONTRACT.models_of(OPERATION))
    assert max(met.values()) < 0.2 * len(sample)


def test_prompts_are_short_and_long_and_of_many_alphabets(sample: list[tuple[Model, Body]]) -> None:
    lengths = Counter(utf16_length(body["prompt"]) for _, body in sample)
    assert min(lengths[1], lengths[2000]) > 5
    assert sum(number for length, number in lengths.items() if length < 100) > 0.6 * len(sample)
    assert any(not body["prompt"].isascii() for _, body in sample)


def test_optional_fields_come_and_stay_away(sample: list[tuple[Model, Body]]) -> None:
    parameters = [body.get(model.parameters_name) for model, body in sample if not model.parameters_required]
    assert 0.2 * len(parameters) < sum(found is None for found in parameters) < 0.6 * len(parameters)


def test_no_body_gives_the_mock_a_directive_or_a_server_an_address_to_call(sample: list[tuple[Model, Body]]) -> None:
    for _, body in sample:
        assert "[[" not in str(body)
        assert not body.keys() & set(WEBHOOK_FIELDS)
        body["prompt"].encode()


def test_a_webhook_is_the_one_that_is_asked_for() -> None:
    address = "http://127.0.0.1:9/hook"
    found = drawn(bodies(CONTRACT, OPERATION, with_webhook=address), 100)
    assert {body["webhookUrl"] for _, body in found} == {address}
    assert {"webhookEvents" in body for _, body in found} == {True, False}
    assert all(not problems(model.body_schema, body) for model, body in found)


def test_a_failing_body_shrinks_to_what_matters() -> None:
    model = CONTRACT.model("flux-2-pro")
    least = find(
        bodies_of(model),
        lambda body: body.get("fluxParams", {}).get("steps", 0) > 40,
        settings=settings(
            derandomize=True, database=None, deadline=None, max_examples=2000, suppress_health_check=list(HealthCheck)
        ),
    )
    assert least == {"model": "flux-2-pro", "prompt": "0", "fluxParams": {"steps": 41}}


@every_model
def test_the_minimal_and_the_full_body_are_valid(model: Model) -> None:
    least, full = minimal_body(model, "a hare"), full_body(model, "a hare")
    assert problems(model.body_schema, least) == problems(model.body_schema, full) == []
    assert {body.get("prompt") for body in (least, full)} == {"a hare" if model.prompt_max else None}
    assert full.keys() == model.body_schema["properties"].keys() - set(WEBHOOK_FIELDS)
    missing = model.parameters_schema["properties"].keys() - full[model.parameters_name].keys()
    told = {rule["x-field"].rpartition(".")[2] for rule in model.body_schema.get("allOf", ())}
    assert missing <= told
    assert set(least) == set(model.body_schema["required"])


@every_model
def test_each_boundary_is_valid_inside_and_wrong_outside(model: Model) -> None:
    found = boundaries(model)
    for limit in found:
        assert problems(model.body_schema, limit.inside) == [], limit.name
        wrong = problems(model.body_schema, limit.outside)
        keyword = limit.name.removesuffix(".utf-16").rpartition(".")[2]
        assert wrong == [(limit.path, keyword)], limit.name
    names = [limit.name for limit in found]
    assert len(set(names)) == len(names)
    assert "webhookEvents.minItems" in names
    assert ("prompt.minLength" in names) is bool(model.prompt_max)


def test_boundaries_reach_into_parameters() -> None:
    found = {limit.name: limit for limit in boundaries(CONTRACT.model("flux-2-pro"), "a hare")}
    limit = found["fluxParams.steps.maximum"]
    base = {"model": "flux-2-pro", "prompt": "a hare"}
    assert limit.inside == {**base, "fluxParams": {"steps": 50}}
    assert limit.outside == {**base, "fluxParams": {"steps": 51}}
    assert "fluxParams.input_images.maxItems" in found


SCHEMAS: list[Schema] = [
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "integer", "exclusiveMinimum": 0.5, "exclusiveMaximum": 3},
    {"type": "string", "minLength": 5, "maxLength": 6},
    {"type": "string", "pattern": "^[a-z]{2}-\\d$"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "email"},
    {"type": "array", "minItems": 2, "maxItems": 20, "items": {"enum": [1, 2]}},
    {"type": ["string", "null"], "maxLength": 3},
    {"minimum": 3, "maximum": 4},
    {"const": {"a": 1}},
    {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "integer", "maximum": 2}]},
    {"anyOf": [{"type": "boolean"}, {"type": "array", "maxItems": 0}]},
    {"type": "object", "additionalProperties": {"type": "integer"}, "required": ["z"], "properties": {"z": {}}},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_every_keyword_is_heeded(schema: Schema) -> None:
    assert [value for value in drawn(from_schema(schema), 50) if problems(schema, value)] == []


@pytest.mark.parametrize(
    "schema", [schema for schema in SCHEMAS if "pattern" not in schema and "oneOf" not in schema], ids=str
)
def test_a_minimal_value_is_valid_and_limits_are_told_apart(schema: Schema) -> None:
    assert problems(schema, minimal_value(schema)) == []
    for limit, inside, outside in limits(schema):
        assert problems(schema, inside) == [], limit
        assert problems(schema, outside) != [], limit


def test_the_schemas_of_the_contract_have_no_keyword_that_is_ignored() -> None:
    for name, schema in CONTRACT.schemas.items():
        if name.endswith("-form.json"):  # forms are sent by hand
            continue
        assert drawn(from_schema(schema), 1), name


def test_an_unknown_keyword_is_not_ignored() -> None:
    with pytest.raises(ValueError, match="uniqueItems"):
        from_schema({"type": "array", "uniqueItems": True})
    with pytest.raises(ValueError, match="no sample fits"):
        minimal_value({"type": "string", "pattern": "^z{9}$"})


@pytest.mark.parametrize(
    ("unit", "length", "expected"),
    [("ab", 3, "aba"), ("🦊", 4, "🦊🦊"), ("🦊", 3, "🦊x"), ("x", 0, ""), ("🦊", 1, "x")],
)
def test_a_text_has_exactly_the_units_that_are_asked_for(unit: str, length: int, expected: str) -> None:
    assert text_of(unit, length) == expected
