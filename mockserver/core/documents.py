"""A document that a person wrote, against its schema: what is wrong, where, with which value, and what is allowed.

The schemas say what is allowed in words, as `description`, which is what the messages say too.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, NamedTuple

import jsonschema_rs

from mockserver.core.catalog import Schema
from mockserver.core.jsontext import encode

MAX_MISTAKES = 20
MAX_SHOWN = 80


class Mistake(NamedTuple):
    """One thing wrong; `place` is a path such as `faults[0].delay`, empty for the document itself."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


class DocumentError(Exception):
    """A document will not do; `mistakes` are all that was found."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = mistakes


class DocumentCheck:
    """One compiled schema for documents."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._compiled = jsonschema_rs.Draft202012Validator(schema)

    def check(self, document: Any) -> None:
        """Return for a valid document.

        Raises:
            DocumentError: with its mistakes, at most twenty.
        """
        try:
            errors = list(islice(self._compiled.iter_errors(document), MAX_MISTAKES))
        except ValueError as error:  # nested beyond what the validator follows, or a lone surrogate
            raise DocumentError([Mistake("", f"cannot be read: {error}")]) from None
        found = [self._mistake(error) for error in errors]
        if found:
            raise DocumentError(list(dict.fromkeys(found)))

    def _mistake(self, error: jsonschema_rs.ValidationError) -> Mistake:
        value, path = error.instance, list(error.instance_path)
        schema, described = self._along(list(error.schema_path))
        keyword = str(error.schema_path[-1]) if error.schema_path else ""
        if keyword == "additionalProperties" and isinstance(value, dict):
            return Mistake(_place(path), _unknown_fields(value, schema.get("properties", {})))
        if keyword == "required" and isinstance(value, dict):
            missing = [name for name in schema["required"] if name not in value]
            return Mistake(_place(path), f"lacks {', '.join(map(_quoted, missing))}")
        return Mistake(_place(path), f"{_quoted(value)} will not do: want {described or error.message}")

    def _along(self, path: list[str | int]) -> tuple[Mapping[str, Any], str]:
        """The schema that holds the last keyword of a path, and the words of the nearest one that has some."""
        at: Any = self._schema
        schema: Mapping[str, Any] = at
        described = at.get("description", "")
        for step in path[:-1]:
            at = at[int(step) if isinstance(at, list) else step]
            if isinstance(at, dict):
                schema = at
                described = at.get("description", described) if isinstance(at.get("description", ""), str) else ""
        return schema, described


def _unknown_fields(value: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    name = next(name for name in value if name not in known)
    alike = get_close_matches(name, known, n=1)
    hint = f"did you mean {_quoted(alike[0])}?" if alike else f"there are {', '.join(known)}"
    return f"there is no {_quoted(name)}; {hint}"


def _place(path: Sequence[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _quoted(value: Any) -> str:
    text = encode(value).decode()
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
