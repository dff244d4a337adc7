"""When two requests are the same request."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.idempotency import fingerprint
from mockserver.core.jsontext import parse

OPERATION = "images.generate"
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
bodies = st.dictionaries(st.text(max_size=4), values, max_size=4)


def fingerprint_of(text: str, operation: str = OPERATION) -> bytes:
    return fingerprint(operation, parse(text.encode("utf-8", "surrogatepass")).value)


def shuffled(value: Any, draw: random.Random) -> Any:
    """The same JSON value with keys in another order and whole numbers as floats here and there."""
    if isinstance(value, dict):
        items = [(key, shuffled(item, draw)) for key, item in value.items()]
        draw.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        return [shuffled(item, draw) for item in value]
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_whole and draw.random() < 0.5 else value


def plain(value: Any) -> Any:
    """What tells two JSON values apart: type and value, with one type for numbers."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return ("number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__, value)


WRITERS = [json.JSONEncoder(), json.JSONEncoder(ensure_ascii=False), json.JSONEncoder(indent=2)]


@given(body=bodies, seed=st.integers(0, 2**32), writer=st.sampled_from(WRITERS))
def test_one_json_value_has_one_fingerprint_however_it_is_spelled(
    body: dict[str, Any], seed: int, writer: json.JSONEncoder
) -> None:
    assert fingerprint_of(writer.encode(shuffled(body, random.Random(seed)))) == fingerprint_of(json.dumps(body))


@given(one=bodies, other=bodies)
def test_two_json_values_have_two_fingerprints(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = fingerprint_of(json.dumps(one)) == fingerprint_of(json.dumps(other))
    assert same == (plain(one) == plain(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":1}', '{"a":1.0}'),
        ('{"a":100}', '{"a":1e2}'),
        ('{"a":0}', '{"a":-0.0}'),
        ('{"a":1,"b":2}', '{ "b": 2, "a": 1 }'),
        ('{"a":"é"}', '{"a":"\\u00e9"}'),
        ('{"a":1,"a":2}', '{"a":2}'),
        ('{"a":12345678901234567890}', '{"a":1.2345678901234567e19}'),
        ('{"a":"😀"}', '{"a":"\\ud83d\\ude00"}'),
    ],
)
def test_these_bodies_are_the_same(one: str, other: str) -> None:
    assert fingerprint_of(one) == fingerprint_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":1}', '{"a":true}'),
        ('{"a":0}', '{"a":false}'),
        ('{"a":1}', '{"a":"1"}'),
        ('{"a":null}', "{}"),
        ('{"a":[1,2]}', '{"a":[2,1]}'),
        ('{"a":"é"}', '{"a":"e\\u0301"}'),
        ('{"a":"x"}', '{"a":"x "}'),
        ('{"a":1}', '{"a":1.5}'),
        ('{"a":{"b":1}}', '{"a":{"b":{}}}'),
    ],
)
def test_these_bodies_differ(one: str, other: str) -> None:
    assert fingerprint_of(one) != fingerprint_of(other)


def test_the_same_body_for_another_operation_is_another_request() -> None:
    assert fingerprint_of("{}", "images.generate") != fingerprint_of("{}", "images.edit")


def test_a_lone_surrogate_can_be_part_of_a_fingerprint() -> None:
    assert fingerprint_of('{"a":"\\ud800"}') != fingerprint_of('{"a":"\\ud801"}')
