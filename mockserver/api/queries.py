"""Query parameters, read as the types that their schema names and checked by it."""

import re
from typing import Any

from mockserver.core.catalog import Schema
from mockserver.core.errors import Invalid
from mockserver.core.jsontext import Parsed
from mockserver.core.validation import SchemaCheck, details_of
from mockserver.http.request import Request

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)


class QueryReader:
    """Reads the query of one operation. Parameters that the schema does not name are ignored, as in production."""

    def __init__(self, schema: Schema) -> None:
        self._check = SchemaCheck(schema)
        self._fields: dict[str, Schema] = schema["properties"]

    def read(self, request: Request) -> dict[str, Any]:
        """The parameters with the schema's defaults.

        Raises:
            Invalid: with every problem.
        """
        sent = request.single_values()
        values = {name: typed(sent[name], schema) for name, schema in self._fields.items() if name in sent}
        problems = self._check.problems(Parsed(values, has_astral=False))
        if problems:
            raise Invalid(details_of(problems))
        return {
            n: values.get(n, schema.get("default"))
            for n, schema in self._fields.items()
            if n in values or "default" in schema
        }


def typed(text: str, schema: Schema) -> Any:
    """The text as the type that the schema names; as it is where it is none of that type."""
    if schema["type"] != "integer" or not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    return int(number) if number.is_integer() else number
