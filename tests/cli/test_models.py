"""`mockserver models`."""

import json
import re

import pytest

from mockserver.cli.catalogue import everything, is_action
from mockserver.cli.words import accepts
from mockserver.core.catalog import WEBHOOK_FIELDS, Schema
from mockserver.schemas import catalog
from tests.cli.conftest import Run

ROWS = everything()
MODELS = [model.id for model in catalog().all_models()]
ACTIONS = [name for name, row in ROWS.items() if is_action(row)]


def test_models_lists_all_uncut_in_a_pipe_with_prices_and_grouped_by_operation(run: Run) -> None:
    heading, *lines = run("models", COLUMNS="20").out.splitlines()
    assert heading.split() == ["model", "credits", "usual", "prompt", "seconds", "label", "parameters", "price", "is"]
    listed = [line.split()[0] for line in lines if line and not line.startswith("#")]
    groups = [line for line in lines if line.startswith("#")]
    assert (listed, len(MODELS)) == (MODELS, 106)
    assert groups == [
        "# images.generate: POST /v2/images/generate",
        "# images.edit: POST /v2/images/edit",
        "# images.upscale: POST /v2/images/upscale",
        "# images.background-remove: POST /v2/images/background-remove",
        "# videos.generate: POST /v2/videos/generate",
        "# videos.edit: POST /v2/videos/edit",
        "# videos.upscale: POST /v2/videos/upscale",
        "# music.generate: POST /v2/music/generate",
    ]
    (longest,) = (line for line in lines if line.startswith("stable-diffusion-3.5-large-turbo "))
    assert longest.split() == [
        *("stable-diffusion-3.5-large-turbo", "7", "7", "2,000", "30"),
        *("Stable", "Diffusion", "3.5", "Large", "Turbo", "stableDiffusionParams", "suggested"),
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("wan-2.7", ["wan-2.7", "17 to 26 a second", "130", "5,000", "150", "Wan 2.7", "wan27Params", "third-party"]),
        ("mureka", ["mureka", "6 each", "12", "1,024", "60", "Mureka", "murekaParams", "stated"]),
        ("flux-fill-pro", ["flux-fill-pro", "9", "9", "2,000", "15", "Flux Fill Pro", "fluxFillParams", "stated"]),
        (
            "topaz-image-upscale",
            [
                *("topaz-image-upscale", "9 per 24 megapixels", "9", "-", "30"),
                *("Topaz Image Upscale", "topazUpscaleParams", "suggested"),
            ],
        ),
        (
            "suno-add-vocals",
            [
                *("suno-add-vocals", "11", "11", "5,000", "60"),
                *("on a finished job of suno: tracks", "prompt, parentJobId, action", "stated"),
            ],
        ),
        ("udio-lyrics", ["udio-lyrics", "1", "1", "2,000", "5", "of udio", "prompt", "suggested"]),
    ],
)
def test_a_row_says_what_the_credits_are_for_and_what_a_usual_job_costs(here: Run, name: str, shown: list[str]) -> None:
    listed = here("models", "--operation", ROWS[name].operation).out
    (line,) = (line for line in listed.splitlines() if line.startswith(f"{name} "))
    assert re.split(r" {2,}", line) == shown


def test_models_as_json_has_the_whole_request_schema(run: Run) -> None:
    listed = json.loads(run("models", "--json").out)
    assert [model["id"] for model in listed] == MODELS
    first = catalog().all_models()[0]
    assert listed[0] == {
        "id": "midjourney",
        "label": "Midjourney",
        "modality": "image",
        "operation": "images.generate",
        "costMin": 16,
        "costMax": 16,
        "pricingMode": "flat",
        "endpoint": "/v2/images/generate",
        "usualCost": 16,
        "priceConfidence": "stated",
        "typicalSeconds": 30,
        "request": first.body_schema,
    }


def test_one_model_or_action_shows_every_field_and_which_are_required_and_every_rule(here: Run) -> None:
    for name, row in ROWS.items():
        title, _, *lines = here("models", name).out.splitlines()
        assert title.startswith(f"{name}  ")
        assert title.endswith(f"  (POST {catalog().operations[row.operation].path})")
        schema = row.parameters_schema if row.parameters_name else row.body_schema
        heading, required = f"{row.parameters_name}." if row.parameters_name else "field", schema.get("required", [])
        shown = [line.partition("  ")[0] for line in lines]
        names = [each for each in schema["properties"] if row.parameters_name or each not in WEBHOOK_FIELDS]
        marked = [f"{each} *" if each in required else each for each in names]
        start = shown.index(heading) + 1
        assert shown[start : start + len(marked)] == marked, name
        assert ("* required" in lines) == bool(required), name
        rules = row.body_schema.get("allOf", [])
        fields = [rule["x-field"] for rule in rules]
        assert [field for field in fields if not any(line.startswith(f"{field}  ") for line in lines)] == [], name


@pytest.mark.parametrize("name", ["flux-lora", "flux-fill-pro", "suno-stems", "bria-bg-remove"])
def test_one_model_or_action_shows_what_it_accepts_and_costs(here: Run, name: str) -> None:
    assert here("models", name) == (0, SHOWN[name], "")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--actions"], ACTIONS),
        (["--actions", "midjourney"], [name for name in ACTIONS if name.startswith("midjourney-")]),
        (["--modality", "music"], [name for name in MODELS if ROWS[name].modality == "music"]),
        (["--actions", "--modality", "image"], [name for name in ACTIONS if name.startswith("midjourney-")]),
        (["--operation", "videos.edit"], ["wan-2.7-videoedit"]),
        (["--operation", "videos.*", "--modality", "image"], []),
        (["--operation", "music.*", "--actions"], [name for name in ACTIONS if not name.startswith("midjourney-")]),
        (["--operation", "music.udio-*"], [name for name in ACTIONS if name.startswith("udio-")]),
        (["--operation", "images.edit", "flux-fill-pro"], ["flux-fill-pro"]),
    ],
    ids=lambda value: " ".join(value) if len(value) < 4 else "",
)
def test_the_list_is_narrowed_by_modality_operation_and_kind(here: Run, options: list[str], names: list[str]) -> None:
    assert [row["id"] for row in json.loads(here("models", "--json", *options).out)] == names


def test_a_model_lists_the_actions_on_its_jobs(here: Run) -> None:
    assert here("models", "udio").out.splitlines()[-1] == "actions  udio-extend, udio-remix, udio-lyrics, udio-upload"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"enum": ["a", 1]}, '"a" | 1'),
        ({"type": "integer", "minimum": 1, "maximum": 4}, "integer 1..4"),
        ({"type": "number", "exclusiveMinimum": 0}, "number 0.."),
        ({"type": ["string", "null"], "maxLength": 9}, "string or null ..9"),
        ({"type": "array", "items": {"type": "string", "format": "uri"}, "maxItems": 3}, "array of string uri ..3"),
        (
            {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"enum": [1]}}},
            "{x: integer, y: 1}",
        ),
        ({}, "anything"),
    ],
    ids=lambda value: value if isinstance(value, str) else "schema",
)
def test_what_a_parameter_takes_is_said_in_a_few_words(schema: Schema, words: str) -> None:
    assert accepts(schema) == words


def test_a_model_of_another_modality_is_told(here: Run) -> None:
    assert here("models", "flux-lora", "--modality", "video") == (
        2,
        "",
        'mockserver: --modality: "video" does not fit; flux-lora makes images\n',
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["suno", "--operation", "images.*"], '--operation: "images.*" does not fit; suno is one of music.generate'),
        (["suno", "--modality", "image"], '--modality: "image" does not fit; suno makes music'),
        (
            ["--operation", "me"],
            '--operation: no operation that starts jobs is called "me"; there are images.generate, ',
        ),
    ],
    ids=["model", "music", "none"],
)
def test_a_filter_that_fits_nothing_is_told(here: Run, options: list[str], said: str) -> None:
    done = here("models", *options)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"mockserver: {said}")


@pytest.mark.parametrize("command", ["models", "sample"])
@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("flux-2-por", "did you mean flux-2-pro or flux-lora or flux-1.1-pro?"),
        ("extend", "did you mean udio-extend or suno-extend?"),
        ("MIDJOURNEY", "did you mean midjourney?"),
        ("", "mockserver models lists them"),
        ("x" * 500, "mockserver models lists them"),
    ],
    ids=["alike", "bare", "upper", "empty", "long"],
)
def test_an_unknown_model_is_told_with_those_that_look_alike(here: Run, command: str, typed: str, hint: str) -> None:
    assert here(command, typed) == (2, "", f'mockserver: there is no model "{typed[:80]}"; {hint}\n')


SHOWN = {
    "flux-lora": """\
flux-lora  Flux LoRA  (POST /v2/images/generate)
prompt up to 2,000 characters, 2 credits each (stated)
fluxLoraParams.loraId is the id of a LoRA that is READY; POST /v2/loras trains one
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
""",
    "flux-fill-pro": """\
flux-fill-pro  Flux Fill Pro  (POST /v2/images/edit)
prompt up to 2,000 characters in fluxFillParams, 9 credits (stated)
fluxFillParams.    accepts
guidance           number 2..5
image *            string uri
mask               string uri
mode *             "inpaint" | "outpaint"
outpaint           "Zoom out 1.5x" | "Zoom out 2x" | "Make square" | "Left outpaint" | "Right outpaint" | \
"Top outpaint" | "Bottom outpaint"
output_format      "jpg" | "png"
prompt *           string 1..2000
prompt_upsampling  boolean
safety_tolerance   integer 1..6
seed               integer
steps              integer 1..50
* required
fluxFillParams.mask      inpaint needs a mask (depends on fluxFillParams.mode)
fluxFillParams.outpaint  outpaint needs a preset (depends on fluxFillParams.mode)
""",
    "suno-stems": """\
suno-stems  on a finished job of suno: tracks  (POST /v2/music/suno/action)
11 credits (stated)
field          accepts
index          1 | 2
parentJobId *  string uuid
trackId        string 1..200
action *       "stems"
* required
trackId  give index or trackId, not both (depends on index)
index    give index or trackId (depends on trackId)
""",
    "bria-bg-remove": """\
bria-bg-remove  Bria Background Removal  (POST /v2/images/background-remove)
no prompt, 4 credits (suggested)
briaBgRemoveParams.  accepts
content_moderation   boolean
image *              string uri
* required
""",
}
