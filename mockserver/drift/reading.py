"""What the mock reads from a body beside its schema, and whether another schema gives it alike."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mockserver.core.catalog import Model, Schema
from mockserver.core.parents import PARENT
from mockserver.drift.joining import types_of

OF_ACTIONS = (PARENT, "index", "trackId")


class Found(NamedTuple):
    """A field of a schema."""

    schema: Schema
    is_required: bool
    """Whether every valid body has it."""


def field_at(body: Schema, path: Sequence[str]) -> Found | None:
    """The field at a path of names; none where the schema names none."""
    schema, is_required = body, True
    for step in path:
        if step not in schema.get("properties", {}):
            return None
        is_required = is_required and step in schema.get("required", ()) and "object" in types_of(schema)
        schema = schema["properties"][step]
    return Found(schema, is_required)


def may_hold_more(body: Schema, path: Sequence[str]) -> bool:
    """Whether a valid body may have anything there, since the schema does not name it and does not forbid it."""
    schema = body
    for step in path:
        if step not in schema.get("properties", {}):
            return schema.get("additionalProperties") is not False and "object" in (types_of(schema) or ["object"])
        schema = schema["properties"][step]
    return False


def text_at(body: Schema, path: Sequence[str]) -> bool:
    """Whether a field there is a text and nothing else."""
    found = field_at(body, path)
    return found is not None and types_of(found.schema) == ["string"]


def is_read_alike(model: Model, body: Schema) -> bool:
    """Whether what the row reads of its body is of the same types in another one, and there where it has to be."""
    return all(_is_alike(model.body_schema, body, path) for path in _read(model))


def _read(model: Model) -> Iterator[list[str]]:
    if model.parent is not None:
        yield from ([name] for name in OF_ACTIONS)
    if model.lora:
        yield model.lora.split(".")
    if model.probe is not None:
        yield model.probe["param"].split(".")
    yield from (text.split(".") for text in _paths_in(model.songs))


def _paths_in(node: Any) -> Iterator[str]:
    """The texts of the row's `songs` that may be paths; one that is none is no field."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for inner in node.values():
            yield from _paths_in(inner)


def _is_alike(old: Schema, new: Schema, path: Sequence[str]) -> bool:
    ours, theirs = field_at(old, path), field_at(new, path)
    if ours is None:
        return True
    if theirs is None:
        return not (ours.is_required or may_hold_more(new, path))
    kinds = {*types_of(theirs.schema)}
    wide = {*types_of(ours.schema)} | ({"integer"} if "number" in types_of(ours.schema) else set())
    return bool(kinds) and kinds <= wide and theirs.is_required >= ours.is_required
