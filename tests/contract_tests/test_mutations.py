"""A planted fault is really one, the only one, and found where it was planted."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contract_tests.contract import Model, load, problems
from contract_tests.mutations import KINDS, Mutation, Mutations, faults, mutations, several
from contract_tests.strategies import minimal_body, with_value

CONTRACT = load()
QUICK = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
models = st.sampled_from(CONTRACT.models)
every_model = pytest.mark.parametrize(
    "model", {str(model.parameters_schema): model for model in CONTRACT.models}.values(), ids=lambda model: model.id
)
"""One of each kind of parameters."""


@pytest.fixture(scope="module")
def sample() -> list[tuple[Model, Mutation]]:
    seen: list[tuple[Model, Mutation]] = []

    @settings(QUICK, max_examples=200)
    @given(case=models.flatmap(lambda model: st.tuples(st.just(model), mutations(model, CONTRACT))))
    def draw(case: tuple[Model, Mutation]) -> None:
        seen.append(case)

    draw()
    return seen


def test_a_mutation_has_one_fault_where_it_says(sample: list[tuple[Model, Mutation]]) -> None:
    for model, mutation in sample:
        assert {each.dotted for each in problems(model.body_schema, mutation.body)} == {mutation.path}, mutation.what


def test_every_kind_is_met(sample: list[tuple[Model, Mutation]]) -> None:
    met = Counter(mutation.kind for _, mutation in sample)
    assert met.keys() == set(KINDS)
    assert min(met.values()) > 0.01 * len(sample)


@every_model
def test_each_value_that_is_planted_is_wrong_at_its_place(model: Model) -> None:
    for kind, found in faults(model, CONTRACT).items():
        for fault in found:
            for bad in fault.bad:
                keyed = kind in {"unknown-key", "foreign-parameters"}
                place, value = ((*fault.place, bad[0]), bad[1]) if keyed else (fault.place, bad)
                body = with_value(model.body_schema, minimal_body(model), place, value)
                where = fault.place if keyed and fault.place else place
                assert {each.path for each in problems(model.body_schema, body)} == {where}, (kind, place, value)


@every_model
def test_no_kind_is_without_a_fault(model: Model) -> None:
    alone = len({each.parameters_name for each in CONTRACT.models_of(model.operation)}) == 1
    wanted = {"missing", "retype", "range", "unknown-key", "model", *([] if alone else ["foreign-parameters"])}
    assert faults(model, CONTRACT).keys() >= wanted


def test_a_near_miss_of_a_model_is_no_other_model() -> None:
    known = {model.id for model in CONTRACT.models}
    for model in CONTRACT.models:
        (fault,) = faults(model, CONTRACT)["model"]
        assert not known & set(fault.bad)
        assert model.id.upper() in fault.bad


@pytest.mark.parametrize("n", [2, 3, 4])
def test_several_faults_are_all_found_and_nothing_else(n: int) -> None:
    seen: list[Any] = []

    @settings(QUICK, max_examples=60)
    @given(case=models.flatmap(lambda model: st.tuples(st.just(model), several(model, CONTRACT, n))))
    def draw(case: tuple[Model, Mutations]) -> None:
        seen.append(case)

    draw()
    for model, mutation in seen:
        assert {each.dotted for each in problems(model.body_schema, mutation.body)} == set(mutation.paths)
        assert len(set(mutation.paths)) == n == len(mutation.whats)
        assert mutation.body["model"] == model.id


def test_where_the_model_is_wrong_the_prompt_keeps_the_limit_that_all_models_share() -> None:
    model = CONTRACT.model("wan-image-2.7")
    seen: list[Mutation] = []

    @settings(QUICK, max_examples=200)
    @given(mutation=mutations(model, CONTRACT))
    def draw(mutation: Mutation) -> None:
        seen.append(mutation)

    draw()
    lengths = {len(each.body.get("prompt", "")) > 2000 for each in seen if each.path == "model"}
    assert (lengths, model.prompt_max) == ({False}, 5000)
