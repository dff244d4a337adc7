"""A mock that follows a document: which bodies it judges otherwise, what new models are, what stays."""

import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.api.openapi import openapi_document
from mockserver.app import App
from mockserver.core.catalog import Catalog, Model
from mockserver.core.errors import Invalid
from mockserver.core.jsontext import encode, parse
from mockserver.core.pricing import price
from mockserver.core.validation import BodyValidator
from mockserver.drift.document import BadDocument, Document
from mockserver.drift.follow import catalog_with
from mockserver.drift.followed import Followed
from mockserver.schemas import catalog
from mockserver.settings import SettingsError
from tests.conftest import MakeApp

GENERATE, ACTION, VIDEO = "images.generate", "images.midjourney-action", "videos.generate"
MODELS = {
    GENERATE: ("midjourney", "flux-2-pro"),
    "images.edit": ("flux-fill-pro",),
    ACTION: ("upsample", "variation"),
    VIDEO: ("kling-3.0",),
    "music.udio-lyrics": ("lyrics",),
}
SMALL = catalog()._replace(
    operations={name: catalog().operations[name] for name in MODELS},
    models={name: {each: catalog().models[name][each] for each in rows} for name, rows in MODELS.items()},
)
"""A few operations and models: enough, and quicker."""
OURS = json.dumps(openapi_document(SMALL, "http://127.0.0.1:4010"))
FLUX = "ImagesGenerateRequest_flux-2-pro"
ROW = catalog().models[GENERATE]["flux-2-pro"]


def document(change: Callable[[Any], object] = lambda _: None) -> Any:
    """Our own document, with a change."""
    value = json.loads(OURS)
    change(value)
    return value


def followed(change: Callable[[Any], object]) -> tuple[Catalog, Followed]:
    return catalog_with(SMALL, Document(document(change)))


def schemas(value: Any) -> Any:
    return value["components"]["schemas"]


def flux(value: Any) -> Any:
    return schemas(value)[FLUX]["properties"]["fluxParams"]["properties"]


def details(contract: Catalog, operation: str, body: Any) -> Any:
    """What is wrong with a body; none where it is valid."""
    try:
        BodyValidator(contract).model_of(operation, parse(encode(body)))
    except Invalid as error:
        return error.details
    return None


def branch(value: Any, request: str, name: str, schema: Any) -> None:
    """Add one to a request's `oneOf`."""
    schemas(value)[f"{request}_{name}"] = schema
    schemas(value)[request]["oneOf"].append({"$ref": f"#/components/schemas/{request}_{name}"})


def asked(**parameters: Any) -> dict[str, Any]:
    return {"model": "flux-2-pro", "prompt": "a fox", "fluxParams": parameters}


def test_our_own_document_changes_nothing() -> None:
    contract, notes = followed(lambda _: None)
    assert contract == SMALL
    assert notes == Followed([], [], [], [])


def test_a_body_that_differs_is_judged_by_the_document_in_the_usual_words() -> None:
    def change(value: Any) -> None:
        flux(value)["sparkle"] = {"anyOf": [{"const": "soft"}, {"enum": ["hard"]}]}
        flux(value)["width"] = {"$ref": "#/components/schemas/Width"}
        schemas(value)["Width"] = {"type": "integer", "maximum": 99, "description": "a note"}
        del flux(value)["raw"]

    contract, notes = followed(change)
    assert notes == Followed([f"POST /v2/images/generate model {ROW.id}"], [], [], [])
    assert details(contract, GENERATE, asked(sparkle="soft", width=99)) is None
    assert details(contract, GENERATE, asked(sparkle="none", width=100, raw=True)) == {
        "fluxParams.sparkle": ['Invalid option: expected one of "soft"|"hard"'],
        "fluxParams.width": ["Too big: expected number to be <=99"],
        "fluxParams": ['Unrecognized key: "raw"'],
    }
    others = {model.id: model for model in contract.all_models() if model.id != ROW.id}
    assert others == {model.id: model for model in SMALL.all_models() if model.id != ROW.id}


def test_a_model_that_only_the_document_has_is_copied_from_the_nearest_one() -> None:
    def change(value: Any) -> None:
        new = json.loads(json.dumps(schemas(value)[FLUX]))
        new["properties"]["model"] = {"const": "flux-2-pro-x"}
        new["properties"]["prompt"]["maxLength"] = 9
        branch(value, "ImagesGenerateRequest", "x", new)

    contract, notes = followed(change)
    assert notes.lines("new.json") == ["spec: no model follows new.json, 1 new model"]
    new = contract.models[GENERATE]["flux-2-pro-x"]
    assert (new.label, new.shown, new.prompt_max, new.confidence) == ("flux-2-pro-x", "flux-2-pro-x", 9, "suggested")
    assert (new.modality, new.result, new.outputs, new.price, new.typical_s) == (
        *(ROW.modality, ROW.result, ROW.outputs),
        *(ROW.price, ROW.typical_s),
    )
    assert details(contract, GENERATE, {"model": new.id, "prompt": "0123456789"}) == {
        "prompt": ["Too big: expected string to have <=9 characters"]
    }


def test_an_action_that_only_the_document_has_acts_like_its_nearest() -> None:
    def change(value: Any) -> None:
        new = json.loads(json.dumps(schemas(value)["ImagesMidjourneyActionRequest_variation"]))
        new["properties"]["action"] = {"type": "string", "enum": ["variation_strong"]}
        branch(value, "ImagesMidjourneyActionRequest", "strong", new)

    contract, notes = followed(change)
    assert notes.new == ["POST /v2/images/midjourney/action action variation_strong"]
    old, new = (contract.models[ACTION][name] for name in ("variation", "variation_strong"))
    assert (new.shown, new.parent, new.price) == ("midjourney", old.parent, old.price)


def test_what_only_we_have_stays_and_what_only_the_document_has_is_told() -> None:
    def change(value: Any) -> None:
        schemas(value)["ImagesGenerateRequest"]["oneOf"].pop(0)
        value["paths"]["/v2/images/dream"] = value["paths"].pop("/v2/images/edit")

    contract, notes = followed(change)
    assert contract == SMALL
    assert notes.lines("new.json") == [
        "spec: no model follows new.json",
        "spec: not in new.json, and kept: POST /v2/images/generate model midjourney, POST /v2/images/edit",
        "spec: not followed: POST /v2/images/dream: the mock has no such operation",
    ]


def test_a_setting_without_a_price_costs_what_the_default_does() -> None:
    def change(value: Any) -> None:
        modes = schemas(value)["VideosGenerateRequest_kling-3.0"]["properties"]["klingParams"]["properties"]["mode"]
        modes["enum"].append("16k")

    contract, _ = followed(change)
    old, new = (each.models[VIDEO]["kling-3.0"] for each in (catalog(), contract))
    assert [price(new, {"klingParams": {"mode": mode}}) for mode in ("4k", "16k")] == [
        price(old, {"klingParams": {"mode": "4k"}}),
        price(old, {}),
    ]
    assert new.confidence == "suggested"


def test_a_setting_of_any_kind_makes_the_price_that_of_the_defaults() -> None:
    def change(value: Any) -> None:
        schemas(value)["VideosGenerateRequest_kling-3.0"]["properties"]["klingParams"]["properties"]["mode"] = {}

    contract, _ = followed(change)
    old, new = (each.models[VIDEO]["kling-3.0"] for each in (catalog(), contract))
    assert new.price == {"credits": price(old, {})}
    assert price(new, {"klingParams": {"mode": ["?"]}}) == price(old, {})


def ruled(contract: Catalog) -> list[str]:
    return [rule["x-message"] for rule in contract.models["images.edit"]["flux-fill-pro"].body_schema.get("allOf", ())]


def test_a_rule_across_fields_stays_as_long_as_its_fields_do() -> None:
    def parameters(value: Any) -> Any:
        return schemas(value)["ImagesEditRequest_flux-fill-pro"]["properties"]["fluxFillParams"]["properties"]

    assert ruled(followed(lambda value: parameters(value).update(extra={}))[0]) == ruled(catalog())
    assert ruled(followed(lambda value: parameters(value).pop("mask"))[0]) == [
        "Invalid input: outpaint needs a preset",
    ]


def test_rules_that_the_document_has_of_its_own_are_kept_with_a_message() -> None:
    rules = [{"not": {"required": ["webhookUrl"]}}, {"not": {"required": ["webhookEvents"]}}]
    contract, _ = followed(lambda value: schemas(value)[FLUX].update(allOf=rules))
    assert details(contract, GENERATE, {**asked(), "webhookUrl": "http://x.test"}) == {"body": ["Invalid input"]}


def test_a_body_whose_ids_are_read_otherwise_is_left_as_it_is() -> None:
    def change(value: Any) -> None:
        schemas(value)["ImagesMidjourneyActionRequest_upsample"]["required"].remove("parentJobId")
        schemas(value)["MusicUdioLyricsRequest"]["required"].remove("prompt")

    contract, notes = followed(change)
    assert contract.models[ACTION] == SMALL.models[ACTION]
    assert notes.left == [
        "POST /v2/images/midjourney/action action upsample: the mock reads fields of it that are other ones there"
    ]
    assert notes.changed == ["POST /v2/music/udio/lyrics body"]
    assert notes.lines("x")[0] == "spec: 1 body follows x"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"pattern": "("}, "POST /v2/images/generate model flux-2-pro: "),
        ({"type": "txt"}, "POST /v2/images/generate model flux-2-pro: "),
        ({"$ref": "#/x"}, 'POST /v2/images/generate: "#/x" leads nowhere'),
    ],
    ids=["pattern", "type", "reference"],
)
def test_a_document_that_cannot_judge_is_refused_with_the_place(schema: Any, said: str) -> None:
    with pytest.raises(BadDocument) as error:
        followed(lambda value: flux(value).update(odd=schema))
    assert str(error.value).startswith(said)


ODD: list[Any] = [
    None,
    False,
    0,
    -1.5,
    "x",
    "#/components/schemas/Job",
    [],
    {},
    ["a", None],
    {"a": 1},
    {"$ref": 5},
    {"enum": []},
]
KEYWORDS = (
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "enum",
    "items",
    "maximum",
    "oneOf",
    "properties",
    "required",
    "type",
)


def nodes_of(value: Any) -> list[Any]:
    """Every object and every list in a value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(node for each in inner for node in nodes_of(each))] if isinstance(value, dict | list) else []


@settings(max_examples=40)
@given(place=st.integers(0), key=st.integers(0), odd=st.sampled_from(ODD), is_new=st.booleans())
def test_whatever_a_document_holds_it_is_followed_or_refused_in_words(
    place: int, key: int, odd: Any, *, is_new: bool
) -> None:
    value = document()
    nodes = nodes_of(value["components"]) + nodes_of(value["paths"])
    node = nodes[place % len(nodes)]
    if isinstance(node, dict):
        node[KEYWORDS[key % len(KEYWORDS)] if is_new or not node else list(node)[key % len(node)]] = odd
    else:
        node.append(odd)
    try:
        contract, notes = catalog_with(SMALL, Document(value))
    except BadDocument:
        return
    openapi_document(contract, "")
    assert notes.lines("x")[0].startswith("spec: ")
    for operation in contract.operations:
        details(contract, operation, {"model": "nope", "action": "nope", "prompt": 1})


def test_an_unknown_model_is_told_whatever_the_prompts_of_the_document_are() -> None:
    def change(value: Any) -> None:
        schemas(value)[FLUX]["properties"]["prompt"] = {}

    contract, _ = followed(change)
    model: Model = contract.models[GENERATE]["flux-2-pro"]
    assert (model.prompt_max, model.prompt_at) == (None, ())
    assert details(contract, GENERATE, {"model": "nope", "prompt": "x"}) == {"model": ["Invalid input"]}


async def test_a_server_follows_its_document_and_shows_it(make_app: MakeApp, tmp_path: Any) -> None:
    file = tmp_path / "new.json"
    file.write_text(json.dumps(document(lambda value: flux(value).update(sparkle={"type": "boolean"}))))
    app: App = await make_app(spec=str(file))
    assert app.notes[0] == "spec: 1 model follows new.json"
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": "afk_test"}) as client:
        for value, status in ((True, 202), (1, 400)):
            async with client.post("/v2/images/generate", json=asked(sparkle=value)) as response:
                assert response.status == status
        async with client.get("/v2/openapi.json") as response:
            assert flux(await response.json())["sparkle"] == {"type": "boolean"}


async def test_a_document_that_cannot_be_followed_keeps_a_server_from_starting(
    make_app: MakeApp, tmp_path: Any
) -> None:
    file = tmp_path / "new.json"
    with pytest.raises(SettingsError, match=r'--spec: ".*new.json": cannot be read: '):
        await make_app(spec=str(file))
    file.write_bytes(b"\xff\xfe{}")
    with pytest.raises(SettingsError, match="is no text in UTF-8"):
        await make_app(spec=str(file))
