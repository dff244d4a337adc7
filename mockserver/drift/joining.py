"""Two plain schemas as one that asks for both, and several to choose from as one, where that is simple."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from mockserver.core.catalog import Schema

NULL = "null"
TOGETHER = (("anyOf",), ("oneOf",), ("not",), ("if", "then", "else"))
"""Keywords that say one thing only together."""


def joined(one: Schema, other: Schema) -> Schema | None:
    """A schema that accepts what both accept; none where it would take more than a keyword's own rule to say it."""
    if not _are_open_to_each_other(one, other):
        return None
    whole = dict(one)
    for key, value in other.items():
        if key not in whole:
            whole[key] = value
        elif text_of(whole[key]) != text_of(value):
            both = _JOINS[key](whole[key], value) if key in _JOINS else None
            if both is None:
                return None
            whole[key] = both
    return whole


def unit_of(branches: Sequence[Schema], *, is_any: bool) -> Schema | None:
    """One schema instead of several to choose from: a list of types or of options, or the only one left.

    With *is_any* more than one may fit a value (`anyOf`), else exactly one (`oneOf`). None where it is not so simple.
    """
    if is_any and {} in branches:
        return {}
    valued = [each for each in branches if types_of(each) != [NULL]]
    rest = [each for each in valued if not (is_any and _is_said_by_another(each, valued))]
    unit = rest[0] if len(rest) == 1 else _list_of(rest, is_any=is_any)
    if unit is None or len(valued) == len(branches):
        return unit
    return nullable(unit) if "type" in unit else None


def nullable(schema: Schema) -> Schema:
    """The schema for values of before, and null."""
    found = dict(schema)
    if "type" in found and NULL not in types_of(found):
        found["type"] = [*types_of(found), NULL]
    if None not in found.get("enum", [None]):
        found["enum"] = [*found["enum"], None]
    return found


def types_of(schema: Schema) -> list[str]:
    """The types that a schema names, in its order."""
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def apart(schema: Schema) -> tuple[Schema, list[Schema]]:
    """The schema without its choices and conditions, and those, each a schema of its own."""
    found = [{key: schema[key] for key in keys if key in schema} for keys in TOGETHER if schema.keys() & {*keys}]
    taken = {key for each in found for key in each}
    return {key: value for key, value in schema.items() if key not in taken}, found


def text_of(value: Any) -> str:
    """A JSON value as text in which order of fields makes no difference, and 1.0 is 1."""
    return json.dumps(_even(value), sort_keys=True)


def _even(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_even(each) for each in value]
    if isinstance(value, dict):
        return {key: _even(each) for key, each in value.items()}
    return value


def _list_of(branches: Sequence[Schema], *, is_any: bool) -> Schema | None:
    """The branches as one list, of options or of types; none where they say more than that."""
    kinds = list(dict.fromkeys(kind for each in branches for kind in types_of(each)))
    if all(each.keys() == {"type", "enum"} for each in branches):
        options = [option for each in branches for option in each["enum"]]
        is_sound = is_any or len({text_of(option) for option in options}) == len(options)
        return {"type": kinds, "enum": options} if is_sound else None
    if all(each.keys() == {"type"} for each in branches):
        is_sound = is_any or (len(kinds) == sum(len(types_of(each)) for each in branches) and "integer" not in kinds)
        return {"type": kinds} if is_sound else None
    return None


def _is_said_by_another(one: Schema, branches: Sequence[Schema]) -> bool:
    """Whether another branch lets in whatever this one does, by its type alone."""
    kinds = set(types_of(one))
    return any(
        other is not one and other.keys() == {"type"} and kinds and kinds <= {*types_of(other)} and other != one
        for other in branches
    )


def _are_open_to_each_other(one: Schema, other: Schema) -> bool:
    """Whether neither forbids fields that the other names: joined, it would allow them."""
    key = "additionalProperties"
    return all(
        key not in closed or {*free.get("properties", {})} <= {*closed.get("properties", {})}
        for closed, free in ((one, other), (other, one))
    )


def _types(one: Any, other: Any) -> Any:
    ours, theirs = ([each] if isinstance(each, str) else list(each) for each in (one, other))
    both = [kind for kind in ours if kind in theirs or (kind == "integer" and "number" in theirs)]
    both += ["integer"] if "number" in ours and "integer" in theirs and "number" not in both else []
    return (both[0] if len(both) == 1 else both) or None


def _options(one: list[Any], other: list[Any]) -> Any:
    known = {text_of(each) for each in other}
    return [each for each in one if text_of(each) in known] or None


def _fields(one: dict[str, Schema], other: dict[str, Schema]) -> dict[str, Schema]:
    return {**one, **{name: _both(one[name], value) if name in one else value for name, value in other.items()}}


def _both(one: Schema, other: Schema) -> Schema:
    whole = joined(one, other)
    return {"allOf": [one, other]} if whole is None else whole


_JOINS: dict[str, Callable[[Any, Any], Any]] = {
    "default": lambda _, other: other,
    "enum": _options,
    "items": _both,
    "properties": _fields,
    "required": lambda one, other: list(dict.fromkeys([*one, *other])),
    "type": _types,
    **dict.fromkeys(("exclusiveMinimum", "minItems", "minLength", "minProperties", "minimum"), max),
    **dict.fromkeys(("exclusiveMaximum", "maxItems", "maxLength", "maxProperties", "maximum"), min),
}
