"""A document taken apart into plain facts, such as that this field of this model is at most 2000 long."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mockserver.core.catalog import Schema
from mockserver.drift.document import BadDocument, Described, Document
from mockserver.drift.joining import text_of, types_of
from mockserver.drift.plain import RULES, plain
from mockserver.drift.requests import JSON, bodies_of, content_of

TOLD = frozenset({"additionalProperties", "enum", "items", "properties", "required", "type", RULES})
"""Keywords that make a fact of their own kind."""
YES = "true"
NO_HEADERS = frozenset({"accept", "authorization", "content-type"})
"""OpenAPI says that parameters of these names mean nothing."""


class Place(NamedTuple):
    """Where a fact stands."""

    operation: str
    """As in `GET /v2/jobs`."""
    part: str = ""
    """As in `query limit`, `model NAME`, `body`, `200`; empty for the operation itself."""
    path: tuple[str, ...] = ()
    """Names of fields; `[]` for the items of a list, `*` for fields of any other name."""
    keyword: str = ""

    def __str__(self) -> str:
        """As in `GET /v2/jobs 200: jobs[].id format`."""
        return f"{self.operation} {self.part}".strip() + (f": {self.inside}" if self.inside else "")

    @property
    def inside(self) -> str:
        """What follows the part: the field with dots, and the keyword."""
        return f"{'.'.join(self.path).replace('.[]', '[]')} {self.keyword}".strip()

    @property
    def whole(self) -> "Place":
        """The part that it stands in."""
        return Place(self.operation, self.part)

    @property
    def thing(self) -> "Place":
        """The field, part or operation that it is about."""
        return self._replace(keyword="")


Facts = dict[Place, str]
"""Each keyword's value, as JSON."""


def facts(document: Document, like: Iterable[str] = ()) -> Facts:
    """Every fact of a document. A path that is one of *like*, but for the names of its parameters, is called so.

    Raises:
        BadDocument: a part of it is not what OpenAPI says.
    """
    named = {skeleton(path): path for path in like}
    found: Facts = {}
    for described in document.operations():
        name = named.get(skeleton(described.path), described.path)
        names = dict(zip(_parameters_in(described.path), _parameters_in(name), strict=True))
        try:
            found.update(_facts_of(document, described, f"{described.method} {name}", names))
        except BadDocument as error:
            msg = f"{described.method} {described.path}: {error}"
            raise BadDocument(msg) from None
        except RecursionError:
            msg = f"{described.method} {described.path}: is nested too deep"
            raise BadDocument(msg) from None
    return found


def skeleton(path: str) -> str:
    """A path without the names of its parameters: what tells it from others."""
    return re.sub(r"\{[^}]*\}", "{}", path.rstrip("/"))


def facts_of_schema(schema: Schema, place: Place) -> Iterator[tuple[Place, str]]:
    """One fact a keyword of a plain schema and of what it holds; one without a type is of type "any"."""
    yield place._replace(keyword="type"), json.dumps(sorted(types_of(schema)) or ["any"])
    for name, inner in schema.get("properties", {}).items():
        yield from facts_of_schema(inner, place._replace(path=(*place.path, name)))
    for name in schema.get("required", ()):
        yield place._replace(path=(*place.path, name), keyword="required"), YES
    if "items" in schema:
        yield from facts_of_schema(schema["items"], place._replace(path=(*place.path, "[]")))
    if "additionalProperties" in schema:
        others = schema["additionalProperties"]
        yield place._replace(keyword="others"), "false" if others is False else '"of one kind"'
        if others is not False:
            yield from facts_of_schema(others, place._replace(path=(*place.path, "*")))
    for field, message in schema.get(RULES, ()):
        yield place._replace(path=(*place.path, *field.split(".")), keyword="rule"), json.dumps(message)
    for keyword in schema.keys() - TOLD | schema.keys() & {"enum"}:
        yield place._replace(keyword=keyword), text_of(_in_order(schema[keyword], keyword))


def _facts_of(
    document: Document, described: Described, operation: str, names: Mapping[str, str]
) -> Iterator[tuple[Place, str]]:
    yield Place(operation, keyword="security"), _security(document, described)
    for parameter in described.parameters:
        yield from _facts_of_parameter(document, parameter, operation, names)
    body = document.resolved(described.value.get("requestBody"))
    if isinstance(body, dict) and body.get("required") is True:
        yield Place(operation, keyword="body required"), YES
    for part, schema in bodies_of(document, described).items():
        yield from facts_of_schema(schema, Place(operation, part))
    answers = document.mapping(described.value.get("responses", {}), "responses")
    for status, answer in answers.items():
        content = content_of(document, answer, f"responses.{status}")
        if not content:
            yield Place(operation, status, keyword="body"), '"none"'
        for media, value in content.items():
            part = status if media == JSON else f"{status} {media}"
            yield from facts_of_schema(plain(document, value.get("schema", {})), Place(operation, part))


def _facts_of_parameter(
    document: Document, parameter: Mapping[str, Any], operation: str, names: Mapping[str, str]
) -> Iterator[tuple[Place, str]]:
    where, name = parameter.get("in"), parameter.get("name")
    if not (isinstance(where, str) and isinstance(name, str)):
        msg = 'a parameter has no "in" or no "name"'
        raise BadDocument(msg)
    if where == "header":
        if name.lower() in NO_HEADERS:
            return
        name = name.title()
    if where == "path":
        name = names.get(name, name)
    place = Place(operation, f"{where} {name}")
    schema = parameter.get("schema")
    if schema is None:
        schema = content_of(document, parameter, f"{where} {name}").get(JSON, {}).get("schema", {})
    yield from facts_of_schema(plain(document, schema), place)
    if parameter.get("required") is True:
        yield place._replace(keyword="required"), YES


def _security(document: Document, described: Described) -> str:
    """The ways to say who is calling, as JSON: headers and schemes, in order."""
    wanted = document.items(described.value.get("security", document.value.get("security", [])), "security")
    components = document.mapping(document.value.get("components", {}), "components")
    schemes = document.mapping(components.get("securitySchemes", {}), "components.securitySchemes")
    ways = []
    for each in wanted:
        known = [document.resolved(schemes.get(name)) for name in document.mapping(each, "security")]
        told = [one.get("name") or one.get("scheme") or one.get("type") for one in known if isinstance(one, dict)]
        ways.append(" and ".join(sorted(str(one) for one in told)))
    return json.dumps(sorted(ways))


def _in_order(value: Any, keyword: str) -> Any:
    """A value without an order where order means nothing, at any depth."""
    if isinstance(value, dict):
        return {key: _in_order(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        items = [_in_order(each, "") for each in value]
        if keyword == "enum":
            return sorted(items, key=lambda option: (option is None, str(option)))
        return sorted(items, key=text_of) if keyword in ("anyOf", "oneOf", "allOf", "required") else items
    return value


def _parameters_in(path: str) -> list[str]:
    return re.findall(r"\{([^}]*)\}", path)
