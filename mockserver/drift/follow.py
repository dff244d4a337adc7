"""Our contract with the request bodies of a newer document, where those differ: for when the vendor moves first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

import jsonschema_rs

from mockserver.core.catalog import Catalog, Model, Operation, Schema
from mockserver.core.messages import INVALID
from mockserver.core.validation import SchemaCheck
from mockserver.drift.differences import Difference, differences
from mockserver.drift.document import BadDocument, Document
from mockserver.drift.facts import Place, facts_of_schema, skeleton
from mockserver.drift.followed import Followed
from mockserver.drift.known import Known, reason_of
from mockserver.drift.plain import FIELD, MESSAGE, RULES, plain
from mockserver.drift.prices import GUESSED, priced_by
from mockserver.drift.reading import is_read_alike, text_at
from mockserver.drift.requests import Bodies, bodies_of

PROMPT = "prompt"


def catalog_with(catalog: Catalog, document: Document, known: Sequence[Known] = ()) -> tuple[Catalog, Followed]:
    """The catalog with the bodies of submissions as the document has them, where they differ, and what was done.

    A model or an action that only the document has takes result, price and time from the nearest one of its
    operation. Rules across fields, which no document has, stay where their fields do. Differences that *known*
    explains change nothing.

    Raises:
        BadDocument: a part of the document is not what OpenAPI or JSON Schema says.
    """
    theirs, followed = _bodies_by_operation(catalog, document), Followed([], [], [], _strange_to(catalog, document))
    models = {id_: dict(rows) for id_, rows in catalog.models.items()}
    for operation in catalog.operations.values():
        if operation.is_submission:
            place = f"{operation.method} {operation.path}"
            bodies = theirs.pop((operation.method, skeleton(operation.path)), None)
            if bodies is None:
                followed.lacking.append(place)
            else:
                models[operation.id].update(_Branches(operation, models[operation.id], known, followed).rows(bodies))
    return catalog._replace(models=models), followed


def _bodies_by_operation(catalog: Catalog, document: Document) -> dict[tuple[str, str], Bodies]:
    wanted = {(each.method, skeleton(each.path)) for each in catalog.operations.values() if each.is_submission}
    found = {}
    for described in document.operations():
        key = described.method, skeleton(described.path)
        if key in wanted:
            try:
                found[key] = bodies_of(document, described)
            except BadDocument as error:
                msg = f"{described.method} {described.path}: {error}"
                raise BadDocument(msg) from None
    return found


def _strange_to(catalog: Catalog, document: Document) -> list[str]:
    """The operations that only the document has."""
    known = {(each.method, skeleton(each.path)) for each in catalog.operations.values()}
    strange = [each for each in document.operations() if (each.method, skeleton(each.path)) not in known]
    return [f"{each.method} {each.path}: the mock has no such operation" for each in strange]


class _Branches:
    """The bodies of one operation, ours and the document's."""

    def __init__(
        self, operation: Operation, ours: Mapping[str, Model], known: Sequence[Known], followed: Followed
    ) -> None:
        self._operation, self._ours, self._known, self._followed = operation, ours, known, followed
        self._name = f"{operation.method} {operation.path}"

    def rows(self, bodies: Bodies) -> Iterator[tuple[str, Model]]:
        """The rows that are other ones than ours, by their names."""
        choose = self._operation.choose
        named = {part.removeprefix(f"{choose} ") if choose else next(iter(self._ours)): part for part in bodies}
        kinds = {part.partition(" ")[0] for part in bodies}
        if kinds != {choose or "body"}:
            found = ", ".join(sorted(kinds)) or "no body"
            self._followed.left.append(f'{self._name}: chooses by "{choose}" here, by {found} there')
            return
        self._followed.lacking.extend(self._part(name) for name in self._ours if name not in named)
        for name, part in named.items():
            row = self._row(name, bodies[part])
            if row is not None:
                yield name, row

    def _row(self, name: str, schema: Schema) -> Model | None:
        ours = self._ours.get(name)
        if ours is not None and not self._news(ours, schema):
            return None
        base = ours or self._nearest(name, schema)
        part = self._part(name)
        body = _judged(schema, base, part)
        if not is_read_alike(base, body):
            self._followed.left.append(f"{part}: the mock reads fields of it that are other ones there")
            return None
        (self._followed.changed if ours else self._followed.new).append(part)
        return _with_body(ours or self._renamed(base, name), body)

    def _news(self, ours: Model, schema: Schema) -> list[Difference]:
        """What differs and is not explained."""
        whole = Place(self._name, self._part(ours.id).removeprefix(f"{self._name} "))
        own = plain(Document({"openapi": "3.1.0", "paths": {}}), ours.body_schema)
        if own == schema:
            return []
        found = differences(dict(facts_of_schema(own, whole)), dict(facts_of_schema(schema, whole)))
        return [each for each in found if each.place.keyword != "rule" and not reason_of(each, self._known)]

    def _part(self, name: str) -> str:
        return f"{self._name} {self._operation.choose} {name}" if self._operation.choose else f"{self._name} body"

    def _renamed(self, base: Model, name: str) -> Model:
        """A new row; jobs of an action keep the model of the other ones."""
        shown = name if base.parameters_name else base.shown
        return replace(base, id=name, label=name, shown=shown, confidence=GUESSED)

    def _nearest(self, name: str, schema: Schema) -> Model:
        """The row to copy from: one with the same parameter object, and of these the one whose name is most alike."""
        fields = schema.get("properties", {})
        return max(
            self._ours.values(),
            key=lambda row: (row.parameters_name in fields, _begun_alike(row.id, name)),
        )


def _judged(schema: Schema, base: Model, part: str) -> Schema:
    """The document's body in the form of ours: rules last, each with its message.

    Raises:
        BadDocument: it is no schema that can be used.
    """
    rules = [rule for rule in base.body_schema.get("allOf", ()) if _names(rule) <= _names(schema)]
    others = [{**rule, FIELD: "body", MESSAGE: INVALID} for rule in schema.get("allOf", ())]
    body: Schema = {key: value for key, value in schema.items() if key not in ("allOf", RULES)}
    body["required"] = list(schema.get("required", ()))
    body["properties"] = {**{name: {} for name in body["required"]}, **schema.get("properties", {})}
    if rules or others:
        body["allOf"] = [*others, *rules]
    try:
        SchemaCheck(body)
    except (ValueError, jsonschema_rs.ValidationError) as error:
        msg = f"{part}: {str(error).partition(chr(10))[0]}"
        raise BadDocument(msg) from None
    return body


def _begun_alike(one: str, other: str) -> int:
    """How many characters at the start are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _names(schema: Any) -> set[str]:
    """Every name of a field in a schema."""
    if isinstance(schema, list):
        return {name for each in schema for name in _names(each)}
    if not isinstance(schema, dict):
        return set()
    required = schema.get("required", ())
    own = {*schema.get("properties", {}), *(required if isinstance(required, list) else ())}
    return own | {name for inner in schema.values() for name in _names(inner)}


def _with_body(base: Model, body: Schema) -> Model:
    """The row with another body, and what follows from it; its price holds for whatever the body allows."""
    fields = body["properties"]
    name = base.parameters_name if base.parameters_name in fields else _object_in(fields)
    name = name if base.parameters_name else ""
    prompt = fields.get(PROMPT, {}) if base.parameters_name else {}
    row = replace(
        base,
        body_schema=body,
        parameters_name=name,
        parameters_schema={"properties": {}, **fields[name]} if name else {"properties": {}},
        prompt_max=prompt.get("maxLength"),
        prompt_at=next((path for path in ((PROMPT,), (name, PROMPT)) if text_at(body, path)), ()),
    )
    return priced_by(row, body)


def _object_in(fields: Mapping[str, Schema]) -> str:
    return next((name for name, schema in fields.items() if schema.get("type") == "object"), "")
