"""What fields take and which rules hold across them, in a few words."""

import json

from mockserver.core.catalog import Schema

_LIMITS = (
    ("minimum", "exclusiveMinimum", "minLength", "minItems"),
    ("maximum", "exclusiveMaximum", "maxLength", "maxItems"),
)


def accepts(schema: Schema) -> str:
    """What a field takes."""
    if "enum" in schema:
        return " | ".join(json.dumps(option) for option in schema["enum"])
    kinds = schema.get("type", "anything")
    words = [kinds if isinstance(kinds, str) else " or ".join(kinds)]
    if "items" in schema:
        words.append(f"of {accepts(schema['items'])}")
    if "properties" in schema:
        fields = (f"{name}: {accepts(inner)}" for name, inner in schema["properties"].items())
        words = ["{" + ", ".join(fields) + "}"]
    low, high = (next((schema[key] for key in keys if key in schema), None) for keys in _LIMITS)
    if low is not None or high is not None:
        words.append(f"{'' if low is None else low}..{'' if high is None else high}")
    words += [f"{schema[key]}" for key in ("format", "pattern") if key in schema]
    return " ".join(words)


def rule_told(rule: Schema) -> tuple[str, str]:
    """The field that a rule across fields is about, and what it says of it and of the others that it depends on."""
    field, paths = rule["x-field"], _paths(rule, "")
    others = [path for path in paths if path != field and not any(other.startswith(f"{path}.") for other in paths)]
    told = rule["x-message"].removeprefix("Invalid input: ")
    return field, f"{told} (depends on {', '.join(sorted(others))})" if others else told


def _paths(schema: Schema, place: str) -> set[str]:
    """The dotted paths of all fields that a schema speaks of."""
    fields = schema.get("properties", {})
    found = {f"{place}{name}" for name in (*fields, *schema.get("required", ()))}
    for name, inner in fields.items():
        found |= _paths(inner, f"{place}{name}.")
    for branch in (*schema.get("anyOf", ()), *([schema["not"]] if "not" in schema else [])):
        found |= _paths(branch, place)
    return found
