"""Valid requests made from a model's schema."""

from collections.abc import Callable
from typing import Any

from mockserver.core.catalog import Model, Schema
from mockserver.core.ids import uuid_from

Chance = Callable[[], float]
EXAMPLE_URL = "https://example.com/input.png"


def sample_body(model: Model, prompt: str, *, every: bool, chance: Chance) -> dict[str, Any]:
    """A valid body: with *every* parameter, or with the required ones and one more. *chance* gives 0 to 1."""
    body: dict[str, Any] = {"model": model.id}
    if model.prompt_max is not None:
        body["prompt"] = prompt[: model.prompt_max]
    schema = model.parameters_schema
    required = schema.get("required", [])
    optional = [name for name in schema["properties"] if name not in required]
    telling = [name for name in optional if schema["properties"][name].keys() - {"type"}] or optional
    chosen = optional if every else [telling[int(chance() * len(telling))]] if telling else []
    parameters = {
        name: _value(schema["properties"][name], chance)
        for name in schema["properties"]
        if name in [*required, *chosen]
    }
    if parameters:
        body[model.parameters_name] = parameters
    return body


def _value(schema: Schema, chance: Chance) -> Any:
    if "enum" in schema:
        return schema["enum"][int(chance() * len(schema["enum"]))]
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    match kind:
        case "boolean":
            return chance() < 0.5  # noqa: PLR2004 - heads or tails
        case "integer" | "number":
            return _number(schema, chance, is_whole=kind == "integer")
        case "array":
            return [_value(schema["items"], chance) for _ in range(max(1, schema.get("minItems", 1)))]
        case "object":
            return {name: _value(inner, chance) for name, inner in schema["properties"].items()}
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
