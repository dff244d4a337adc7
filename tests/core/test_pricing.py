"""What jobs cost."""

import json
import os
import random
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.catalog import Model
from mockserver.core.loras import CREATION_CREDITS, TRAINING_CREDITS
from mockserver.core.pricing import ASSUMED, CostRange, Measured, cost_range, price
from mockserver.core.samples import sample_body
from mockserver.schemas import catalog, schema_files

MODELS = catalog().all_models()
COMMITTED = {row["id"]: row for row in schema_files()["models.json"]["models"]}
PRICE_LIST = Path(__file__).parents[2].parent / "shared" / "api" / "credits.json"


def model_with(rule: dict[str, Any]) -> Model:
    return replace(MODELS[0], price=rule)


def test_every_price_agrees_with_the_price_list() -> None:
    if not PRICE_LIST.is_file():
        assert "CI" not in os.environ, "the price list has to be there in CI"
        pytest.skip("the vendor's price list is not beside this checkout")
    document = json.loads(PRICE_LIST.read_text(encoding="utf-8"))
    listed = document["models"]
    ours = {id_: (row["price"], row["priceSource"]["confidence"]) for id_, row in COMMITTED.items()}
    assert ours == {id_: (in_our_words(row["rule"]), row["confidence"]) for id_, row in listed.items()}
    actions = {(row["model"], row["id"]): row["price"] for row in schema_files()["actions.json"]["actions"]}
    assert actions == {
        (family, action): {"credits": credit}
        for family, told in document["actions"].items()
        for action, credit in told["credits"].items()
    }
    assert (document["loras"]["create"], document["loras"]["training"]) == (CREATION_CREDITS, TRAINING_CREDITS)


def in_our_words(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of the list, whose sentences about the length of an input are `measured` with us."""
    rule = dict(rule)
    if isinstance(rule.get("seconds", {}).get("default"), str):
        named = {"param": rule["seconds"]["param"]} if rule["seconds"]["param"] else {}
        rule["seconds"] = {**named, "measured": True}
    if "megapixels" in rule:
        told = rule["megapixels"]
        scale = {"param": told["scaleParam"], "default": told["scaleDefault"]}
        rule["megapixels"] = {"per": told["per"], "scale": scale}
    return rule


@settings(max_examples=300)
@given(model=st.sampled_from(MODELS), seed=st.integers(0, 2**32), every=st.booleans())
def test_every_valid_request_has_a_price_within_the_catalogues(model: Model, seed: int, every: bool) -> None:  # noqa: FBT001 - drawn
    body = sample_body(model, "a fox", every=every, chance=random.Random(seed).random)
    mode, least, most = cost_range(model)
    rule, set_to = model.price, body.get(model.parameters_name, {})
    assert mode == ("per-second" if "seconds" in rule else "per-output" if "count" in rule else "flat")
    times = 1.0
    for kind in ("count", "seconds"):
        if kind in rule:
            name = rule[kind].get("param", "").split(".")[-1]
            times *= set_to.get(name, rule[kind].get("default", 5))
    if "megapixels" in rule:
        times *= -(-(1024**2) * set_to.get("upscale_factor", 2) ** 2 // 24_000_000)
    assert least * times <= price(model, body) <= most * times


@pytest.mark.parametrize(
    ("rule", "body", "credit"),
    [
        ({"credits": 16}, {}, 16),
        ({"credits": 0}, {}, 0),
        ({"credits": 4, "count": {"param": "p.n", "default": 1}}, {}, 4),
        ({"credits": 4, "count": {"param": "p.n", "default": 2}}, {"p": {}}, 8),
        ({"credits": 4, "count": {"param": "p.n", "default": 1}}, {"p": {"n": 3}}, 12),
        ({"credits": 10, "seconds": {"param": "p.duration", "default": 5}}, {}, 50),
        ({"credits": 10, "seconds": {"param": "p.duration", "default": 5}}, {"p": {"duration": "8"}}, 80),
        ({"credits": 3, "seconds": {"param": "p.duration", "default": 5}}, {"p": {"duration": 2.5}}, 8),
        ({"credits": {"low": 4, "auto": 24}, "by": [{"param": "p.quality", "default": "auto"}]}, {}, 24),
        (
            {"credits": {"low": 4, "auto": 24}, "by": [{"param": "p.quality", "default": "auto"}]},
            {"p": {"quality": "low"}},
            4,
        ),
        (
            {"credits": {"true": 9, "false": 5}, "by": [{"param": "p.audio", "default": False}]},
            {"p": {"audio": True}},
            9,
        ),
        (
            {
                "credits": {"720p_8s": 30, "720p_8s_audio": 45},
                "by": [
                    {"param": "p.resolution", "default": "720p"},
                    {"param": "p.duration", "default": 8, "suffix": "s"},
                    {"param": "p.audio", "default": True, "map": {"true": "audio", "false": None}},
                ],
                "join": "_",
            },
            {"p": {"audio": False}},
            30,
        ),
        (
            {
                "credits": {"low-2": 4},
                "by": [{"param": "p.quality", "default": "low"}, {"param": "p.n", "default": 1}],
                "count": {"param": "p.n", "default": 1},
                "seconds": {"param": "p.s", "default": 3},
            },
            {"p": {"n": 2}},
            24,
        ),
    ],
)
def test_a_price_is_credits_by_count_by_seconds(rule: dict[str, Any], body: dict[str, Any], credit: int) -> None:
    assert price(model_with(rule), body) == credit


@pytest.mark.parametrize(
    ("rule", "costs"),
    [
        ({"credits": 16}, CostRange("flat", 16, 16)),
        ({"credits": {"a": 4, "b": 24, "c": 9}, "by": []}, CostRange("flat", 4, 24)),
        ({"credits": 4, "count": {"param": "p.n", "default": 1}}, CostRange("per-output", 4, 4)),
        (
            {"credits": {"a": 17, "b": 26}, "by": [], "seconds": {"param": "p.s", "default": 5}},
            CostRange("per-second", 17, 26),
        ),
    ],
)
def test_the_catalogue_says_what_a_model_costs_at_least_and_at_most(rule: dict[str, Any], costs: CostRange) -> None:
    assert cost_range(model_with(rule)) == costs


@pytest.mark.parametrize(
    ("body", "measured", "credit"),
    [
        ({}, ASSUMED, 9),
        ({"p": {"by": 4}}, ASSUMED, 9),
        ({"p": {"by": 6}}, ASSUMED, 18),
        ({}, ASSUMED._replace(width=4000, height=3000), 18),
        ({"p": {"by": 1}}, ASSUMED._replace(width=6000, height=4000), 9),
        ({"p": {"by": 1}}, ASSUMED._replace(width=6001, height=4000), 18),
    ],
)
def test_an_upscale_costs_for_each_started_block_of_its_output(
    body: dict[str, Any], measured: Measured, credit: int
) -> None:
    rule = {"credits": 9, "megapixels": {"per": 24, "scale": {"param": "p.by", "default": 2}}}
    assert price(model_with(rule), body, measured) == credit


@pytest.mark.parametrize(
    ("seconds", "body", "credit"),
    [
        ({"measured": True}, {}, 10),
        ({"measured": True, "param": "p.duration"}, {}, 10),
        ({"measured": True, "param": "p.duration"}, {"p": {"duration": 7}}, 14),
    ],
)
def test_an_input_costs_for_its_seconds_where_none_are_asked_for(
    seconds: dict[str, Any], body: dict[str, Any], credit: int
) -> None:
    rule = {"credits": 2, "seconds": seconds}
    assert price(model_with(rule), body) == credit
    if not body:
        assert price(model_with(rule), body, ASSUMED._replace(seconds=3.1)) == 7


def test_a_price_table_has_a_key_for_every_value_that_a_request_may_hold() -> None:
    for model in MODELS:
        parts = model.price.get("by", ())
        options = []
        for part in parts:
            parameter = part["param"].removeprefix(f"{model.parameters_name}.")
            schema = model.parameters_schema["properties"][parameter]
            values = [True, False] if schema["type"] == "boolean" else schema["enum"]
            assert part["default"] in values or part["default"] is None
            options.append([(parameter, value) for value in values])
        rules = [jsonschema_rs.validator_for(rule) for rule in model.body_schema.get("allOf", ())]
        for chosen in product(*options) if parts else ():
            body = {model.parameters_name: dict(chosen)}
            if all(rule.is_valid(body) for rule in rules):
                assert price(model, body) > 0
