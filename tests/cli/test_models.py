"""`mockserver models`."""

import json

import pytest

from mockserver.cli.models import accepts
from mockserver.core.catalog import Schema
from mockserver.schemas import catalog
from tests.cli.conftest import Run

MODELS = [model.id for model in catalog().all_models()]


def test_models_lists_all_51_uncut_in_a_pipe_with_prices(run: Run) -> None:
    lines = run("models", COLUMNS="20").out.splitlines()
    assert lines[0].split() == ["model", "credits", "prompt", "seconds", "label", "parameters", "price", "is"]
    assert [line.split()[0] for line in lines[1:]] == MODELS
    assert len(MODELS) == 51
    (longest,) = (line for line in lines if line.startswith("stable-diffusion-3.5-large-turbo "))
    assert longest.split() == [
        *("stable-diffusion-3.5-large-turbo", "7", "2,000", "30"),
        *("Stable", "Diffusion", "3.5", "Large", "Turbo", "stableDiffusionParams", "suggested"),
    ]


def test_models_as_json_has_the_whole_request_schema(run: Run) -> None:
    listed = json.loads(run("models", "--json").out)
    assert [model["id"] for model in listed] == MODELS
    first = catalog().all_models()[0]
    assert listed[0] == {
        "id": "midjourney",
        "label": "Midjourney",
        "modality": "image",
        "costMin": 16,
        "costMax": 16,
        "pricingMode": "flat",
        "endpoint": "/v2/images/generate",
        "priceConfidence": "stated",
        "typicalSeconds": 30,
        "request": first.body_schema,
    }


@pytest.mark.parametrize("name", MODELS)
def test_one_model_shows_every_parameter_and_which_are_required(name: str, here: Run) -> None:
    (model,) = (model for model in catalog().all_models() if model.id == name)
    title, limits, heading, *rows = here("models", name).out.splitlines()
    assert title == f"{name}  {model.label}  (POST /v2/images/generate)"
    assert limits.startswith(f"prompt up to {model.prompt_max:,} characters, ")
    assert heading.split() == [f"{model.parameters_name}.", "accepts"]
    required = model.parameters_schema.get("required", [])
    marked = [f"{each} *" if each in required else each for each in model.parameters_schema["properties"]]
    assert [row.partition("  ")[0] for row in rows] == [*marked, *(["* required"] if required else [])]


def test_one_model_shows_what_its_parameters_accept(run: Run) -> None:
    assert run("models", "flux-lora") == (0, FLUX_LORA, "")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"enum": ["a", 1]}, '"a" | 1'),
        ({"type": "integer", "minimum": 1, "maximum": 4}, "integer 1..4"),
        ({"type": "number", "exclusiveMinimum": 0}, "number 0.."),
        ({"type": ["string", "null"], "maxLength": 9}, "string or null ..9"),
        ({"type": "array", "items": {"type": "string", "format": "uri"}, "maxItems": 3}, "array of string uri ..3"),
        ({}, "anything"),
    ],
    ids=lambda value: value if isinstance(value, str) else "schema",
)
def test_what_a_parameter_takes_is_said_in_a_few_words(schema: Schema, words: str) -> None:
    assert accepts(schema) == words


def test_a_modality_without_models_is_an_empty_list(here: Run) -> None:
    table, listed = here("models", "--modality", "video"), here("models", "--modality", "video", "--json")
    assert (table.code, len(table.out.splitlines()), listed) == (0, 1, (0, "[]\n", ""))
    assert here("models", "--modality", "image").out == here("models").out


def test_a_model_of_another_modality_is_told(here: Run) -> None:
    assert here("models", "flux-lora", "--modality", "video") == (
        2,
        "",
        'mockserver: --modality: "video" does not fit; flux-lora makes images\n',
    )


@pytest.mark.parametrize("command", ["models", "sample"])
@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("flux-2-por", "did you mean flux-2-pro or flux-lora or flux-1.1-pro?"),
        ("MIDJOURNEY", "did you mean midjourney?"),
        ("", "mockserver models lists them"),
        ("x" * 500, "mockserver models lists them"),
    ],
    ids=["alike", "upper", "empty", "long"],
)
def test_an_unknown_model_is_told_with_those_that_look_alike(here: Run, command: str, typed: str, hint: str) -> None:
    assert here(command, typed) == (2, "", f'mockserver: there is no model "{typed[:80]}"; {hint}\n')


FLUX_LORA = """\
flux-lora  Flux LoRA  (POST /v2/images/generate)
prompt up to 2,000 characters, 2 credits each (stated)
fluxLoraParams.      accepts
aspect_ratio         "1:1" | "16:9" | "9:16" | "4:3" | "3:4" | "3:2" | "2:3"
guidance_scale       number 1..10
loraId *             string uuid
lora_strength        number 0..1.5
num_inference_steps  integer 4..50
num_outputs          integer 1..4
output_format        "png" | "jpg" | "webp"
seed                 integer
* required
"""
