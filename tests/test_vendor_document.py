"""What our OpenAPI document accepts and answers is what the vendor's does, but for the rows of known-differences.json.

Both documents are taken apart into plain facts, such as that this field of this model is at most 2000 long, at every
depth; what stands on one side only, or differs, is a difference.
"""

import copy
import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mockserver.api.openapi import openapi_document
from mockserver.drift.differences import ABSENT, PRESENT, differences
from mockserver.drift.document import Document
from mockserver.drift.facts import Facts, facts
from mockserver.drift.follow import catalog_with
from mockserver.drift.report import Drift, drift_between
from mockserver.schemas import catalog, schema_files
from mockserver.spec import known, our_document

ROOT = Path(__file__).parents[1]
VENDOR = ROOT.parent / "shared" / "api" / "openapi.json"
FIDELITY = ROOT / "docs" / "fidelity.md"
HEADING = "| place | ours | vendor | why |\n| --- | --- | --- | --- |\n"


@pytest.fixture(scope="module")
def vendor() -> Document:
    if not VENDOR.is_file():
        assert "CI" not in os.environ, "the vendor's document has to be there in CI"
        pytest.skip("the vendor's document is not beside this checkout")
    return Document(json.loads(VENDOR.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def drift(vendor: Document) -> Drift:
    return drift_between(our_document(), vendor, known())


def test_every_difference_from_the_vendor_document_is_explained_and_every_explanation_needed(drift: Drift) -> None:
    assert [each.row for each in drift.news] == []
    found = [each.difference for each in drift.explained]
    assert [row.place for row in known() if not any(row.explains(each) for each in found)] == []


def test_the_vendor_document_is_compared_down_to_every_parameter(vendor: Document) -> None:
    places = facts(vendor, our_document().paths)
    found = {str(place): value for place, value in places.items()}
    parts = {place.part for place in places if place.operation == "POST /v2/images/generate"}
    assert len({part for part in parts if part.startswith("model ")}) == 51
    assert len({place.operation for place in places}) == 21
    assert found["POST /v2/images/generate model flux-2-pro: fluxParams.input_images[] format"] == '"uri"'
    assert found["GET /v2/jobs 200: jobs[].webhookStatus enum"] == '["delivered", "failed", "pending", null]'
    assert found["POST /v2/loras form: images minItems"] == "15"
    assert found["DELETE /v2/loras/{id} 204: body"] == '"none"'
    assert found["POST /v2/images/midjourney/action action upsample: index enum"] == "[1, 2, 3, 4]"
    assert len(found) > 4500


def test_nothing_is_left_to_follow_in_the_vendor_document(vendor: Document) -> None:
    followed, notes = catalog_with(catalog(), vendor, known())
    assert (notes.changed, notes.new, notes.left) == ([], [], [])
    assert followed == catalog()


def test_the_table_of_the_fidelity_page_is_that_of_the_known_differences() -> None:
    shown = FIDELITY.read_text(encoding="utf-8").partition(HEADING)[2].partition("\n\n")[0].splitlines()
    assert shown == [row_of(row) for row in schema_files()["known-differences.json"]["differences"]]


def row_of(row: dict[str, str]) -> str:
    values = [value if value in (ABSENT, PRESENT) else f"`{value}`" for value in (row["ours"], row["theirs"])]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (f"`{row['place']}`", *values, row["why"])) + " |"


PATHS = ("/v2/images/generate", "/v2/images/edit", "/v2/jobs", "/v2/models", "/v2/me")
MODELS = ("_midjourney", "_flux-2-pro", "_flux-lora")
BODY = "POST /v2/images/generate model flux-2-pro"


@cache
def ours_as_text() -> str:
    document = openapi_document(catalog(), "http://127.0.0.1:4010")
    branches = document["components"]["schemas"]["ImagesGenerateRequest"]["oneOf"]
    branches[:] = [each for each in branches if each["$ref"].endswith(MODELS)]
    return json.dumps({**document, "paths": {path: document["paths"][path] for path in PATHS}})


def ours() -> Any:
    """What we say of a few operations and models, to be changed."""
    return json.loads(ours_as_text())


def facts_of(document: Any) -> Facts:
    return facts(Document(document))


def request(document: Any) -> Any:
    return document["components"]["schemas"]["ImagesGenerateRequest_flux-2-pro"]


def flux(document: Any) -> Any:
    return request(document)["properties"]["fluxParams"]["properties"]


def set_to(keyword: str, value: Any) -> Callable[[Any], None]:
    return lambda schema: schema.__setitem__(keyword, value)


def without(keyword: str) -> Callable[[Any], None]:
    return lambda schema: schema.__delitem__(keyword)


PLANTED: dict[str, tuple[Callable[[Any], Any], Callable[[Any], None], set[str]]] = {
    "a field more": (flux, set_to("extra", {}), {f"{BODY}: fluxParams.extra"}),
    "a field less": (flux, without("raw"), {f"{BODY}: fluxParams.raw"}),
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
        {f"{BODY}: fluxParams others", f"{BODY}: fluxParams.*"},
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
        set_to("required", value=True),
        {"GET /v2/jobs query model: required"},
    ),
    "a longer idempotency key": (
        lambda d: d["paths"]["/v2/images/generate"]["post"]["parameters"][0]["schema"],
        set_to("maxLength", 256),
        {"POST /v2/images/generate header Idempotency-Key: maxLength"},
    ),
}


@pytest.fixture(scope="module")
def plain() -> Facts:
    return facts_of(ours())


@pytest.mark.parametrize(("where", "change", "places"), PLANTED.values(), ids=PLANTED)
def test_a_planted_difference_is_found_on_either_side(
    where: Callable[[Any], Any], change: Callable[[Any], None], places: set[str], plain: Facts
) -> None:
    planted = ours()
    change(where(planted))
    after = facts_of(planted)
    assert {str(each.place) for each in differences(plain, after)} == places
    assert {str(each.place) for each in differences(after, plain)} == places


def test_a_model_that_one_side_lacks_is_a_difference(plain: Facts) -> None:
    planted = ours()
    del planted["components"]["schemas"]["ImagesGenerateRequest"]["oneOf"][0]
    lacked = "POST /v2/images/generate model midjourney"
    assert [each.row for each in differences(plain, facts_of(planted))] == [(lacked, PRESENT, ABSENT)]
    assert [each.row for each in differences(facts_of(planted), plain)] == [(lacked, ABSENT, PRESENT)]


def test_an_operation_that_one_side_lacks_is_one_difference(plain: Facts) -> None:
    planted = ours()
    del planted["paths"]["/v2/images/edit"]
    lacked = ("POST /v2/images/edit", PRESENT, ABSENT)
    assert [each.row for each in differences(plain, facts_of(planted))] == [lacked]


def test_order_notes_and_references_make_no_difference(plain: Facts) -> None:
    other = ours()
    flux(other)["output_format"]["enum"].reverse()
    request(other)["required"].reverse()
    request(other)["description"] = "Other words"
    other["components"]["schemas"]["ImagesGenerateRequest"]["oneOf"] = [
        copy.deepcopy(other["components"]["schemas"][one["$ref"].rpartition("/")[2]])
        for one in reversed(other["components"]["schemas"]["ImagesGenerateRequest"]["oneOf"])
    ]
    assert differences(plain, facts_of(other)) == []
