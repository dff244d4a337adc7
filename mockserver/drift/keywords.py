"""The keywords of JSON Schema by what they hold, and a look at whether they do."""

from typing import Any

from mockserver.core.catalog import Schema
from mockserver.drift.document import BadDocument, shown

NOTES = frozenset(
    {
        "$anchor",
        "$comment",
        "$defs",
        "$id",
        "$schema",
        "definitions",
        "deprecated",
        "description",
        "discriminator",
        "example",
        "examples",
        "externalDocs",
        "readOnly",
        "title",
        "writeOnly",
        "xml",
    }
)
ONE = frozenset(
    {
        "additionalProperties",
        "contains",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
"""What holds a schema."""
OTHERS = frozenset({"additionalProperties", "unevaluatedProperties"})
"""What may say that there are none."""
MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
NAMED = frozenset({"dependentSchemas", "patternProperties", "properties"})
TEXTS = frozenset({"format", "pattern"})
NUMBERS = frozenset(
    {
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
    }
)
SWITCHES_OF_OLD = frozenset({"exclusiveMaximum", "exclusiveMinimum"})
"""What OpenAPI 3.0 has as true or false."""


def schemas_in(key: str, value: Any) -> Any:
    """The list or the object of schemas that a keyword holds.

    Raises:
        BadDocument: it holds something else.
    """
    return _a(dict if key in NAMED else list, key, value)


def judge(parts: Schema) -> None:
    """Return where every keyword holds what it can hold.

    Raises:
        BadDocument: one does not.
    """
    for key, value in parts.items():
        is_number = isinstance(value, int | float) and (not isinstance(value, bool) or key in SWITCHES_OF_OLD)
        if key in NUMBERS and not is_number:
            msg = f'want a number for "{key}", found {shown(value)}'
            raise BadDocument(msg)
        if key in TEXTS and not isinstance(value, str):
            msg = f'want a text for "{key}", found {shown(value)}'
            raise BadDocument(msg)
    for key in ("enum", "required"):
        _a(list, key, parts.get(key, []))
    kinds = parts.get("type", [])
    if not all(isinstance(kind, str) for kind in (kinds if isinstance(kinds, list) else [kinds])):
        msg = f'want a text or a list of texts for "type", found {shown(kinds)}'
        raise BadDocument(msg)
    if not all(isinstance(name, str) for name in parts.get("required", [])):
        msg = f'want a list of texts for "required", found {shown(parts["required"])}'
        raise BadDocument(msg)


def _a(kind: type, key: str, value: Any) -> Any:
    if not isinstance(value, kind):
        msg = f'want {"an object" if kind is dict else "a list"} for "{key}", found {shown(value)}'
        raise BadDocument(msg)
    return value
