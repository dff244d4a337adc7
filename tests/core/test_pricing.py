"""What jobs cost."""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.catalog import Model
from mockserver.core.pricing import CostRange, cost_range, price
from mockserver.core.samples import sample_body
from mockserver.schemas import catalog, schema_files

MODELS = catalog().all_models()
COMMITTED = {row["id"]: row for row in schema_files()["models.json"]["models"]}
PRICE_LIST = Path(__file__).parents[2].parent / "shared" / "api" / "credits.json"


def model_with(rule: dict[str, Any]) -> Model:
    return MODELS[0]._replace(price=rule)


def test_every_price_agrees_with_the_price_list() -> None:
    if not PRICE_LIST.is_file():
        assert "CI" not in os.environ, "the price list has to be there in CI"
        pytest.skip("the vendor's price list is not beside this checkout")
    listed = json.loads(PRICE_LIST.read_text(encoding="utf-8"))["models"]
    ours = {id_: (row["price"], row["priceSource"]["confidence"]) for id_, row in COMMITTED.items()}
    assert ours == {id_: (listed[id_]["rule"], listed[id_]["confidence"]) for id_ in ours}
    generating = {id_ for id_, row in listed.items() if row["endpoint"] == "/v2/images/generate"}
    assert generating == set(ours)


@settings(max_examples=300)
@given(model=st.sampled_from(MODELS), seed=st.integers(0, 2**32), every=st.booleans())
def test_every_valid_request_has_a_price_within_the_catalogues(model: Model, seed: int, every: bool) -> None:  # noqa: FBT001 - drawn
    body = sample_body(model, "a fox", every=every, chance=random.Random(seed).random)
    mode, least, most = cost_range(model)
    files = price_files(model, body)
    assert mode == ("per-output" if "count" in model.price else "flat")
    assert least * files <= price(model, body) <= most * files


def price_files(model: Model, body: dict[str, Any]) -> int:
    if "count" not in model.price:
        return 1
    name = model.price["count"]["param"].split(".")[-1]
    return int(body.get(model.parameters_name, {}).get(name, model.price["count"]["default"]))


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


def test_a_price_table_has_a_key_for_every_value_that_a_request_may_hold() -> None:
    for model in MODELS:
        for part in model.price.get("by", ()):
            parameter = part["param"].removeprefix(f"{model.parameters_name}.")
            assert set(model.parameters_schema["properties"][parameter]["enum"]) == set(model.price["credits"])
            assert part["default"] in model.price["credits"]
