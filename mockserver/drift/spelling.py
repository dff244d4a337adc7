"""One spelling for what a schema can say in several ways: each step gives another schema that means the same."""

from collections.abc import Callable
from typing import Any

from mockserver.core.catalog import Schema
from mockserver.drift.joining import apart, joined, nullable, text_of, types_of, unit_of

CHOICES = frozenset({"additionalProperties", "allOf", "anyOf", "if", "oneOf"})
"""Beside one of these, fields that are not judged yet are other ones than fields that are not named."""
MEANS_NOTHING: dict[str, tuple[Any, ...]] = {
    "additionalProperties": ({},),
    "items": ({},),
    "minItems": (0,),
    "minLength": (0,),
    "minProperties": (0,),
    "properties": ({},),
    "required": ([],),
}


def spelled(parts: Schema) -> Schema:
    """The schema, whose inner schemas are in that spelling already."""
    for step in STEPS:
        parts = step(parts)
    return parts


def _of_now(parts: Schema) -> Schema:
    """Without what OpenAPI 3.0 wrote in another way: `nullable`, and limits that are switches."""
    parts = dict(parts)
    for switch, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(parts.get(switch), bool):
            is_on = parts.pop(switch)
            if is_on and limit in parts:
                parts[switch] = parts.pop(limit)
    if "const" in parts:
        parts["enum"] = [parts.pop("const")]
    if parts.get("uniqueItems") is False:
        del parts["uniqueItems"]
    if parts.pop("nullable", False) is True:
        parts = nullable(parts)
    if parts.get("contentMediaType") == "application/octet-stream":
        del parts["contentMediaType"]
        parts.setdefault("format", "binary")
    return parts


def _merged(parts: Schema) -> Schema:
    """With those members of `allOf` taken in that can be; the others stay."""
    left: list[Schema] = []
    whole = {key: value for key, value in parts.items() if key != "allOf"}
    for member in parts.get("allOf", ()):
        taken = joined(whole, member)
        if taken is None:
            left.append(member)
        else:
            whole = taken
    if not left:
        return whole
    rest, choices = apart(whole)
    return {**rest, "allOf": sorted([*left, *choices], key=text_of)}


def _chosen(parts: Schema) -> Schema:
    """With `anyOf` and `oneOf` as a list of types or options, where they are no more than that."""
    for key in ("anyOf", "oneOf"):
        if key in parts:
            branch = unit_of(parts[key], is_any=key == "anyOf")
            rest = {name: value for name, value in parts.items() if name != key}
            whole = None if branch is None else joined(rest, branch)
            parts = parts if whole is None else whole
    return parts


def _closed(parts: Schema) -> Schema:
    """With `unevaluatedProperties` as what it means where nothing is chosen between."""
    if "unevaluatedProperties" in parts and not parts.keys() & {
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "additionalProperties",
    }:
        return {("additionalProperties" if k == "unevaluatedProperties" else k): v for k, v in parts.items()}
    return parts


def _typed(parts: Schema) -> Schema:
    """With types in order, only those that an option has, and `integer` where all options are whole."""
    kinds = types_of(parts)
    parts = {key: value for key, value in parts.items() if key != "type"}
    if "enum" in parts:
        fitting = [each for each in parts["enum"] if not kinds or kind_of(each) in _wide(kinds)]
        parts["enum"] = list({text_of(each): each for each in fitting}.values())
        kinds = [kind_of(each) for each in parts["enum"]]
    superfluous = {"integer"} if "number" in kinds else set()
    kinds = sorted({*kinds} - superfluous, key=lambda kind: (kind == "null", kind))
    return {"type": kinds[0] if len(kinds) == 1 else kinds, **parts} if kinds else parts


def kind_of(value: Any) -> str:
    """The narrowest type of JSON Schema that a value has."""
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return KINDS[type(value)]


KINDS = {type(None): "null", bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


def _wide(kinds: list[str]) -> list[str]:
    return [*kinds, "integer"] if "number" in kinds else kinds


def _limited(parts: Schema) -> Schema:
    """With closed limits of whole numbers, without what means nothing, with `properties` where fields are told of."""
    parts = dict(parts)
    is_whole = {*types_of(parts)} - {"null"} == {"integer"}
    for open_limit, limit, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
        if is_whole and limit not in parts and float(parts.get(open_limit, 0.5)).is_integer():
            parts[limit] = int(parts.pop(open_limit)) + step
    kept = {key: value for key, value in parts.items() if value not in MEANS_NOTHING.get(key, ()) or value is False}
    if kept.keys() & {"required", "additionalProperties"}:
        kept.setdefault("properties", {})
    return kept


STEPS: tuple[Callable[[Schema], Schema], ...] = (_of_now, _merged, _chosen, _closed, _typed, _limited)
