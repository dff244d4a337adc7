"""The fast validator and the reference library `jsonschema` come to one verdict on every body of every model."""

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import extend

from mockserver.core.catalog import Model
from mockserver.core.jsontext import encode, parse
from mockserver.core.samples import sample_body
from mockserver.core.urls import is_url
from mockserver.core.validation import SchemaCheck
from mockserver.schemas import catalog

MODELS = catalog().all_models()
CHECKS = {model.id: SchemaCheck(model.body_schema) for model in MODELS}


def limit(counts: Callable[[int, int], bool]) -> Callable[..., Iterator[jsonschema.ValidationError]]:
    def check(_: Any, bound: int, text: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
        if isinstance(text, str) and not counts(len(text.encode("utf-16-le", "surrogatepass")) // 2, bound):
            yield jsonschema.ValidationError("length in UTF-16 units")

    return check


def pattern(_: Any, expression: str, text: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    """Judge as JavaScript: digits are ASCII, and `$` is the very end."""
    if isinstance(text, str) and not re.search(expression.replace("$", r"\Z"), text, re.ASCII):
        yield jsonschema.ValidationError("pattern")


FORMATS = jsonschema.FormatChecker(["uuid"])
FORMATS.checks("uri")(lambda text: not isinstance(text, str) or is_url(text))
Reference = extend(  # type: ignore[no-untyped-call]  # the stubs know no more
    jsonschema.Draft202012Validator,
    {
        "minLength": limit(lambda length, bound: length >= bound),
        "maxLength": limit(lambda length, bound: length <= bound),
        "pattern": pattern,
    },
)
REFERENCES = {model.id: Reference(model.body_schema, format_checker=FORMATS) for model in MODELS}

TEXTS = [
    "", "x", "1", "16:9", "16:9\n", "16x9", "\u0661:\u0661", "http://a", "a:b", "http://", "http://a b", "1K", "auto",
    "jpg", "PNG", "progress", "done", "\ud800", "http://a/\ud800", "\u00e9" * 2000, "x" * 2001, "x" * 5001,
    "\U0001f600" * 1000, "\U0001f600" * 1001, "\U0001f600" * 250, "\U0001f600" * 251,
    "a1b2c3d4-e5f6-7890-abcd-ef1234567890", "a1b2c3d4e5f67890abcdef1234567890", "A1B2C3D4-E5F6-7890-ABCD-EF123456789G",
]  # fmt: skip
texts = st.sampled_from(TEXTS) | st.text(max_size=6)
numbers = (
    st.integers(-5, 60)
    | st.sampled_from([0.0, -0.0, 1.0, 1.5, 4.5, 100, 101, 255, 256, 512.0, 2048, 2049, 4096, 4097, 2**53 + 1, 10**30])
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=16) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=16,
)


def mutated(body: dict[str, Any], data: st.DataObject) -> Any:
    """The body with one thing changed, dropped or added, anywhere in it."""
    spots: list[tuple[Any, Any]] = list(places(body))
    kind = data.draw(st.sampled_from(["replace", "replace", "replace", "drop", "add", "repeat", "whole"]))
    if kind == "whole":
        return data.draw(values)
    node, key = data.draw(st.sampled_from(spots))
    match kind:
        case "drop":
            del node[key]
        case "add" if isinstance(node, dict):
            node[data.draw(texts | st.sampled_from(["fluxParams", "seed", "prompt"]))] = data.draw(values)
        case "repeat" if isinstance(node[key], list):
            node[key] = node[key] * data.draw(st.integers(0, 16))
        case _:
            node[key] = data.draw(values)
    return body


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        yield node, key
        yield from places(node[key])


def verdicts(model: Model, raw: bytes) -> tuple[bool, bool]:
    parsed = parse(raw)
    return not CHECKS[model.id].problems(parsed), REFERENCES[model.id].is_valid(parsed.value)


@settings(max_examples=200)
@given(model=st.sampled_from(MODELS), seed=st.integers(0, 2**32), every=st.booleans())
def test_both_accept_a_valid_body(model: Model, seed: int, every: bool) -> None:  # noqa: FBT001 - drawn
    body = sample_body(model, "a fox", every=every, chance=random.Random(seed).random)
    assert verdicts(model, encode(body)) == (True, True)


@settings(max_examples=300)
@given(model=st.sampled_from(MODELS), seed=st.integers(0, 2**32), data=st.data(), changes=st.integers(1, 2))
def test_both_judge_a_changed_body_alike(model: Model, seed: int, data: st.DataObject, changes: int) -> None:
    body: Any = {
        "webhookUrl": "http://a",
        "webhookEvents": ["completed", "failed"],
        **sample_body(model, "a fox", every=True, chance=random.Random(seed).random),
    }
    for _ in range(changes):
        body = mutated(body, data) if isinstance(body, dict) and body else body
    ours, theirs = verdicts(model, encode(body))
    assert ours == theirs


def first_fields() -> dict[str, tuple[Model, list[tuple[str, ...]]]]:
    """Each model with those of its fields whose schema no model before it has."""
    known: set[str] = set()
    found: dict[str, tuple[Model, list[tuple[str, ...]]]] = {}
    for model in MODELS:
        common, own = model.body_schema["properties"], model.parameters_schema["properties"]
        inner = model.parameters_name
        fields: dict[tuple[str, ...], Any] = {(name,): schema for name, schema in common.items()}
        fields |= {(inner, name): schema for name, schema in own.items()}
        new = [path for path, schema in fields.items() if str(schema) not in known]
        known |= {str(schema) for schema in fields.values()}
        if new:
            found[model.id] = (model, new)
    return found


@pytest.mark.parametrize(("model", "fields"), first_fields().values(), ids=first_fields())
def test_both_judge_each_odd_value_in_each_field_alike(model: Model, fields: list[tuple[str, ...]]) -> None:
    odd: list[Any] = [*TEXTS, None, True, 0, 1, 1.5, -1, 1e30, [], ["http://a"], ["x"], ["http://a"] * 15, {}, {"a": 1}]
    plain = {
        "webhookUrl": "http://a",
        "webhookEvents": ["progress"],
        **sample_body(model, "a fox", every=True, chance=lambda: 0.5),
    }
    disagreed = []
    for path in fields:
        for value in odd:
            body = json.loads(json.dumps(plain))
            at(body, path[:-1])[path[-1]] = value
            ours, theirs = verdicts(model, encode(body))
            disagreed += [(path, value)] if ours != theirs else []
    assert disagreed == []


def at(body: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        body = body[step]
    return body
