"""What our OpenAPI document accepts and answers is what the vendor's does, but for the rows of docs/fidelity.md.

Both documents are taken apart into plain facts, such as that this field of this model is at most 2000 long, at every
depth; what stands on one side only, or differs, is a difference.
"""

import copy
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.api.openapi import openapi_document
from mockserver.schemas import catalog

ROOT = Path(__file__).parents[1]
VENDOR = ROOT.parent / "shared" / "api" / "openapi.json"
FIDELITY = ROOT / "docs" / "fidelity.md"
HEADING = "## Differences from the vendor document"
ABSENT, PRESENT = "absent", "present"
NOTES = {"$id", "$schema", "description", "example", "examples", "title"}
TOLD = {"additionalProperties", "enum", "items", "properties", "required", "type"}
"""Keywords that make a fact of their own kind."""

Facts = dict[str, str]
Difference = tuple[str, str, str]
"""Place, ours, vendor's."""


@pytest.fixture(scope="module")
def vendor() -> Any:
    if not VENDOR.is_file():
        assert "CI" not in os.environ, "the vendor's document has to be there in CI"
        pytest.skip("the vendor's document is not beside this checkout")
    return json.loads(VENDOR.read_text(encoding="utf-8"))


def our_document() -> Any:
    return json.loads(json.dumps(openapi_document(catalog(), "http://127.0.0.1:4010")))


def test_every_difference_from_the_vendor_document_is_explained_and_every_explanation_needed(vendor: Any) -> None:
    ours = our_document()
    rows = table()
    assert differences(facts(ours), facts(vendor, ours["paths"])) == {row[:3] for row in rows}
    assert [row[0] for row in rows if not row[3]] == []


def test_the_vendor_document_is_compared_down_to_every_parameter(vendor: Any) -> None:
    found = facts(vendor, our_document()["paths"])
    assert len({place.split(": ")[0] for place in found if "images/generate model" in place}) == 51
    assert found["POST /v2/images/generate model flux-2-pro: fluxParams.input_images[] format"] == '"uri"'
    assert found["GET /v2/jobs 200: jobs[].webhookStatus enum"] == '["delivered", "failed", "pending", null]'
    assert len(found) > 1900


BODY = "POST /v2/images/generate model flux-2-pro"


def request(document: Any) -> Any:
    return document["components"]["schemas"]["ImagesGenerateRequest_flux-2-pro"]


def flux(document: Any) -> Any:
    return request(document)["properties"]["fluxParams"]["properties"]


def set_to(keyword: str, value: Any) -> Callable[[Any], None]:
    return lambda schema: schema.__setitem__(keyword, value)


def without(keyword: str) -> Callable[[Any], None]:
    return lambda schema: schema.__delitem__(keyword)


PLANTED: dict[str, tuple[Callable[[Any], Any], Callable[[Any], None], set[str]]] = {
    "a field more": (flux, set_to("extra", {}), {f"{BODY}: fluxParams.extra type"}),
    "a field less": (flux, without("raw"), {f"{BODY}: fluxParams.raw type"}),
    "another type": (lambda d: flux(d)["raw"], set_to("type", "string"), {f"{BODY}: fluxParams.raw type"}),
    "a type more": (lambda d: flux(d)["seed"], set_to("type", ["integer", "null"]), {f"{BODY}: fluxParams.seed type"}),
    "an option more": (
        lambda d: flux(d)["output_format"]["enum"],
        lambda options: options.append("gif"),
        {f"{BODY}: fluxParams.output_format enum"},
    ),
    "an option less": (
        lambda d: flux(d)["output_format"]["enum"],
        lambda options: options.remove("png"),
        {f"{BODY}: fluxParams.output_format enum"},
    ),
    "no options": (lambda d: flux(d)["resolution"], without("enum"), {f"{BODY}: fluxParams.resolution enum"}),
    "another minimum": (lambda d: flux(d)["width"], set_to("minimum", 255), {f"{BODY}: fluxParams.width minimum"}),
    "an open minimum": (
        lambda d: flux(d)["guidance"],
        set_to("exclusiveMinimum", 1.5),
        {f"{BODY}: fluxParams.guidance exclusiveMinimum"},
    ),
    "no maximum": (lambda d: flux(d)["width"], without("maximum"), {f"{BODY}: fluxParams.width maximum"}),
    "another pattern": (
        lambda d: flux(d)["aspect_ratio"],
        set_to("pattern", r"^\d+:\d+"),
        {f"{BODY}: fluxParams.aspect_ratio pattern"},
    ),
    "no format": (lambda d: flux(d)["image_prompt"], without("format"), {f"{BODY}: fluxParams.image_prompt format"}),
    "another format of an item": (
        lambda d: flux(d)["input_images"]["items"],
        set_to("format", "uuid"),
        {f"{BODY}: fluxParams.input_images[] format"},
    ),
    "more items": (
        lambda d: flux(d)["input_images"],
        set_to("maxItems", 11),
        {f"{BODY}: fluxParams.input_images maxItems"},
    ),
    "no items at least": (
        lambda d: request(d)["properties"]["webhookEvents"],
        without("minItems"),
        {f"{BODY}: webhookEvents minItems"},
    ),
    "a longer prompt": (
        lambda d: request(d)["properties"]["prompt"],
        set_to("maxLength", 2001),
        {f"{BODY}: prompt maxLength"},
    ),
    "a field required": (
        lambda d: request(d)["properties"]["fluxParams"],
        set_to("required", ["seed"]),
        {f"{BODY}: fluxParams.seed required"},
    ),
    "a field not required": (request, set_to("required", ["model"]), {f"{BODY}: prompt required"}),
    "an open body": (request, without("additionalProperties"), {f"{BODY}: others"}),
    "an open parameter object": (
        lambda d: request(d)["properties"]["fluxParams"],
        set_to("additionalProperties", {}),
        {f"{BODY}: fluxParams others"},
    ),
    "typed other fields": (
        lambda d: request(d)["properties"]["fluxParams"],
        set_to("additionalProperties", {"type": "string"}),
        {f"{BODY}: fluxParams others", f"{BODY}: fluxParams.* type"},
    ),
    "a rule of another kind": (
        lambda d: flux(d)["seed"],
        set_to("multipleOf", 2),
        {f"{BODY}: fluxParams.seed multipleOf"},
    ),
    "a status more": (
        lambda d: d["paths"]["/v2/me"]["get"]["responses"],
        set_to("418", {"description": "", "content": {"application/json": {"schema": {}}}}),
        {"GET /v2/me 418"},
    ),
    "a status less": (
        lambda d: d["paths"]["/v2/models"]["get"]["responses"],
        without("400"),
        {"GET /v2/models 400"},
    ),
    "a nullable field in an answer": (
        lambda d: d["components"]["schemas"]["JobList"]["properties"]["jobs"]["items"]["properties"]["id"],
        set_to("type", ["string", "null"]),
        {"GET /v2/jobs 200: jobs[].id type"},
    ),
    "a query parameter less": (
        lambda d: d["paths"]["/v2/jobs"]["get"],
        lambda operation: operation["parameters"].remove(
            next(one for one in operation["parameters"] if one["name"] == "cursor")
        ),
        {"GET /v2/jobs query cursor"},
    ),
    "another default": (
        lambda d: next(p for p in d["paths"]["/v2/jobs"]["get"]["parameters"] if p["name"] == "limit")["schema"],
        set_to("default", 24),
        {"GET /v2/jobs query limit: default"},
    ),
    "a required query parameter": (
        lambda d: next(p for p in d["paths"]["/v2/jobs"]["get"]["parameters"] if p["name"] == "model"),
        set_to("required", 1),
        {"GET /v2/jobs query model: required"},
    ),
    "a longer idempotency key": (
        lambda d: d["paths"]["/v2/images/generate"]["post"]["parameters"][0]["schema"],
        set_to("maxLength", 256),
        {"POST /v2/images/generate header Idempotency-Key: maxLength"},
    ),
}


@pytest.mark.parametrize(("where", "change", "places"), PLANTED.values(), ids=PLANTED)
def test_a_planted_difference_is_found_on_either_side(
    where: Callable[[Any], Any], change: Callable[[Any], None], places: set[str]
) -> None:
    plain, planted = our_document(), our_document()
    change(where(planted))
    before, after = facts(plain), facts(planted)
    assert {place for place, _, _ in differences(before, after)} == places
    assert {place for place, _, _ in differences(after, before)} == places


def test_a_model_that_one_side_lacks_is_a_difference() -> None:
    plain, planted = our_document(), our_document()
    del planted["components"]["schemas"]["ImagesGenerateRequest"]["oneOf"][0]
    lacked = "POST /v2/images/generate model midjourney"
    assert differences(facts(plain), facts(planted)) == {(lacked, PRESENT, ABSENT)}
    assert differences(facts(planted), facts(plain)) == {(lacked, ABSENT, PRESENT)}


def test_order_notes_and_references_make_no_difference() -> None:
    plain, other = our_document(), our_document()
    flux(other)["output_format"]["enum"].reverse()
    request(other)["required"].reverse()
    request(other)["description"] = "Other words"
    other["components"]["schemas"]["ImagesGenerateRequest"]["oneOf"] = [
        copy.deepcopy(other["components"]["schemas"][one["$ref"].rpartition("/")[2]])
        for one in reversed(other["components"]["schemas"]["ImagesGenerateRequest"]["oneOf"])
    ]
    assert differences(facts(plain), facts(other)) == set()


def table() -> list[tuple[str, str, str, str]]:
    """Give the rows of the table under the heading, without backticks."""
    section = FIDELITY.read_text(encoding="utf-8").partition(f"{HEADING}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    cells = [re.split(r"(?<!\\)\|", row.strip().strip("|")) for row in rows]
    return [
        (place, ours, theirs, why)
        for place, ours, theirs, why in ([cell.strip().strip("`") for cell in row] for row in cells)
    ]


def differences(ours: Facts, theirs: Facts) -> set[Difference]:
    """Give each difference; of a parameter, model or answer that one side lacks whole, one."""
    things, their_things = ({place.split(": ")[0] for place in side} for side in (ours, theirs))
    lone = {(thing, PRESENT, ABSENT) for thing in things - their_things}
    lone |= {(thing, ABSENT, PRESENT) for thing in their_things - things}
    return lone | {
        (place, ours.get(place, ABSENT), theirs.get(place, ABSENT))
        for place in ours.keys() | theirs.keys()
        if place.split(": ")[0] in things & their_things and ours.get(place) != theirs.get(place)
    }


def facts(document: Any, only: Any = None) -> Facts:
    """Take a document apart; of the paths in *only*, where it is given."""
    found: Facts = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items() if only is None or path in only else ():
            if only is None or method in only[path]:
                found.update(facts_of_operation(document, f"{method.upper()} {path}", operation))
    return found


def facts_of_operation(document: Any, place: str, operation: Any) -> Iterator[tuple[str, str]]:
    for parameter in operation.get("parameters", ()):
        described = resolved(document, parameter)
        at = f"{place} {described['in']} {described['name']}"
        yield from facts_of_schema(document, described["schema"], at, "")
        if described.get("required", False):
            yield f"{at}: required", shown(value=True)
    if "requestBody" in operation:
        body = resolved(document, operation["requestBody"]["content"]["application/json"]["schema"])
        for branch in body["oneOf"]:
            schema = resolved(document, branch)
            (model,) = schema["properties"]["model"]["enum"]
            yield from facts_of_schema(document, schema, f"{place} model {model}", "")
    for status, answer in operation["responses"].items():
        schema = resolved(document, answer)["content"]["application/json"]["schema"]
        yield from facts_of_schema(document, schema, f"{place} {status}", "")


def facts_of_schema(document: Any, schema: Any, at: str, path: str) -> Iterator[tuple[str, str]]:
    """Give one fact a keyword; sets are sorted, notes left out, and a schema without a type is of type "any"."""
    schema = resolved(document, schema)
    place = f"{at}: {path} " if path else f"{at}: "
    kinds = schema.get("type", "any")
    yield f"{place}type", shown(sorted([kinds] if isinstance(kinds, str) else kinds))
    for name, inner in schema.get("properties", {}).items():
        yield from facts_of_schema(document, inner, at, f"{path}.{name}".lstrip("."))
    for name in schema.get("required", ()):
        yield f"{at}: {f'{path}.{name}'.lstrip('.')} required", shown(value=True)
    if "items" in schema:
        yield from facts_of_schema(document, schema["items"], at, f"{path}[]")
    others = schema.get("additionalProperties", True)
    if others is False:
        yield f"{place}others", shown(others)
    elif others not in (True, {}):
        yield f"{place}others", "of one kind"
        yield from facts_of_schema(document, others, at, f"{path}.*".lstrip("."))
    if "enum" in schema:
        yield f"{place}enum", shown(sorted(schema["enum"], key=lambda option: (option is None, str(option))))
    yield from ((f"{place}{keyword}", shown(schema[keyword])) for keyword in schema.keys() - TOLD - NOTES)


def resolved(document: Any, node: Any) -> Any:
    while "$ref" in node:
        target = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def shown(value: Any) -> str:
    return json.dumps(value)
