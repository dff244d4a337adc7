"""What an operation of a document takes as its body, by the model or the action that the body is for."""

from collections.abc import Iterable, Mapping
from typing import Any

from mockserver.core.catalog import Schema
from mockserver.drift.document import Described, Document
from mockserver.drift.plain import plain

CHOOSERS = ("model", "action")
"""Fields that tell the branches of a body apart."""

JSON, FORM = "application/json", "multipart/form-data"
MEDIA = {JSON: "body", FORM: "form"}


class Bodies(dict[str, Schema]):
    """Plain schemas of bodies by what they are for: `model NAME`, `action NAME`, `body`, `form`, `body MEDIA-TYPE`."""


def bodies_of(document: Document, operation: Described) -> Bodies:
    """The bodies that the operation takes; none where it takes none."""
    found = Bodies()
    for media, content in content_of(document, operation.value.get("requestBody"), "requestBody").items():
        schema = plain(document, content.get("schema", {}))
        found.update(branches_of(schema) if media == JSON else {MEDIA.get(media, f"body {media}"): schema})
    return found


def content_of(document: Document, holder: Any, place: str) -> Mapping[str, Mapping[str, Any]]:
    """The content of a request's body or an answer, by media type in small letters, without its parameters."""
    resolved = document.resolved(holder)
    if resolved is None:
        return {}
    content = document.mapping(document.mapping(resolved, place).get("content", {}), f"{place}.content")
    return {
        media.partition(";")[0].strip().lower(): document.mapping(value, f"{place}.content.{media}")
        for media, value in content.items()
    }


def branches_of(schema: Schema) -> Bodies:
    """A body's schema by model or action; whole, as `body`, where it cannot be told apart."""
    branches = list(_alternatives(schema))
    for chooser in CHOOSERS:
        named = [(_options(branch, chooser), branch) for branch in branches]
        if all(options for options, _ in named) and _is_telling(options for options, _ in named):
            return Bodies(
                {
                    f"{chooser} {option}": _for_one(branch, chooser, option)
                    for options, branch in named
                    for option in options
                }
            )
    return Bodies({"body": schema})


def _alternatives(schema: Schema) -> Iterable[Schema]:
    """The branches of a schema that is a choice and nothing else."""
    key = next((key for key in ("oneOf", "anyOf") if schema.keys() in ({key}, {key, "type"})), None)
    if key is None:
        yield schema
    else:
        for branch in schema[key]:
            yield from _alternatives(branch)


def _options(branch: Schema, chooser: str) -> list[str]:
    options = branch.get("properties", {}).get(chooser, {}).get("enum", [])
    return options if all(isinstance(option, str) for option in options) else []


def _is_telling(options: Iterable[list[str]]) -> bool:
    """Whether no option belongs to two branches."""
    flat = [option for each in options for option in each]
    return len({*flat}) == len(flat)


def _for_one(branch: Schema, chooser: str, option: str) -> Schema:
    field = {**branch["properties"][chooser], "enum": [option]}
    return {**branch, "properties": {**branch["properties"], chooser: field}}
