"""schemas/ is usable as it is, complete, and the only place that knows a model."""

import copy
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource

import mockserver
from mockserver.api.openapi import openapi_document
from mockserver.core.catalog import Catalog, CatalogError, build_catalog
from mockserver.core.errors import Invalid
from mockserver.core.jsontext import encode, parse
from mockserver.core.pricing import price
from mockserver.core.samples import sample_body
from mockserver.core.validation import BodyValidator
from mockserver.schemas import catalog, data_folder, schema_files

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TABLES = {
    "actions.json": "actions.schema.json",
    "known-differences.json": "known-differences.schema.json",
    "models.json": "models.schema.json",
    "operations.json": "operations.schema.json",
    "results.json": "results.schema.json",
}
FOLDER = Path(str(data_folder("schemas")))
FILES = schema_files()
SCHEMAS = {name: schema for name, schema in FILES.items() if name not in TABLES}
GENERATE = "images.generate"

PROMISED = [
    "midjourney",
    "nano-banana",
    "nano-banana-pro",
    "nano-banana-2",
    "flux-1.1-pro",
    "flux-1.1-pro-ultra",
    "flux-2-pro",
    "flux-2-dev",
    "flux-2-flex",
    "flux-2-max",
    "seedream-3",
    "seedream-3.1",
    "seedream-4",
    "seedream-4.5",
    "seedream-5-lite",
    "ideogram-v2",
    "ideogram-v2-turbo",
    "ideogram-v2a",
    "ideogram-v2a-turbo",
    "ideogram-v3-balanced",
    "ideogram-v3-turbo",
    "ideogram-v3-quality",
    "ideogram-character",
    "imagen-3",
    "imagen-3-fast",
    "imagen-4",
    "imagen-4-ultra",
    "imagen-4-fast",
    "dall-e-3",
    "dall-e-2",
    "gpt-image-1.5",
    "kling-image",
    "qwen-image",
    "qwen-image-2",
    "qwen-image-2-pro",
    "wan-image-2.6",
    "wan-image-2.7",
    "wan-image-2.7-pro",
    "grok-imagine-image",
    "reve-create",
]
LATER = [
    "nano-banana-2-lite",
    "seedream-5-pro",
    "ideogram-v4-balanced",
    "ideogram-v4-turbo",
    "ideogram-v4-quality",
    "stable-diffusion-3.5-large",
    "stable-diffusion-3.5-large-turbo",
    "stable-diffusion-3.5-medium",
    "stable-diffusion-3",
    "gpt-image-2",
    "flux-lora",
]


def test_every_file_is_a_json_schema_of_2020_12_or_a_table() -> None:
    for name, schema in SCHEMAS.items():
        assert schema["$schema"] == DIALECT, name
        jsonschema.Draft202012Validator.check_schema(schema)


def test_a_schema_is_named_for_its_file_so_that_references_lead_to_the_files_beside_it() -> None:
    assert {name: schema["$id"] for name, schema in SCHEMAS.items()} == {n: n.rpartition("/")[2] for n in SCHEMAS}
    assert [name for name, schema in SCHEMAS.items() if not schema["title"]] == []
    for name, reference in ((name, each) for name, schema in SCHEMAS.items() for each in references(schema)):
        if not reference.startswith(("#", DIALECT)):
            assert f"{name.rpartition('/')[0]}/{reference}".lstrip("/").partition("#")[0] in SCHEMAS


def table_validator(schema: str) -> jsonschema.Draft202012Validator:
    found = [(name, Resource.from_contents(SCHEMAS[name])) for name in SCHEMAS if name.endswith(".schema.json")]
    registry: Registry[Any] = Registry().with_resources(found)
    return jsonschema.Draft202012Validator(SCHEMAS[schema], registry=registry)


@pytest.mark.parametrize(("table", "schema"), TABLES.items())
def test_a_table_obeys_its_schema(table: str, schema: str) -> None:
    assert FILES[table]["$schema"] == schema
    assert [error.message for error in table_validator(schema).iter_errors(FILES[table])] == []


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ("known-differences.json", {"differences": [{"place": "GET /v2/me", "ours": "present", "theirs": "absent"}]}),
        ("models.json", {"typicalSeconds": {}, "models": [{"id": "x"}]}),
        ("actions.json", {"actions": [{"id": "x"}]}),
        ("operations.json", {"operations": [{"id": "x"}]}),
        ("results.json", {"shapes": {"x": {"$each": {}}}}),
        ("results.json", {"shapes": {"x": {"images": {"$file": "images/1.png"}}}}),
        ("results.json", {"shapes": {"x": {"$files": "{job}"}}}),
        ("results.json", {"shapes": {"x": {"a": {"$each": {"$from": 1}, "$from": 1}}}}),
    ],
)
def test_the_schema_of_a_table_refuses_a_wrong_row(table: str, wrong: dict[str, Any]) -> None:
    assert not table_validator(TABLES[table]).is_valid(wrong)


def test_a_plain_validator_that_follows_references_accepts_what_the_catalogue_accepts() -> None:
    at = "https://schemas.example/"
    found = [(f"{at}{name}", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()]
    registry: Registry[Any] = Registry().with_resources(found)
    odd: list[Any] = [None, "x", "1MP", 1, [], {}]
    rows = {row["parameters"]["schema"]: row for row in FILES["models.json"]["models"]}
    for row in rows.values():
        model = catalog().models[row["operation"]][row["id"]]
        uri = at + row["parameters"]["schema"]
        plain = jsonschema.Draft202012Validator({"$ref": uri}, registry=registry)
        ours = jsonschema.Draft202012Validator(model.parameters_schema)
        full = sample_body(model, "a fox", every=True, chance=lambda: 0.5)[model.parameters_name]
        changed = [{**full, name: value} for name in [*full, "unknown"] for value in odd]
        dropped = [{name: value for name, value in full.items() if name != gone} for gone in full]
        assert plain.is_valid(full)
        for parameters in [full, *changed, *dropped]:
            assert plain.is_valid(parameters) == ours.is_valid(parameters)


def test_every_file_is_described_in_the_readme() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `([^`]+)`", readme, re.MULTILINE))
    assert all(any(Path(name).match(pattern) for pattern in described) for name in FILES)
    assert all(any(Path(name).match(pattern) for name in FILES) for pattern in described)


def test_the_forty_promised_models_are_there_and_eleven_later_ones() -> None:
    assert (len(PROMISED), len(LATER)) == (40, 11)
    assert set(catalog().models[GENERATE]) == {*PROMISED, *LATER}


def test_every_other_modality_and_operation_has_its_models() -> None:
    counts = {operation: len(models) for operation, models in catalog().models.items()}
    assert counts == {
        "images.generate": 51,
        "images.edit": 1,
        "images.upscale": 2,
        "images.background-remove": 2,
        "images.midjourney-action": 5,
        "videos.generate": 41,
        "videos.edit": 1,
        "videos.upscale": 1,
        "music.generate": 7,
        "music.suno-action": 4,
        "music.udio-action": 2,
        "music.udio-lyrics": 1,
        "music.udio-upload": 1,
    }


def test_every_action_uses_a_file_of_fields_and_every_file_of_fields_an_action() -> None:
    used = {row["fields"] for row in FILES["actions.json"]["actions"]}
    assert used == {name for name in FILES if name.startswith("actions/")}


def test_every_rule_across_fields_names_a_field_of_its_body() -> None:
    for models in catalog().models.values():
        for model in models.values():
            for rule in model.body_schema.get("allOf", ()):
                node = model.body_schema
                for step in rule["x-field"].split("."):
                    node = node["properties"][step]


def test_every_model_uses_a_parameter_file_and_every_parameter_file_a_model() -> None:
    used = {row["parameters"]["schema"] for row in FILES["models.json"]["models"]}
    bases = {f"params/{reference}" for name in used for reference in references(FILES[name])}
    assert used | bases == {name for name in FILES if name.startswith("params/")}


def test_no_model_is_named_in_the_code() -> None:
    ids = sorted((model.id for model in catalog().all_models()), key=len, reverse=True)
    named = re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, ids))})(?![\w-])")
    code = Path(mockserver.__file__).parent
    found = [
        (path.name, name)
        for path in sorted(code.rglob("*.py"))
        for name in named.findall(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def with_a_new_model() -> dict[str, Any]:
    files = copy.deepcopy(FILES)
    files["params/brush.json"] = {
        "$schema": DIALECT,
        "$id": "brush.json",
        "title": "Brush parameters",
        "type": "object",
        "properties": {
            "strokes": {"type": "integer", "minimum": 5, "multipleOf": 5},
            "width": {"type": "number", "exclusiveMinimum": 0, "maximum": 2},
            "colours": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string", "minLength": 3}},
            "paper": {"type": "string", "enum": ["rough", "smooth"]},
            "steps": {"type": "integer", "enum": [1, 2]},
            "frame": {"type": "object", "properties": {"gilded": {"type": "boolean"}}, "additionalProperties": False},
        },
        "required": ["paper"],
        "additionalProperties": False,
    }
    files["models.json"]["models"].append(
        {
            "id": "brush-1",
            "label": "Brush 1",
            "modality": "image",
            "operation": GENERATE,
            "prompt": {"min": 3, "max": 10},
            "parameters": {"name": "brushParams", "schema": "params/brush.json", "required": True},
            "result": "images",
            "outputs": {"param": "brushParams.steps", "default": 1},
            "price": {
                "by": [{"param": "brushParams.paper", "default": None}],
                "credits": {"rough": 3, "smooth": 4},
                "count": {"param": "brushParams.steps", "default": 1},
            },
            "priceSource": {"confidence": "suggested", "source": "chosen"},
            "typicalSeconds": 3,
        }
    )
    return files


def test_a_new_model_is_an_edit_of_data_only() -> None:
    files = with_a_new_model()
    jsonschema.validate(files["models.json"], files["models.schema.json"], jsonschema.Draft202012Validator)
    grown = build_catalog(files)
    assert set(grown.models[GENERATE]) == {*PROMISED, *LATER, "brush-1"}
    assert_valid_openapi(
        grown._replace(models={**grown.models, GENERATE: {"brush-1": grown.models[GENERATE]["brush-1"]}})
    )
    validator = BodyValidator(grown)
    body: dict[str, Any] = {"prompt": "a fox", "model": "brush-1", "brushParams": {"paper": "rough", "steps": 2}}
    model = validator.model_of(GENERATE, parse(encode(body)))
    assert (model.id, price(model, body)) == ("brush-1", 6)
    body["brushParams"] = {"strokes": 7, "width": 0, "colours": ["x"], "steps": 3, "frame": {"wood": "oak"}}
    with pytest.raises(Invalid) as refused:
        validator.model_of(GENERATE, parse(encode({**body, "prompt": "a"})))
    assert refused.value.details == {
        "prompt": ["Too small: expected string to have >=3 characters"],
        "brushParams.paper": ['Invalid option: expected one of "rough"|"smooth"'],
        "brushParams.strokes": ["Invalid input"],
        "brushParams.width": ["Too small: expected number to be >0"],
        "brushParams.colours.0": ["Too small: expected string to have >=3 characters"],
        "brushParams.steps": ["Invalid input"],
        "brushParams.frame": ['Unrecognized key: "wood"'],
    }


@pytest.mark.parametrize(
    ("table", "rows", "change", "message"),
    [
        ("models.json", "models", {"operation": "images.paint"}, 'operation "images.paint" does not exist'),
        ("models.json", "models", {"result": "statue"}, 'result "statue" does not exist'),
        (
            "models.json",
            "models",
            {"parameters": {"name": "p", "schema": "params/none.json", "required": False}},
            'parameter schema "params/none.json" does not exist',
        ),
        ("models.json", "models", {"id": "midjourney"}, "stands twice"),
        ("operations.json", "operations", {"query": "queries/none.json"}, 'schema "queries/none.json" does not exist'),
    ],
)
def test_a_row_that_names_what_is_not_there_is_refused_with_its_place(
    table: str, rows: str, change: dict[str, Any], message: str
) -> None:
    files = with_a_new_model()
    row = {**files[table][rows][-1], **change}
    files[table][rows][-1] = row
    with pytest.raises(CatalogError, match=re.escape(message)) as refused:
        build_catalog(files)
    assert str(refused.value).startswith(table)
    assert row["id"] in str(refused.value)


def test_the_openapi_document_is_valid() -> None:
    assert_valid_openapi(catalog())


def test_the_openapi_document_describes_every_operation_answer_and_model() -> None:
    document = openapi_document(catalog(), "http://127.0.0.1:4010")
    described = {
        (method.upper(), path): set(operation["responses"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert described == {
        (row["method"], row["path"]): set(row["answers"]) for row in FILES["operations.json"]["operations"]
    }
    body = document["paths"]["/v2/images/generate"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    request = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    branches = [document["components"]["schemas"][one["$ref"].rpartition("/")[2]] for one in request["oneOf"]]
    assert branches == [model.body_schema for model in catalog().models[GENERATE].values()]
    assert request["discriminator"]["mapping"] == {
        model: one["$ref"] for model, one in zip(catalog().models[GENERATE], request["oneOf"], strict=True)
    }


def test_the_openapi_document_stands_alone() -> None:
    document = openapi_document(catalog(), "http://127.0.0.1:4010")
    assert all(reference.startswith("#/components/schemas/") for reference in references(document))
    assert not re.search(r'"\$(?:id|schema)"', json.dumps(document))


def test_the_keys_of_the_models_table_stand_in_one_order() -> None:
    order = list(FILES["models.schema.json"]["properties"]["models"]["items"]["properties"])
    for row in FILES["models.json"]["models"]:
        assert all(order.index(one) < order.index(other) for one, other in pairwise(row))


def assert_valid_openapi(described: Catalog) -> None:
    document = json.loads(json.dumps(openapi_document(described, "http://127.0.0.1:4010")))
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [reference for value in node.values() for reference in references(value)]
    if isinstance(node, list):
        return [reference for item in node for reference in references(item)]
    return []
