"""GET /v2/models and GET /v2/openapi.json: what the API tells of itself, to anyone."""

import json
from typing import Any

import aiohttp
import jsonschema
import pytest

from mockserver.api.openapi import openapi_document
from mockserver.app import App
from mockserver.core.samples import sample_body
from mockserver.schemas import catalog
from tests.api.conftest import Fits
from tests.conftest import MakeApp

KEYS = [{}, {"X-API-Key": ""}, {"X-API-Key": "afk_nobody"}, {"X-API-Key": "afk_test_inactive"}]


async def answered(client: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, Any]:
    async with client.get(path, headers=headers) as answer:
        assert answer.content_type == "application/json"
        return answer.status, await answer.json()


async def test_the_catalogue_lists_all_99_models_that_generate_in_the_order_of_the_table(
    anyone: aiohttp.ClientSession, fits: Fits
) -> None:
    status, listed = await answered(anyone, "/v2/models")
    fits(listed, "model-list")
    assert (status, len(listed["models"])) == (200, 99)
    generating = ("images.generate", "videos.generate", "music.generate")
    assert [model["id"] for model in listed["models"]] == [
        model for operation in generating for model in catalog().models[operation]
    ]
    assert listed["models"][:3:2] == [
        {
            "id": "midjourney",
            "label": "Midjourney",
            "modality": "image",
            "costMin": 16,
            "costMax": 16,
            "pricingMode": "flat",
        },
        {
            "id": "nano-banana-pro",
            "label": "Nano Banana Pro",
            "modality": "image",
            "costMin": 23,
            "costMax": 41,
            "pricingMode": "flat",
        },
    ]


async def test_a_modality_filters_the_catalogue(anyone: aiohttp.ClientSession) -> None:
    everything = await answered(anyone, "/v2/models")
    parts = []
    for modality, count in (("image", 51), ("video", 41), ("music", 7)):
        status, listed = await answered(anyone, f"/v2/models?modality={modality}")
        assert (status, [model["modality"] for model in listed["models"]]) == (200, [modality] * count)
        parts += listed["models"]
    assert everything == (200, {"models": parts})


@pytest.mark.parametrize("modality", ["", "IMAGE", "audio", "image,video", "%00", "x" * 9000])
async def test_another_modality_is_400(modality: str, anyone: aiohttp.ClientSession, fits: Fits) -> None:
    status, answer = await answered(anyone, f"/v2/models?modality={modality}")
    message = 'Invalid option: expected one of "image"|"video"|"music"'
    assert (status, answer) == (400, {"error": "Validation error", "details": {"modality": [message]}})
    fits(answer, "validation-error")


async def test_a_modality_given_twice_is_400(anyone: aiohttp.ClientSession) -> None:
    answer = await answered(anyone, "/v2/models?modality=image&modality=image")
    message = "Invalid input: expected string, received array"
    assert answer == (400, {"error": "Validation error", "details": {"modality": [message]}})


@pytest.mark.parametrize("path", ["/v2/models", "/v2/openapi.json"])
async def test_neither_needs_a_key_and_a_bad_one_does_not_matter(path: str, anyone: aiohttp.ClientSession) -> None:
    answers = [await answered(anyone, path, **key) for key in KEYS]
    assert answers == [answers[0]] * len(KEYS)
    assert answers[0][0] == 200


async def test_the_document_is_the_one_of_this_server(anyone: aiohttp.ClientSession, app: App) -> None:
    _, document = await answered(anyone, "/v2/openapi.json")
    assert document == json.loads(json.dumps(openapi_document(catalog(), app.url)))
    assert document["openapi"].startswith("3.1.")
    assert document["servers"] == [{"url": app.url}]


async def test_the_document_names_every_endpoint_and_what_it_refuses(anyone: aiohttp.ClientSession) -> None:
    _, document = await answered(anyone, "/v2/openapi.json")
    told = {
        (method, path): set(operation["responses"])
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    submission = {"202", "400", "401", "402", "403", "404", "409", "429", "503"}
    submissions = (
        "images/generate images/edit images/upscale images/background-remove images/midjourney/action "
        "videos/generate videos/edit videos/upscale music/generate music/suno/action "
        "music/udio/action music/udio/lyrics music/udio/upload"
    )
    assert told == {
        **{("post", f"/v2/{path}"): submission for path in submissions.split()},
        ("get", "/v2/jobs"): {"200", "400", "401", "403", "429"},
        ("get", "/v2/jobs/{id}"): {"200", "400", "401", "403", "404", "429"},
        ("post", "/v2/uploads"): {"201", "400", "401", "403", "429", "502"},
        ("post", "/v2/loras"): {"202", "400", "401", "402", "403", "429", "503"},
        ("get", "/v2/loras"): {"200", "400", "401", "403", "429"},
        ("get", "/v2/loras/{id}"): {"200", "400", "401", "403", "404", "429"},
        ("delete", "/v2/loras/{id}"): {"204", "400", "401", "403", "404", "429"},
        ("post", "/v2/assets/create"): {"201", "400", "401", "403", "429", "502"},
        ("get", "/v2/assets/{assetId}"): {"200", "400", "401", "403", "404", "429", "502"},
        ("get", "/v2/me"): {"200", "401", "403", "429"},
        ("get", "/v2/models"): {"200", "400"},
    }


async def test_the_document_accepts_what_the_server_accepts(anyone: aiohttp.ClientSession) -> None:
    _, document = await answered(anyone, "/v2/openapi.json")
    mapping: dict[str, str] = {}
    for path in ("images/generate", "videos/generate", "music/suno/action"):
        operation = document["paths"][f"/v2/{path}"]["post"]
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        mapping |= document["components"]["schemas"][reference.rpartition("/")[2]]["discriminator"]["mapping"]
    offered = [catalog().models[operation] for operation in ("images.generate", "videos.generate", "music.suno-action")]
    models = [model for rows in offered for model in rows.values()]
    assert list(mapping) == [model.id for model in models]
    for model in models:
        schema = {"$ref": mapping[model.id], "components": document["components"]}
        body = sample_body(model, "a fox", every=True, chance=lambda: 0.4)
        jsonschema.validate(body, schema, jsonschema.Draft202012Validator)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**body, "foo": 1}, schema, jsonschema.Draft202012Validator)


async def test_the_document_names_the_public_address(make_app: MakeApp, anyone: aiohttp.ClientSession) -> None:
    app = await make_app(public_url="https://mock.example")
    _, document = await answered(anyone, f"{app.url}/v2/openapi.json")
    assert document["servers"] == [{"url": "https://mock.example"}]
