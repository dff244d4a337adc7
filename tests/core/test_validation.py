"""What is said of a request body, in the words of facts.md section 4."""

import json
from typing import Any

import pytest

from mockserver.core.catalog import Model
from mockserver.core.errors import Details, Invalid
from mockserver.core.jsontext import Parsed, encode, parse
from mockserver.core.messages import MAX_NAME
from mockserver.core.validation import MAX_ITEMS, MAX_PROBLEMS, BodyValidator, SchemaCheck, details_of
from mockserver.schemas import catalog

OPERATION = "images.generate"
ANSWER_BYTES = 10_000
"""No refusal is longer, whatever was sent."""
VALIDATOR = BodyValidator(catalog())
PLAIN = {"prompt": "a fox", "model": "flux-2-pro"}


def details(body: Any, validator: BodyValidator = VALIDATOR) -> Details:
    """Give what is wrong; nothing for a valid body."""
    return details_of_text(encode(body), validator)


def details_of_text(raw: bytes, validator: BodyValidator = VALIDATOR) -> Details:
    try:
        validator.model_of(OPERATION, parse(raw))
    except Invalid as refused:
        found = refused.details
    else:
        found = {}
    assert len(encode(found)) < ANSWER_BYTES
    return found


def flux(**parameters: Any) -> dict[str, Any]:
    return {**PLAIN, "fluxParams": parameters}


def test_a_valid_body_gives_its_model() -> None:
    assert VALIDATOR.model_of(OPERATION, parse(encode(PLAIN))) == catalog().models[OPERATION]["flux-2-pro"]


STRING, NUMBER = "Invalid input: expected string, received", "Invalid input: expected number, received"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # missing, wrong type
        ({"model": "flux-2-pro"}, {"prompt": [f"{STRING} undefined"]}),
        ({**PLAIN, "prompt": 1}, {"prompt": [f"{STRING} number"]}),
        ({**PLAIN, "prompt": 1.5}, {"prompt": [f"{STRING} number"]}),
        ({**PLAIN, "prompt": None}, {"prompt": [f"{STRING} null"]}),
        ({**PLAIN, "prompt": True}, {"prompt": [f"{STRING} boolean"]}),
        ({**PLAIN, "prompt": ["a"]}, {"prompt": [f"{STRING} array"]}),
        ({**PLAIN, "prompt": {}}, {"prompt": [f"{STRING} object"]}),
        (flux(raw="yes"), {"fluxParams.raw": ["Invalid input: expected boolean, received string"]}),
        (flux(seed="1"), {"fluxParams.seed": [f"{NUMBER} string"]}),
        (flux(guidance=None), {"fluxParams.guidance": [f"{NUMBER} null"]}),
        ({**PLAIN, "fluxParams": []}, {"fluxParams": ["Invalid input: expected object, received array"]}),
        ({**PLAIN, "fluxParams": None}, {"fluxParams": ["Invalid input: expected object, received null"]}),
        (
            flux(input_images="http://a"),
            {"fluxParams.input_images": ["Invalid input: expected array, received string"]},
        ),
        # too short, too long text
        ({**PLAIN, "prompt": ""}, {"prompt": ["Too small: expected string to have >=1 characters"]}),
        ({**PLAIN, "prompt": "x" * 2001}, {"prompt": ["Too big: expected string to have <=2000 characters"]}),
        # number too small, too large
        (flux(steps=0), {"fluxParams.steps": ["Too small: expected number to be >=1"]}),
        (flux(steps=51), {"fluxParams.steps": ["Too big: expected number to be <=50"]}),
        (flux(guidance=1.4), {"fluxParams.guidance": ["Too small: expected number to be >=1.5"]}),
        # not whole
        (flux(seed=1.5), {"fluxParams.seed": ["Invalid input: expected int, received number"]}),
        # not in the list
        (
            flux(output_format="gif"),
            {"fluxParams.output_format": ['Invalid option: expected one of "jpg"|"png"|"webp"']},
        ),
        (flux(output_format=1), {"fluxParams.output_format": ['Invalid option: expected one of "jpg"|"png"|"webp"']}),
        (
            {**PLAIN, "webhookEvents": ["done"]},
            {"webhookEvents.0": ['Invalid option: expected one of "progress"|"completed"|"failed"']},
        ),
        # unknown model, or none
        ({**PLAIN, "model": "flux-2-pr"}, {"model": ["Invalid input"]}),
        ({**PLAIN, "model": "FLUX-2-PRO"}, {"model": ["Invalid input"]}),
        ({**PLAIN, "model": ""}, {"model": ["Invalid input"]}),
        ({**PLAIN, "model": None}, {"model": ["Invalid input"]}),
        ({**PLAIN, "model": ["flux-2-pro"]}, {"model": ["Invalid input"]}),
        ({"prompt": "a fox"}, {"model": ["Invalid input"]}),
        # not a URL, not a UUID
        ({**PLAIN, "webhookUrl": "example.com"}, {"webhookUrl": ["Invalid URL"]}),
        (flux(image_prompt=""), {"fluxParams.image_prompt": ["Invalid URL"]}),
        (flux(input_images=["http://a", "b"]), {"fluxParams.input_images.1": ["Invalid URL"]}),
        (
            {"prompt": "a", "model": "flux-lora", "fluxLoraParams": {"loraId": "x"}},
            {"fluxLoraParams.loraId": ["Invalid UUID"]},
        ),
        # pattern
        (
            flux(aspect_ratio="16x9"),
            {"fluxParams.aspect_ratio": [r"Invalid string: must match pattern /^\d+:\d+$/"]},
        ),
        (
            flux(aspect_ratio="16:9\n"),
            {"fluxParams.aspect_ratio": [r"Invalid string: must match pattern /^\d+:\d+$/"]},
        ),
        (
            flux(aspect_ratio="\u0661:\u0661"),
            {"fluxParams.aspect_ratio": [r"Invalid string: must match pattern /^\d+:\d+$/"]},
        ),
        # list too long, too short
        (
            {"prompt": "a", "model": "nano-banana", "nanoBananaParams": {"image_input": ["http://a"] * 15}},
            {"nanoBananaParams.image_input": ["Too big: expected array to have <=14 items"]},
        ),
        ({**PLAIN, "webhookEvents": []}, {"webhookEvents": ["Too small: expected array to have >=1 items"]}),
        # field that does not exist
        ({**PLAIN, "foo": 1}, {"foo": ['Unrecognized key: "foo"']}),
        ({**PLAIN, "foo": 1, "bar": 2}, {"foo": ['Unrecognized key: "foo"'], "bar": ['Unrecognized key: "bar"']}),
        (flux(foo=1), {"fluxParams": ['Unrecognized key: "foo"']}),
        (flux(foo=1, bar=2), {"fluxParams": ['Unrecognized keys: "foo", "bar"']}),
        ({**PLAIN, "midjourneyParams": {}}, {"midjourneyParams": ['Unrecognized key: "midjourneyParams"']}),
        ({**PLAIN, "aspect_ratio": "1:1"}, {"aspect_ratio": ['Unrecognized key: "aspect_ratio"']}),
        # required parameter objects
        (
            {"prompt": "a", "model": "ideogram-character"},
            {"ideogramParams": ["Invalid input: expected object, received undefined"]},
        ),
        (
            {"prompt": "a", "model": "ideogram-character", "ideogramParams": {}},
            {"ideogramParams.character_reference_image": [f"{STRING} undefined"]},
        ),
        # no object at all
        ([], {"body": ["Invalid input: expected object, received array"]}),
        (None, {"body": ["Invalid input: expected object, received null"]}),
        ("x", {"body": ["Invalid input: expected object, received string"]}),
        (1.5, {"body": ["Invalid input: expected object, received number"]}),
        (False, {"body": ["Invalid input: expected object, received boolean"]}),
    ],
)
def test_a_problem_is_told_in_the_documented_words_under_its_dotted_path(body: Any, expected: Details) -> None:
    assert details(body) == expected


def test_all_problems_are_told_at_once() -> None:
    body = {
        "prompt": "",
        "model": "flux-2-pro",
        "webhookUrl": "nowhere",
        "webhookEvents": ["started", "done"],
        "extra": 1,
        "fluxParams": {"seed": 0.5, "width": 1, "height": 9999, "raw": 1, "input_images": ["x"] * 11, "flat": 1},
    }
    assert {path: sorted(texts) for path, texts in details(body).items()} == {
        "prompt": ["Too small: expected string to have >=1 characters"],
        "webhookUrl": ["Invalid URL"],
        "webhookEvents.0": ['Invalid option: expected one of "progress"|"completed"|"failed"'],
        "webhookEvents.1": ['Invalid option: expected one of "progress"|"completed"|"failed"'],
        "extra": ['Unrecognized key: "extra"'],
        "fluxParams": ['Unrecognized key: "flat"'],
        "fluxParams.seed": ["Invalid input: expected int, received number"],
        "fluxParams.width": ["Too small: expected number to be >=256"],
        "fluxParams.height": ["Too big: expected number to be <=2048"],
        "fluxParams.raw": ["Invalid input: expected boolean, received number"],
        "fluxParams.input_images": ["Too big: expected array to have <=10 items"],
        **{f"fluxParams.input_images.{index}": ["Invalid URL"] for index in range(11)},
    }


def test_a_body_with_an_unknown_model_is_told_its_common_problems_and_nothing_of_other_models() -> None:
    body = {
        "model": "seedance-1-5-pro",
        "webhookUrl": "nowhere",
        "webhookEvents": [],
        "extra": 1,
        "fluxParams": {"seed": "x"},
        "midjourneyParams": 5,
    }
    assert details(body) == {
        "model": ["Invalid input"],
        "prompt": ["Invalid input: expected string, received undefined"],
        "webhookUrl": ["Invalid URL"],
        "webhookEvents": ["Too small: expected array to have >=1 items"],
        "extra": ['Unrecognized key: "extra"'],
    }


@pytest.mark.parametrize("model", catalog().models[OPERATION].values(), ids=lambda model: model.id)
def test_a_prompt_may_be_as_long_as_the_models_limit_in_utf_16_units(model: Model) -> None:
    limit = model.prompt_max or 0
    needed = {"flux-lora": {"loraId": "0" * 8 + "-0000-4000-8000-" + "0" * 12}}.get(
        model.id, {"character_reference_image": "http://a"} if model.parameters_schema.get("required") else {}
    )
    plain = {"model": model.id, **({model.parameters_name: needed} if needed else {})}
    too_long = {"prompt": [f"Too big: expected string to have <={limit} characters"]}
    for longest in ("x" * limit, "é" * limit, "\U0001f600" * (limit // 2), "\ud800" * limit):
        assert details({**plain, "prompt": longest}) == {}
        assert details({**plain, "prompt": longest + "x"}) == too_long


def test_a_text_of_astral_characters_is_too_long_where_javascript_finds_it_too_long() -> None:
    too_long = {"prompt": ["Too big: expected string to have <=2000 characters"]}
    assert details({**PLAIN, "prompt": "\U0001f600" * 1001}) == too_long
    assert details({**PLAIN, "prompt": "\U0001f600" * 2001}) == too_long
    nested = {
        "prompt": "a",
        "model": "stable-diffusion-3",
        "stableDiffusionParams": {"negative_prompt": "\U0001f600" * 1001},
    }
    assert details(nested) == {
        "stableDiffusionParams.negative_prompt": ["Too big: expected string to have <=2000 characters"]
    }


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 5_000])
def test_a_number_beyond_a_double_is_refused_wherever_it_stands(number: str) -> None:
    body = (
        f'{{"prompt":{number},"model":"gpt-image-2","webhookEvents":[{number}],'
        f'"gptImage2Params":{{"number_of_images":{number},"input_images":{number},"quality":{number}}}}}'
    )
    assert details_of_text(body.encode()) == {
        "prompt": [f"{STRING} number"],
        "webhookEvents.0": ['Invalid option: expected one of "progress"|"completed"|"failed"'],
        "gptImage2Params.number_of_images": [f"{NUMBER} Infinity"],
        "gptImage2Params.input_images": ["Invalid input: expected array, received number"],
        "gptImage2Params.quality": ['Invalid option: expected one of "low"|"medium"|"high"|"auto"'],
    }
    assert details_of_text(f'{{"prompt":"a","model":{number}}}'.encode()) == {"model": ["Invalid input"]}


def test_a_whole_number_may_be_written_with_a_fraction() -> None:
    assert details_of_text(b'{"prompt":"a","model":"flux-2-pro","fluxParams":{"seed":7.0,"width":5.12e2}}') == {}


def test_lone_surrogates_are_judged_as_javascript_judges_them() -> None:
    body = {
        **PLAIN,
        "prompt": "\ud800",
        "webhookUrl": "http://a/\ud800",
        "fluxParams": {"image_prompt": "http://a/\udfff"},
    }
    assert details(body) == {}
    broken = {
        "prompt": "\ud800" * 2001,
        "model": "flux-2-pro",
        "webhookUrl": "\ud800",
        "\ud800": 1,
        "fluxParams": {"aspect_ratio": "\ud800", "output_format": "\ud800", "\udfff": "\udfff", "seed": "\ud800"},
    }
    assert details(broken) == {
        "prompt": ["Too big: expected string to have <=2000 characters"],
        "webhookUrl": ["Invalid URL"],
        "\ufffd": ['Unrecognized key: "\ufffd"'],
        "fluxParams": ['Unrecognized key: "\ufffd"'],
        "fluxParams.aspect_ratio": [r"Invalid string: must match pattern /^\d+:\d+$/"],
        "fluxParams.output_format": ['Invalid option: expected one of "jpg"|"png"|"webp"'],
        "fluxParams.seed": [f"{NUMBER} string"],
    }
    assert details({"prompt": "a", "model": "\ud800"}) == {"model": ["Invalid input"]}


RULED = [model for model in catalog().all_models() if model.body_schema.get("allOf") and model.parameters_name]


@pytest.mark.parametrize("behind", ['"\\ud800":null', '"x":' + "[" * 300 + "]" * 300])
@pytest.mark.parametrize("model", RULED, ids=lambda model: model.id)
def test_what_stands_behind_a_first_fault_troubles_no_rule(model: Model, behind: str) -> None:
    """The validator ends at the first fault, before it meets what it cannot take; the rules across fields meet it."""
    body = f'{{"prompt":"\U0001f98a","model":"{model.id}","{model.parameters_name}":{{"":null,{behind}}}}}'
    assert SchemaCheck(model.body_schema).problems(parse(body.encode()))


@pytest.mark.parametrize("place", ["fluxParams", "body"])
def test_twenty_thousand_unknown_fields_are_counted_and_ten_are_named(place: str) -> None:
    names = {f"k{index}": index for index in range(20_000)}
    if place == "fluxParams":
        named = ", ".join(f'"k{index}"' for index in range(10))
        assert details(flux(**names)) == {"fluxParams": [f"Unrecognized keys: {named}, and 19990 more"]}
        return
    later = ", ".join(f'"k{index}"' for index in range(10, 20))
    expected = {
        **{f"k{index}": [f'Unrecognized key: "k{index}"'] for index in range(10)},
        "body": [f"Unrecognized keys: {later}, and 19980 more"],
    }
    assert details({**PLAIN, **names}) == expected
    assert details({**PLAIN, "model": "none", **names}) == {"model": ["Invalid input"], **expected}


def test_a_huge_name_is_shortened() -> None:
    name = "n" * 1_000_000
    shown = "n" * (MAX_NAME - 1) + "…"
    assert details({**PLAIN, name: 1, "fluxParams": {name: 1}}) == {
        shown: [f'Unrecognized key: "{shown}"'],
        "fluxParams": [f'Unrecognized key: "{shown}"'],
    }


def test_a_huge_value_is_not_repeated() -> None:
    huge = "v" * 1_000_000
    body = {"prompt": huge, "model": huge, "webhookUrl": huge, "webhookEvents": [huge], "fluxParams": huge}
    assert len(encode(details(body))) < 1_000


def test_the_faults_of_a_million_items_are_told_of_the_first_fifty_at_most() -> None:
    told = details({"prompt": "a", "model": "gpt-image-2", "gptImage2Params": {"input_images": ["x"] * 1_000_000}})
    assert told == {f"gptImage2Params.input_images.{index}": ["Invalid URL"] for index in range(MAX_PROBLEMS)}


def test_a_fault_behind_a_thousand_good_items_is_found_and_told_of_the_whole_list() -> None:
    images = ["http://a"] * MAX_ITEMS
    body: dict[str, Any] = {"prompt": "a", "model": "gpt-image-2", "gptImage2Params": {"input_images": images}}
    assert details(body) == {}
    images.append("x")
    assert details(body) == {"gptImage2Params.input_images": ["Invalid input"]}


@pytest.mark.parametrize("depth", [10, 200, 300, 850])
@pytest.mark.parametrize(
    ("opening", "closing", "expected"),
    [
        ('{"input_images":', "}", {"fluxParams.input_images": ["Invalid input: expected array, received object"]}),
        ("[", "]", {"fluxParams": ["Invalid input: expected object, received array"]}),
    ],
)
def test_deep_nesting_in_a_field_that_exists_is_refused_by_its_outermost_fault(
    opening: str, closing: str, expected: Details, depth: int
) -> None:
    body = f'{{"prompt":"a","model":"flux-2-pro","fluxParams":{opening * depth}1{closing * depth}}}'
    assert details_of_text(body.encode()) == expected
    unknown = body.replace("flux-2-pro", "none")
    assert details_of_text(unknown.encode()) == {"model": ["Invalid input"]}


@pytest.mark.parametrize("depth", [10, 200, 300, 850])
def test_deep_nesting_in_a_list_is_refused(depth: int) -> None:
    body = f'{{"prompt":"a","model":"flux-2-pro","fluxParams":{{"input_images":{"[" * depth}{"]" * depth}}}}}'
    assert details_of_text(body.encode()) == {"fluxParams.input_images.0": [f"{STRING} array"]}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"multipleOf": 5}, 7),
        ({"const": 5}, 7),
        ({"uniqueItems": True}, [1, 1]),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 7),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, 7),
        ({"not": {"type": "number"}}, 7),
        ({"contains": {"type": "string"}}, [7]),
        ({"minProperties": 2}, {}),
        ({"enum": [5, 10]}, 7),
    ],
    ids=json.dumps,
)
def test_a_rule_without_words_of_its_own_is_an_invalid_input(schema: dict[str, Any], value: Any) -> None:
    check = SchemaCheck({"type": "object", "properties": {"field": schema}})
    assert details_of(check.problems(Parsed({"field": value}, has_astral=False))) == {"field": ["Invalid input"]}


def test_an_unknown_model_of_an_operation_without_prompts_is_asked_for_none() -> None:
    with pytest.raises(Invalid) as refused:
        BodyValidator(catalog()).model_of("images.upscale", parse(b'{"model": "none", "prompt": "x", "fluxParams": 1}'))
    assert refused.value.details == {"model": ["Invalid input"], "prompt": ['Unrecognized key: "prompt"']}


def test_an_unknown_action_is_told_what_all_actions_ask_for() -> None:
    with pytest.raises(Invalid) as refused:
        BodyValidator(catalog()).model_of("music.suno-action", parse(b'{"action": "sing", "zoom": 2, "title": 7}'))
    assert refused.value.details == {
        "action": ["Invalid input"],
        "parentJobId": ["Invalid input: expected string, received undefined"],
        "zoom": ['Unrecognized key: "zoom"'],
    }


def refused_for(operation: str, body: dict[str, Any]) -> Any:
    try:
        BodyValidator(catalog()).model_of(operation, parse(encode(body)))
    except Invalid as refused:
        return refused.details
    return {}


FILL = {"mode": "inpaint", "image": "http://a/b", "prompt": "x"}
ACTION = {"action": "cover", "parentJobId": "a1b2c3d4-e5f6-7890-abcd-ef1234567890"}


@pytest.mark.parametrize(
    ("operation", "body", "place", "text"),
    [
        (
            "images.edit",
            {"model": "flux-fill-pro", "fluxFillParams": FILL},
            "fluxFillParams.mask",
            "Invalid input: inpaint needs a mask",
        ),
        (
            "images.edit",
            {"model": "flux-fill-pro", "fluxFillParams": {**FILL, "mode": "outpaint"}},
            "fluxFillParams.outpaint",
            "Invalid input: outpaint needs a preset",
        ),
        (
            "videos.generate",
            {"model": "hailuo-02", "prompt": "x", "hailuoParams": {"duration": 10, "resolution": "1080p"}},
            "hailuoParams.duration",
            "Invalid input: 1080p has no 10 seconds",
        ),
        (
            "videos.generate",
            {"model": "wan-2.7", "prompt": "x", "wan27Params": {"image": "http://a/b", "first_clip": "http://a/b"}},
            "wan27Params.first_clip",
            "Invalid input: image and first_clip exclude each other",
        ),
        (
            "videos.generate",
            {"model": "wan-2.7", "prompt": "x", "wan27Params": {"last_frame": "http://a/b"}},
            "wan27Params.last_frame",
            "Invalid input: last_frame needs image or first_clip",
        ),
        (
            "music.generate",
            {"model": "suno", "prompt": "x" * 501},
            "prompt",
            "Too big: expected string to have <=500 characters",
        ),
        (
            "music.generate",
            {"model": "suno", "prompt": "\U0001f3b5" * 251, "sunoParams": {"custom_mode": False}},
            "prompt",
            "Too big: expected string to have <=500 characters",
        ),
        (
            "music.generate",
            {"model": "mureka", "prompt": "x", "murekaParams": {"instrumental": True, "lyrics": "la"}},
            "murekaParams.lyrics",
            "Invalid input: lyrics and instrumental exclude each other",
        ),
        (
            "music.generate",
            {"model": "mureka", "prompt": "x", "murekaParams": {"instrumental": True, "model_version": "mureka-o2"}},
            "murekaParams.instrumental",
            "Invalid input: mureka-o2 has no instrumental",
        ),
        ("music.suno-action", ACTION, "index", "Invalid input: give index or trackId"),
        (
            "music.udio-action",
            {**ACTION, "action": "remix", "index": 1, "trackId": "x"},
            "trackId",
            "Invalid input: give index or trackId, not both",
        ),
    ],
)
def test_rules_across_fields_are_told_at_their_field(
    operation: str, body: dict[str, Any], place: str, text: str
) -> None:
    assert refused_for(operation, body) == {place: [text]}


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("images.edit", {"model": "flux-fill-pro", "fluxFillParams": {**FILL, "mask": "http://a/b"}}),
        (
            "videos.generate",
            {"model": "hailuo-02", "prompt": "x", "hailuoParams": {"duration": 6, "resolution": "1080p"}},
        ),
        (
            "videos.generate",
            {
                "model": "wan-2.7",
                "prompt": "x",
                "wan27Params": {"first_clip": "http://a/b", "last_frame": "http://a/b"},
            },
        ),
        ("music.generate", {"model": "suno", "prompt": "\U0001f3b5" * 250}),
        ("music.generate", {"model": "suno", "prompt": "x" * 5000, "sunoParams": {"custom_mode": True}}),
        (
            "music.generate",
            {"model": "mureka", "prompt": "x", "murekaParams": {"instrumental": False, "lyrics": "la"}},
        ),
        ("music.suno-action", {**ACTION, "trackId": "x"}),
    ],
)
def test_a_body_at_the_edge_of_a_rule_is_valid(operation: str, body: dict[str, Any]) -> None:
    assert refused_for(operation, body) == {}


def test_a_number_that_is_not_among_the_allowed_is_an_invalid_input() -> None:
    body = {"model": "topaz-image-upscale", "topazUpscaleParams": {"image": "http://a/b", "upscale_factor": 3}}
    assert refused_for("images.upscale", body) == {"topazUpscaleParams.upscale_factor": ["Invalid input"]}
