"""The price of a model whose body has changed: the old rule as far as it goes."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice, product
from typing import Any

from mockserver.core.catalog import Model, Schema
from mockserver.core.pricing import count_of, price
from mockserver.drift.joining import types_of
from mockserver.drift.reading import field_at, may_hold_more

MOST = 20_000
"""Combinations of settings that are tried."""
FEW = 64
GUESSED = "suggested"
STRANGE = "\0"
"""A setting that no price knows."""
UNPRICED = (KeyError, OverflowError, TypeError, ValueError)


def priced_by(model: Model, body: Schema) -> Model:
    """The row with a price for every body that the schema allows, and a count of files.

    A setting that the price does not know costs what its default costs; where that is not enough, each job costs
    what the defaults cost. A price that had to change is "suggested".
    """
    if not _counts(model, body):
        model = replace(model, outputs=_default(model.outputs))
    for row in (model, _widened(model, body)):
        if _is_whole(row, body):
            return row
    return replace(model, price={"credits": price(model, {})}, confidence=GUESSED)


def _is_whole(model: Model, body: Schema) -> bool:
    """Whether each setting has a price."""
    paths = [reference["param"].split(".") for reference in _references(model.price) if "param" in reference]
    values = [_values(body, path) for path in paths]
    try:
        for chosen in islice(product(*values), MOST):
            price(model, _body(paths, chosen))
    except UNPRICED:
        return False
    return True


def _counts(model: Model, body: Schema) -> bool:
    if isinstance(model.outputs, int):
        return True
    path = model.outputs["param"].split(".")
    try:
        return all(count_of(model.outputs, _body([path], [value])) >= 1 for value in _values(body, path))
    except UNPRICED:
        return False


def _default(outputs: int | Mapping[str, Any]) -> int:
    return count_of(outputs, {})


def _widened(model: Model, body: Schema) -> Model:
    """The row with what its price does not know taken for the default."""
    parts = [_with_all(part, body, model) for part in model.price.get("by", ())]
    return replace(model, price={**model.price, "by": parts}, confidence=GUESSED)


def _with_all(part: Mapping[str, Any], body: Schema, model: Model) -> Mapping[str, Any]:
    path = part["param"].split(".")
    found = field_at(body, path)
    settings = None if found is None else _listed(found.schema)
    if settings is None:
        return part
    known = part.get("map", {})
    default = _text(part["default"])
    mapped = {
        _text(value): known.get(_text(value), _text(value))
        if _has_price(model, path, value)
        else known.get(default, default)
        for value in [*settings, part["default"]]
    }
    return {**part, "map": {**known, **mapped}}


def _has_price(model: Model, path: list[str], value: Any) -> bool:
    try:
        price(model, _body([path], [value]))
    except UNPRICED:
        return False
    return True


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_ABSENT = object()


def _values(body: Schema, path: list[str]) -> list[Any]:
    """Settings of a field, and none; where they are too many, some that stand for them."""
    found = field_at(body, path)
    if found is None:
        return [_ABSENT, STRANGE] if may_hold_more(body, path) else [_ABSENT]
    listed = _listed(found.schema)
    if listed is not None:
        return [_ABSENT, *listed]
    low, high = found.schema.get("minimum", 1), found.schema.get("maximum", 1000)
    is_number = {*types_of(found.schema)} <= {"integer", "number"} and bool(types_of(found.schema))
    return [_ABSENT, *((low, high, (low + high) / 2) if is_number else (STRANGE,))]


def _listed(schema: Schema) -> list[Any] | None:
    """All values that a field can have; none where they are too many."""
    if "enum" in schema:
        return list(schema["enum"])
    found: list[Any] = []
    for kind in types_of(schema) or [""]:
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        if kind == "boolean":
            found += [False, True]
        elif kind == "integer" and high - low <= FEW:
            found += range(math.ceil(low), math.floor(high) + 1)
        elif kind == "null":
            found.append(None)
        else:
            return None
    return found


def _references(rule: Any) -> Iterator[Mapping[str, Any]]:
    """The parts of a price that name a field."""
    for part in (*rule.get("by", ()), rule.get("count"), rule.get("seconds"), rule.get("megapixels", {}).get("scale")):
        if isinstance(part, Mapping):
            yield part


def _body(paths: list[list[str]], values: Any) -> dict[str, Any]:
    """A body in which each path holds its value."""
    body: dict[str, Any] = {}
    for path, value in zip(paths, values, strict=True):
        if value is not _ABSENT:
            at = body
            for step in path[:-1]:
                at = at.setdefault(step, {})
            at[path[-1]] = value
    return body
