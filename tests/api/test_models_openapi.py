"""GET /v2/models and GET /v2/openapi.json: what the API tells of itself, to anyone."""

from typing import Any

import aiohttp
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

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


async def test_the_catalogue_lists_all_51_image_models_in_the_order_of_the_table(
    anyone: aiohttp.ClientSession, fits: Fits
) -> None:
    status, listed = await answered(anyone, "/v2/models")
    fits(listed, "model-list")
    assert (status, len(listed["models"])) == (200, 51)
    assert [model["id"] for model in listed["models"]] == list(catalog().models["images.generate"])
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
    assert await answered(anyone, "/v2/models?modality=image") == everything
    for modality in ("video", "music"):
        status, listed = await answered(anyone, f"/v2/models?modality={modality}")
        assert (status, {model["modality"] for model in listed["models"]} - {modality}) == (200, set())


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


async def test_the_document_is_valid_openapi_3_1(anyone: aiohttp.ClientSession, app: App) -> None:
    _, document = await answered(anyone, "/v2/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1.")
    assert document["servers"] == [{"url": app.url}]


async def test_the_document_names_every_endpoint_and_what_it_refuses(anyone: aiohttp.ClientSession) -> None:
    _, document = await answered(anyone, "/v2/openapi.json")
    told = {
        (method, path): set(operation["responses"])
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    assert told == {
        ("post", "/v2/images/generate"): {"202", "400", "401", "402", "403", "404", "409", "429", "503"},
        ("get", "/v2/jobs"): {"200", "400", "401", "403", "429"},
        ("get", "/v2/jobs/{id}"): {"200", "400", "401", "403", "404", "429"},
        ("get", "/v2/me"): {"200", "401", "403", "429"},
        ("get", "/v2/models"): {"200", "400"},
    }


async def test_the_document_accepts_what_the_server_accepts(anyone: aiohttp.ClientSession) -> None:
    _, document = await answered(anyone, "/v2/openapi.json")
    operation = document["paths"]["/v2/images/generate"]["post"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    mapping = document["components"]["schemas"][reference.rpartition("/")[2]]["discriminator"]["mapping"]
    models = catalog().models["images.generate"]
    assert list(mapping) == list(models)
    for model in models.values():
        schema = {"$ref": mapping[model.id], "components": document["components"]}
        body = sample_body(model, "a fox", every=True, chance=lambda: 0.4)
        jsonschema.validate(body, schema, jsonschema.Draft202012Validator)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**body, "foo": 1}, schema, jsonschema.Draft202012Validator)


async def test_the_document_names_the_public_address(make_app: MakeApp, anyone: aiohttp.ClientSession) -> None:
    app = await make_app(public_url="https://mock.example")
    _, document = await answered(anyone, f"{app.url}/v2/openapi.json")
    assert document["servers"] == [{"url": "https://mock.example"}]
