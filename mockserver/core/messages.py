"""The texts of `details`, in the style of the vendor's validator; clients must not rely on them.

Source: facts.md section 4.
"""

import json
from collections.abc import Mapping
from typing import Any

MAX_NAME = 64
MAX_NAMES = 10
INVALID = "Invalid input"


def wrong_type(schema: Mapping[str, Any], received: str) -> str:
    """The value, or its absence (*received* is `undefined`), has another type than the schema's first."""
    if "enum" in schema:
        return not_an_option(schema["enum"])
    wanted = schema.get("type", "nonoptional")
    wanted = wanted if isinstance(wanted, str) else wanted[0]
    if wanted == "integer":
        wanted = "int" if received == "float" else "number"
    if received == "float" or (received == "Infinity" and wanted != "number"):
        received = "number"
    return f"{INVALID}: expected {wanted}, received {received}"


def not_an_option(options: list[Any]) -> str:
    """The value is not in the list."""
    if not all(isinstance(option, str) for option in options):
        return INVALID
    return "Invalid option: expected one of " + "|".join(json.dumps(option) for option in options)


def out_of_range(keyword: str, limit: Any) -> str:
    """A number, text or list is beyond its limit; *keyword* is the schema's."""
    sign, unit = LIMITS[keyword]
    size = "Too small" if sign.startswith(">") else "Too big"
    thing, _, units = unit.partition(" ")
    shown = f"{sign}{limit:g}" if isinstance(limit, float) else f"{sign}{limit}"
    return f"{size}: expected {thing} to {'have' if units else 'be'} {shown}{' ' + units if units else ''}"


def wrong_format(name: str) -> str:
    """The text is no URL, UUID and so on."""
    return {"uri": "Invalid URL", "uuid": "Invalid UUID"}.get(name, f"Invalid {name}")


def wrong_pattern(pattern: str) -> str:
    """The text does not match."""
    return f"Invalid string: must match pattern /{pattern}/"


def unrecognized(names: list[str]) -> str:
    """The object holds fields that do not exist; long names and long lists are shortened."""
    shown = [json.dumps(shortened(name), ensure_ascii=False) for name in names[:MAX_NAMES]]
    if len(names) > MAX_NAMES:
        shown.append(f"and {len(names) - MAX_NAMES} more")
    return f"Unrecognized key{'s' if len(names) > 1 else ''}: {', '.join(shown)}"


def shortened(name: str) -> str:
    """At most 64 characters of a name that came from outside."""
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"


def received_name(value: Any) -> str:
    """What JavaScript calls the value; a number that is not whole is `float`."""
    if isinstance(value, float) and not value.is_integer():
        return "float"
    return _NAMES[type(value)]


_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
LIMITS = {
    "minimum": (">=", "number"),
    "maximum": ("<=", "number"),
    "exclusiveMinimum": (">", "number"),
    "exclusiveMaximum": ("<", "number"),
    "minLength": (">=", "string characters"),
    "maxLength": ("<=", "string characters"),
    "minItems": (">=", "array items"),
    "maxItems": ("<=", "array items"),
}
