"""What is read off operations: parameters, bodies by model or action, answers, ways to say who is calling."""

import json
from typing import Any

import pytest

from mockserver.drift.differences import differences
from mockserver.drift.document import BadDocument, Document, opened
from mockserver.drift.facts import facts

TEXT = {"type": "string"}
ONE_MODEL = {"type": "object", "properties": {"model": {"enum": ["a"]}, "prompt": TEXT}, "required": ["model"]}


def document(operation: Any, path: str = "/v2/things/{id}", **more: Any) -> Document:
    return Document({"openapi": "3.1.0", "paths": {path: {"post": operation, **more}}})


def told(operation: Any, **more: Any) -> dict[str, str]:
    return {str(place): value for place, value in facts(document(operation, **more)).items()}


def body(schema: Any, media: str = "application/json") -> Any:
    return {"requestBody": {"content": {media: {"schema": schema}}}}


def parts(operation: Any) -> set[str]:
    return {place.part for place in facts(document(operation))} - {""}


def test_parameters_of_a_path_belong_to_its_operations_and_headers_have_no_case() -> None:
    found = told(
        {"parameters": [{"in": "header", "name": "idempotency-KEY", "schema": {**TEXT, "maxLength": 255}}]},
        parameters=[
            {"in": "query", "name": "limit", "required": True, "schema": {"type": "integer", "default": 20}},
            {"in": "header", "name": "Accept", "schema": TEXT},
        ],
    )
    assert found == {
        "POST /v2/things/{id}: security": "[]",
        "POST /v2/things/{id} query limit: type": '["integer"]',
        "POST /v2/things/{id} query limit: default": "20",
        "POST /v2/things/{id} query limit: required": "true",
        "POST /v2/things/{id} header Idempotency-Key: type": '["string"]',
        "POST /v2/things/{id} header Idempotency-Key: maxLength": "255",
    }


def test_the_name_of_a_parameter_in_a_path_makes_no_difference() -> None:
    one, other = (
        document({"parameters": [{"in": "path", "name": name, "schema": TEXT}]}, f"/v2/things/{{{name}}}")
        for name in ("id", "thingId")
    )
    assert differences(facts(one), facts(other, one.paths)) == []


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (body({"oneOf": [ONE_MODEL, {**ONE_MODEL, "properties": {"model": {"const": "b"}}}]}), {"model a", "model b"}),
        (body(ONE_MODEL), {"model a"}),
        (body({"properties": {"model": {"enum": ["a", "b"]}}}), {"model a", "model b"}),
        (body({"anyOf": [{"oneOf": [ONE_MODEL]}]}, "application/json; charset=utf-8"), {"model a"}),
        (body({"oneOf": [{"properties": {"action": {"const": name}}} for name in "xy"]}), {"action x", "action y"}),
        (
            body({"oneOf": [{"properties": {"model": {"const": "m"}, "action": {"const": n}}} for n in "xy"]}),
            {"action x", "action y"},
        ),
        (body({"properties": {"url": TEXT}}), {"body"}),
        (body({"oneOf": [ONE_MODEL, {"type": "object"}]}), {"body"}),
        (body({"properties": {"file": {**TEXT, "format": "binary"}}}, "multipart/form-data"), {"form"}),
        (body(TEXT, "text/plain"), {"body text/plain"}),
        (
            {"responses": {"204": {}, "200": {"content": {"application/json": {}, "text/csv": {}}}}},
            {"204", "200", "200 text/csv"},
        ),
    ],
    ids=range(11),
)
def test_bodies_are_told_apart_by_model_or_action_and_answers_by_status(operation: Any, expected: set[str]) -> None:
    assert parts(operation) == expected


def test_a_field_that_one_side_lacks_is_one_difference_with_all_that_is_said_of_it() -> None:
    inner = {"type": "object", "properties": {"seed": {"type": "integer", "minimum": 0}}, "required": ["seed"]}
    before, after = (facts(document(body({"properties": fields}))) for fields in ({}, {"options": inner}))
    assert [each.row for each in differences(before, after)] == [
        (
            "POST /v2/things/{id} body: options",
            "absent",
            '{"seed minimum": 0, "seed required": true, "seed type": ["integer"], "type": ["object"]}',
        )
    ]


def test_the_way_to_say_who_is_calling_is_compared_whatever_its_name() -> None:
    def secured(name: str, header: str) -> Document:
        scheme = {"type": "apiKey", "in": "header", "name": header}
        value = {"security": [{name: []}], "components": {"securitySchemes": {name: scheme}}}
        return Document({"openapi": "3.1.0", "paths": {"/v2/me": {"get": {}}}, **value})

    one, other, third = (facts(secured(*each)) for each in (("A", "X-API-Key"), ("B", "X-API-Key"), ("A", "X-Key")))
    assert differences(one, other) == []
    assert [each.row for each in differences(one, third)] == [("GET /v2/me: security", '["X-API-Key"]', '["X-Key"]')]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no JSON: "),
        ("{", "is no JSON: "),
        ("[" * 100_000, "is nested too deep"),
        ("openapi: 3.1.0\npaths: {}", "is no JSON; a document in YAML has to be converted first"),
        ("[]", 'is no OpenAPI 3 document: it has no "openapi" at its top'),
        ('{"swagger": "2.0"}', 'is no OpenAPI 3 document: its version is "2.0"'),
        ('{"openapi": 3}', 'is no OpenAPI 3 document: its version is "3"'),
        ('{"openapi": "3.1.0"}', "paths: want an object, found null"),
        ('{"openapi": "3.1.0", "paths": {"/x": 5}}', "paths./x: want an object, found 5"),
        ('{"openapi": "3.1.0", "paths": {"/x": {"get": 5}}}', "paths./x.get: want an object, found 5"),
        ('{"openapi": "3.1.0", "paths": {"/x": {"$ref": "#/paths/~1x"}}}', 'the reference "#/paths/~1x" leads back'),
        ('{"openapi": "3.1.0", "paths": {"/x": {"get": {"parameters": [{}]}}}}', 'GET /x: a parameter has no "in"'),
        ('{"openapi": "3.1.0", "paths": {"/x": {"get": {"parameters": {}}}}}', "paths./x.get.parameters: want a list"),
        ('{"openapi": "3.1.0", "paths": {"/x": {"get": {"responses": []}}}}', "GET /x: responses: want an object"),
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_document_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(BadDocument) as error:
        facts(opened(text))
    assert str(error.value).startswith(said)


def test_a_value_in_a_message_is_short() -> None:
    with pytest.raises(BadDocument) as error:
        opened(json.dumps({"openapi": "3.1.0", "paths": ["x" * 500]}))
    assert len(str(error.value)) < 120
