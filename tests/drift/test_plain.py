"""Two spellings of one meaning are one schema in plain form; two meanings are two."""

from typing import Any

import pytest

from mockserver.drift import document
from mockserver.drift.differences import differences
from mockserver.drift.document import BadDocument
from mockserver.drift.facts import facts
from tests.drift.documents import with_schema

PARTS = {
    "Text": {"type": "string", "maxLength": 9},
    "Base": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    "Odd~/ %": {"type": "boolean"},
}
TEXT = {"type": "string", "maxLength": 9}
OBJECT = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"]}

ALIKE: dict[str, tuple[Any, Any]] = {
    "order of options": ({"enum": ["a", "b"]}, {"enum": ["b", "a"]}),
    "one option as a constant": ({"type": "string", "enum": ["a"]}, {"const": "a"}),
    "single options": (
        {"type": "integer", "enum": [5, 10]},
        {"anyOf": [{"type": "number", "enum": [10]}, {"const": 5}]},
    ),
    "single options, exactly one": ({"enum": ["a", "b"]}, {"oneOf": [{"const": "a"}, {"const": "b"}]}),
    "a type that options have anyway": ({"enum": [1, 2]}, {"type": "number", "enum": [1.0, 2]}),
    "null beside": ({"type": ["string", "null"], "maxLength": 9}, {"anyOf": [TEXT, {"type": "null"}]}),
    "null of 3.0": ({"type": ["string", "null"], "maxLength": 9}, {**TEXT, "nullable": True}),
    "null among options": ({"enum": ["a", None]}, {"type": "string", "enum": ["a"], "nullable": True}),
    "null behind a reference": (
        {"type": ["string", "null"], "maxLength": 9},
        {"oneOf": [{"$ref": "#/components/schemas/Text"}, {"type": "null"}]},
    ),
    "a list of types": ({"type": ["number", "string"]}, {"anyOf": [{"type": "string"}, {"type": "number"}]}),
    "options that are any text": ({"type": "string"}, {"anyOf": [{"enum": ["a"]}, {"type": "string"}]}),
    "a reference": (TEXT, {"$ref": "#/components/schemas/Text"}),
    "a reference with a note": (TEXT, {"$ref": "#/components/schemas/Text", "description": "a text"}),
    "a reference, escaped": ({"type": "boolean"}, {"$ref": "#/components/schemas/Odd~0~1%20%25"}),
    "members that are one": (
        OBJECT,
        {
            "allOf": [
                {"$ref": "#/components/schemas/Base"},
                {"properties": {"b": {"type": "integer"}}, "required": ["b"]},
            ]
        },
    ),
    "a member that narrows": (
        {"type": "integer", "minimum": 2, "maximum": 9},
        {"allOf": [{"type": "number", "minimum": 1, "maximum": 9}, {"type": "integer", "minimum": 2}]},
    ),
    "order of members": (
        {"allOf": [{"not": {"required": ["a"]}}, {"not": {"required": ["b"]}}]},
        {"allOf": [{"not": {"required": ["b"]}}, {"not": {"required": ["a"]}}]},
    ),
    "limits of 3.0": (
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "number", "minimum": 0, "exclusiveMinimum": True},
    ),
    "limits of whole numbers": ({"type": "integer", "minimum": 1}, {"type": "integer", "exclusiveMinimum": 0}),
    "what means nothing": (
        TEXT,
        {**TEXT, "minLength": 0, "title": "Text", "x-order": 1, "deprecated": True, "nullable": False},
    ),
    "others allowed": (
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": True}, "additionalProperties": True},
    ),
    "others not allowed": (
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        {"type": "object", "properties": {"a": {}}, "unevaluatedProperties": False},
    ),
    "1.0 and 1": ({"type": "number", "maximum": 1.0}, {"type": "number", "maximum": 1}),
    "a file": (
        {"type": "string", "format": "binary"},
        {"type": "string", "contentMediaType": "application/octet-stream"},
    ),
}

UNLIKE: dict[str, tuple[Any, Any]] = {
    "an option more": ({"enum": ["a"]}, {"anyOf": [{"const": "a"}, {"const": "b"}]}),
    "true and 1": ({"enum": [True]}, {"enum": [1]}),
    "1 and a text": ({"enum": [1]}, {"enum": ["1"]}),
    "a type that leaves nothing": ({"enum": ["a"]}, {"type": "integer", "enum": ["a"]}),
    "null": ({"type": "string"}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    "both and one of": (
        {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
    ),
    "members that forbid each other's fields": (
        {"type": "object", "properties": {"a": {}, "b": {}}, "additionalProperties": False},
        {
            "allOf": [{"properties": {"a": {}}, "additionalProperties": False}, {"properties": {"b": {}}}],
            "type": "object",
        },
    ),
    "an open limit of a number": ({"type": "number", "minimum": 1}, {"type": "number", "exclusiveMinimum": 0}),
    "a default": ({"type": "string"}, {"type": "string", "default": None}),
    "a pattern": (TEXT, {**TEXT, "pattern": "^a"}),
    "something deep": ({"items": {"items": {"enum": [1]}}}, {"items": {"items": {"enum": [2]}}}),
    "fields of other names": ({"patternProperties": {"^a": TEXT}}, {"patternProperties": {"^a": {"type": "string"}}}),
}


@pytest.mark.parametrize(("one", "other"), ALIKE.values(), ids=ALIKE)
def test_two_spellings_make_no_difference(one: Any, other: Any) -> None:
    assert differences(*(facts(with_schema(each, components=PARTS)) for each in (one, other))) == []


@pytest.mark.parametrize(("one", "other"), UNLIKE.values(), ids=UNLIKE)
def test_two_meanings_make_a_difference(one: Any, other: Any) -> None:
    assert differences(*(facts(with_schema(each, components=PARTS)) for each in (one, other))) != []


def test_a_schema_that_holds_itself_is_followed_once() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}, "n": {"type": "integer"}}}
    found = {
        str(place) for place in facts(with_schema({"$ref": "#/components/schemas/Node"}, components={"Node": node}))
    }
    assert {each for each in found if "body: " in each} == {
        "POST /v2/things body: type",
        "POST /v2/things body: n type",
        "POST /v2/things body: next type",
    }


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "#/components/schemas/None"}, '"#/components/schemas/None" leads nowhere'),
        ({"$ref": "other.json#/A"}, '"other.json#/A" refers to another file; put all into one'),
        ({"properties": {"a": 5}}, "want a schema, found 5"),
        ({"properties": []}, 'want an object for "properties", found []'),
        ({"anyOf": {}}, 'want a list for "anyOf", found {}'),
        ({"required": "a"}, 'want a list for "required", found "a"'),
        ({"required": [1]}, 'want a list of texts for "required", found [1]'),
        ({"type": 1}, 'want a text or a list of texts for "type", found 1'),
        ({"maxLength": "9"}, 'want a number for "maxLength", found "9"'),
        ({"minItems": True}, 'want a number for "minItems", found true'),
        ({"pattern": 1}, 'want a text for "pattern", found 1'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_schema_is_told_with_its_operation(schema: Any, said: str) -> None:
    with pytest.raises(BadDocument) as told:
        facts(with_schema(schema))
    assert str(told.value).startswith(f"POST /v2/things: {said}")


def test_references_that_unfold_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_NODES", 2000)
    bomb = {
        f"S{n}": {"properties": {side: {"$ref": f"#/components/schemas/S{n + 1}"} for side in ("a", "b", "c", "d")}}
        for n in range(12)
    }
    with pytest.raises(BadDocument, match="unfolds into more than"):
        facts(with_schema({"$ref": "#/components/schemas/S0"}, components={**bomb, "S12": {}}))


def test_what_is_nested_too_deep_is_refused() -> None:
    schema: Any = {}
    for _ in range(900):
        schema = {"items": schema}
    with pytest.raises(BadDocument, match="nested too deep"):
        facts(with_schema(schema))
