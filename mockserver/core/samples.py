"""Valid requests made from a model's schema."""

from collections.abc import Callable
from typing import Any

import jsonschema_rs

from mockserver.core.catalog import WEBHOOK_FIELDS, Model, Schema
from mockserver.core.ids import uuid_from

Chance = Callable[[], float]
EXAMPLE_URL = "https://example.com/input.png"


def sample_body(model: Model, prompt: str, *, every: bool, chance: Chance) -> dict[str, Any]:
    """A valid body: with *every* parameter, or with the required ones and one more. *chance* gives 0 to 1.

    Rules across fields may ask for one more, or one less. An action, which has no parameter object, has its fields
    beside each other.
    """
    body = _body(model, prompt, every=every, chance=chance)
    rules = [(rule, jsonschema_rs.validator_for(rule)) for rule in model.body_schema.get("allOf", ())]
    while broken := [rule for rule, compiled in rules if not compiled.is_valid(body)]:
        _mend(body, broken[0]["x-field"].split("."), model, chance)
    return body


def _mend(body: dict[str, Any], path: list[str], model: Model, chance: Chance) -> None:
    """Put in the field that a rule asks for, or leave out the one that it forbids; a text that is needed is cut."""
    at, schema = body, model.body_schema
    for step in path[:-1]:
        at, schema = at.setdefault(step, {}), schema["properties"][step]
    name = path[-1]
    if name not in at:
        at[name] = _value(schema["properties"][name], chance)
    elif name in schema.get("required", ()):
        at[name] = at[name][: len(at[name]) // 2]
    else:
        del at[name]


def _body(model: Model, prompt: str, *, every: bool, chance: Chance) -> dict[str, Any]:
    fields = model.body_schema["properties"]
    body = {name: fields[name]["enum"][0] for name in ("model", "action") if name in fields}
    if model.prompt_max is not None:
        body["prompt"] = prompt[: model.prompt_max]
    if not model.parameters_name:
        own = {name: schema for name, schema in fields.items() if name not in (*WEBHOOK_FIELDS, *body)}
        required = model.body_schema["required"]
        return body | _parameters({"properties": own, "required": required}, every=every, chance=chance)
    parameters = _parameters(model.parameters_schema, every=every, chance=chance)
    if parameters or model.parameters_name in model.body_schema["required"]:
        body[model.parameters_name] = parameters
    return body


def _parameters(schema: Schema, *, every: bool, chance: Chance) -> dict[str, Any]:
    required = schema.get("required", [])
    optional = [name for name in schema["properties"] if name not in required]
    telling = [name for name in optional if schema["properties"][name].keys() - {"type"}] or optional
    chosen = optional if every else [telling[int(chance() * len(telling))]] if telling else []
    return {
        name: _value(schema["properties"][name], chance)
        for name in schema["properties"]
        if name in [*required, *chosen]
    }


def _value(schema: Schema, chance: Chance) -> Any:
    if "enum" in schema:
        return schema["enum"][int(chance() * len(schema["enum"]))]
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    match kind:
        case "boolean":
            return chance() < 0.5  # noqa: PLR2004 - heads or tails
        case "integer" | "number":
            return _number(schema, chance, is_whole=kind == "integer")
        case "array":
            return [_value(schema.get("items", {}), chance) for _ in range(max(1, schema.get("minItems", 1)))]
        case "object":
            return {name: _value(inner, chance) for name, inner in schema.get("properties", {}).items()}
        case _:
            return _text(schema, chance)


def _number(schema: Schema, chance: Chance, *, is_whole: bool) -> float:
    low = float(schema["minimum"] if "minimum" in schema else schema.get("exclusiveMinimum", 0))
    high = float(schema.get("maximum", low + 1000))
    number = low + (high - low) * (0.25 + 0.5 * chance())
    return round(number) if is_whole else round(number, 2)


def _text(schema: Schema, chance: Chance) -> str:
    if schema.get("format") == "uri":
        return EXAMPLE_URL
    if schema.get("format") == "uuid":
        return uuid_from(int(chance() * 2**53) << 64)
    if "pattern" in schema:  # the one pattern in use is a ratio
        return "16:9"
    return "a text"[: schema.get("maxLength", 6)]
