"""Samples are requests that the server accepts."""

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.catalog import Model
from mockserver.core.jsontext import encode, parse
from mockserver.core.samples import sample_body
from mockserver.core.validation import BodyValidator
from mockserver.schemas import catalog

VALIDATOR = BodyValidator(catalog())
MODELS = [model for models in catalog().models.values() for model in models.values()]
PLAIN = [model for model in catalog().all_models() if "allOf" not in model.body_schema]
PROMPTED = [model for model in PLAIN if model.prompt_max]


@settings(max_examples=300)
@given(
    model=st.sampled_from(MODELS),
    seed=st.integers(0, 2**32),
    every=st.booleans(),
    prompt=st.text(min_size=1, max_size=30),
)
def test_a_sample_is_a_valid_request_for_its_model(model: Model, seed: int, every: bool, prompt: str) -> None:  # noqa: FBT001 - drawn
    body = sample_body(model, prompt, every=every, chance=random.Random(seed).random)
    assert VALIDATOR.model_of(model.operation, parse(encode(body))) == model


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999999999999])
def test_a_sample_of_every_model_is_valid_at_either_end_of_chance(chance: float) -> None:
    for model, every in product(MODELS, (True, False)):
        body = sample_body(model, "a fox", every=every, chance=lambda: chance)
        assert VALIDATOR.model_of(model.operation, parse(encode(body))) == model


@given(model=st.sampled_from(PLAIN), seed=st.integers(0, 2**32))
def test_a_full_sample_sets_every_parameter_and_a_short_one_at_most_one_that_is_optional(
    model: Model, seed: int
) -> None:
    names, required = set(model.parameters_schema["properties"]), set(model.parameters_schema.get("required", ()))
    full, short = (
        sample_body(model, "a fox", every=every, chance=random.Random(seed).random) for every in (True, False)
    )
    assert set(full[model.parameters_name]) == names
    assert [] not in full[model.parameters_name].values()
    assert required <= set(short[model.parameters_name]) <= names
    assert len(set(short[model.parameters_name]) - required) == min(1, len(names - required))


def test_a_long_prompt_is_cut_to_what_the_model_takes() -> None:
    for model in PROMPTED:
        body = sample_body(model, "x" * 10_000, every=False, chance=lambda: 0.5)
        assert len(body["prompt"]) == model.prompt_max


def test_a_long_prompt_is_cut_to_what_rules_across_fields_allow() -> None:
    for model in MODELS:
        body = sample_body(model, "x" * 10_000, every=False, chance=lambda: 0.5)
        assert VALIDATOR.model_of(model.operation, parse(encode(body))) == model


def test_the_same_chance_gives_the_same_sample() -> None:
    one, other = (
        [sample_body(model, "a fox", every=True, chance=random.Random(7).random) for model in MODELS] for _ in range(2)
    )
    assert one == other
