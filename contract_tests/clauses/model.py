"""MODEL: what can be asked for, and what it costs."""

from typing import Any

from hypothesis import strategies as st

from contract_tests.clause import Level, Method, Need, clause
from contract_tests.clauses.auth import UNKNOWN_ID
from contract_tests.clauses.validation import RICH, detailed, is_surely_wrong, submitted, taken
from contract_tests.client import Client
from contract_tests.contract import Body, Model, load
from contract_tests.mutations import faults
from contract_tests.outcome import Skip
from contract_tests.strategies import minimal_body, minimal_value
from contract_tests.trial import ACCEPTED, BAD_REQUEST, CONFLICT, NOT_FOUND, OK, PROMPT, Trial, jobs_for_all

_MODELS = "document, request bodies; seed"
_CATALOGUE = "document, GET /v2/models; facts 19"
LONG = 20_000
MOST_SHOWN = 5_000
"""Bytes of an answer to an unknown model, however long its name."""
ALL_MODELS = jobs_for_all(load())
"""What one job of each model costs, in jobs of the cheapest."""
PATHS = {"image": "/v2/images/generate", "video": "/v2/videos/generate", "music": "/v2/music/generate"}
"""Where the models of the catalogue are asked for."""
FEW_MODELS = 5
"""Models of the catalogue that are tried on a real endpoint."""


@clause(
    "MODEL-1",
    "Every model of the document is accepted with the least body that it needs.",
    level=Level.MUST,
    source=_MODELS,
    method=Method.EXAMPLE,
    tier=3,
    jobs=ALL_MODELS,
    broken_by="a-model-is-missing",
)
def every_model_is_accepted(trial: Trial) -> None:
    """Submits the smallest valid body of each model and looks at the job's model; then what takes no model."""
    client = trial.client(credits=RICH)
    for model in trial.contract.models:
        trial.session.trace.clear()
        job = trial.job(client, taken(trial, client, model, minimal_body(model, PROMPT)))
        trial.require(job["model"] == model.id, f"a job of {model.id}", f"a job of {job['model']}")
    for action in trial.contract.actions:
        if action.parent is None:
            body = minimal_body(action, PROMPT)
            trial.session.purse.buy(action.price_of(body))
            trial.expect(submitted(trial, client, action, body), ACCEPTED)


@clause(
    "MODEL-2",
    "The parameter object of another family of models is refused with 400.",
    level=Level.MUST,
    source="document, additionalProperties false; facts 4",
    method=Method.PROPERTY,
    broken_by="foreign-parameters-pass",
)
def foreign_parameters_are_400(trial: Trial) -> None:
    """Adds a valid parameter object of another model, beside the model's own one or instead of it."""
    client = trial.client()
    pairs = [
        (model, other)
        for model in trial.contract.models
        for other in trial.contract.models_of(model.operation)
        if other.parameters_name not in model.body_schema["properties"]
    ]
    if not pairs:
        return

    def check(each: tuple[tuple[Model, Model], bool]) -> None:
        (model, other), is_empty = each
        foreign = {} if is_empty else minimal_value(other.parameters_schema)
        body = {**minimal_body(model, PROMPT), other.parameters_name: foreign}
        trial.refused(submitted(trial, client, model, body), BAD_REQUEST)

    trial.each(st.tuples(st.sampled_from(pairs), st.booleans()), check)


@clause(
    "MODEL-3",
    "A model that needs its parameter object is refused with 400 without it, and without what the object must hold.",
    level=Level.MUST,
    source="document, required; facts 11",
    method=Method.EXAMPLE,
    broken_by="required-parameters-optional",
)
def required_parameters_are_required(trial: Trial) -> None:
    """Leaves the object out, makes it null, a list and a text, empties it, and leaves out each required field of it."""
    client = trial.client()
    for model in trial.contract.models:
        if not model.parameters_required:
            continue
        body, name = minimal_body(model, PROMPT), model.parameters_name
        bare = {key: value for key, value in body.items() if key != name}
        needed = model.parameters_schema.get("required", ())
        poor = [{key: value for key, value in body[name].items() if key != field} for field in needed]
        wrong: list[Any] = [None, [], "", *([{}] if needed else []), *poor]
        for value in (bare, *({**body, name: each} for each in wrong)):
            trial.refused(submitted(trial, client, model, value), BAD_REQUEST)


@clause(
    "MODEL-4",
    "The model list holds only ids that are accepted; its three modalities are a partition of it.",
    level=Level.SHOULD,
    source=_CATALOGUE,
    method=Method.EXAMPLE,
    broken_by="catalogue-lists-a-ghost",
)
def catalogue_is_true(trial: Trial) -> None:
    """Compares the whole list with the filtered ones.

    Then asks for each model in a body that lacks a prompt: `details` may name the prompt, and not the model.
    """
    client = trial.client(credits=RICH)
    listed = catalogue(trial)
    ids = [row["id"] for row in listed]
    trial.require(len(ids) == len(set(ids)), "each model once", f"{len(ids)} entries, {len(set(ids))} ids")
    parts: list[str] = []
    for modality in ("image", "video", "music"):
        rows = trial.expect(client.send("GET", f"/v2/models?modality={modality}"), OK)["models"]
        others = [row["id"] for row in rows if row["modality"] != modality]
        trial.require(not others, f"models of the modality {modality} alone", f"{others[:5]}")
        parts += [row["id"] for row in rows]
    trial.require(
        sorted(parts) == sorted(ids), "the filtered lists to make up the whole one", f"{len(parts)} of {len(ids)}"
    )
    known = {model.id for model in trial.contract.models}
    names = {row["id"]: PATHS[row["modality"]] for row in listed}
    if trial.session.target.is_paid:  # what is unknown here may belong to an operation that is not in the contract
        trial.recorded["models that are not in the contract"] = [name for name in names if name not in known]
        few = [name for name in names if name in known and trial.contract.model(name).prompt_max][:FEW_MODELS]
        names = {name: names[name] for name in few}
    for name, path in names.items():
        answer = client.submit({"model": name}, path=path)
        details = detailed(trial.expect(answer, BAD_REQUEST))
        trial.require("model" not in details, f"the listed model {name} to be known", answer, cause="unknown model")
        if name in known and trial.session.target.levers is not None:
            model = trial.contract.model(name)
            taken(trial, client, model, minimal_body(model, PROMPT))


def catalogue(trial: Trial) -> list[dict[str, Any]]:
    """The rows of the target's own list of models."""
    rows: list[dict[str, Any]] = trial.expect(trial.client().send("GET", "/v2/models"), OK)["models"]
    return rows


@clause(
    "MODEL-5",
    "A model that is unknown or nearly right is refused with 400, in an answer that stays short however long the name.",
    level=Level.MUST,
    source="document, enum of model; facts 7",
    method=Method.PROPERTY,
    broken_by="model-matched-loosely",
)
def unknown_model_is_400(trial: Trial) -> None:
    """Writes ids of models in other cases, cut, extended and with spaces; sends random names and 20,000 letters."""
    client, cheapest = trial.client(), trial.cheapest

    def check(each: tuple[Model, str]) -> None:
        model, name = each
        body = {**minimal_body(model, PROMPT), "model": name}
        if is_surely_wrong(model, body):
            trial.refused(submitted(trial, client, model, body), BAD_REQUEST)

    near = {model: _near_misses(trial, model) for model in trial.contract.models}
    for name in near[cheapest]:
        check((cheapest, name))
    known = {model.id for model in trial.contract.models}
    words = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-_ ABC\u00e9", max_size=40).filter(
        lambda text: text not in known
    )
    pairs = st.sampled_from(trial.contract.models).flatmap(
        lambda model: st.tuples(st.just(model), st.one_of(st.sampled_from(near[model]), words))
    )
    trial.each(pairs, check)
    for unit in ("x", "\u72d0", '"'):
        answer = submitted(trial, client, cheapest, {**minimal_body(cheapest, PROMPT), "model": unit * LONG})
        trial.refused(answer, BAD_REQUEST)
        size = len(answer.answer)
        trial.require(size <= MOST_SHOWN, f"at most {MOST_SHOWN} bytes", f"{size} bytes", cause="the input is repeated")


def _near_misses(trial: Trial, model: Model) -> list[str]:
    found = faults(model, trial.contract)["model"]
    return [name for fault in found for name in fault.bad if isinstance(name, str)]


@clause(
    "MODEL-6",
    "A job costs no less and no more than the range that the model list gives for its model.",
    level=Level.SHOULD,
    source=_CATALOGUE,
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="price-outside-catalogue",
)
def prices_are_in_range(trial: Trial) -> None:
    """Compares the first cost of each watched job with its model's entry; models that are not listed are left out."""
    rows = {row["id"]: row for row in catalogue(trial)}
    for story in trial.stories():
        row, cost = rows.get(story.model.id, {}), story.polls[0].get("creditCost")
        if cost is None or "costMin" not in row or "costMax" not in row or story.is_rerun:
            continue
        low, high = _price_range(row, story.model, story.body)
        trial.require(low <= cost <= high, f"from {low:g} to {high:g} credits for {story.model.id}", f"{cost} credits")


def _price_range(row: dict[str, Any], model: Model, body: Body) -> tuple[float, float]:
    """What a body may cost by a row of the catalogue.

    Nobody says whether totals of `flat` are for one output or for the most that can be asked for: both readings count.
    """
    outputs = model.outputs_of(body)
    mode = row.get("pricingMode")
    is_chosen = mode == "per-output" and not isinstance(model.outputs, int)
    seconds = model.seconds_of(body) if mode == "per-second" else 1
    least, most = float(row["costMin"]) * seconds, float(row["costMax"]) * seconds
    return least * (outputs if is_chosen else 1), most * outputs


@clause(
    "MODEL-7",
    "An action on a job that is absent, another user's, not completed or of another kind is refused and costs nothing.",
    level=Level.MUST,
    source="document, actions; facts 13",
    method=Method.EXAMPLE,
    broken_by="any-parent-will-do",
)
def actions_need_a_parent(trial: Trial) -> None:
    """Asks for each action of a job that nobody has; on a mock of jobs of others, of every model and state too."""
    client = trial.client()
    actions = [action for action in trial.contract.actions if action.parent is not None]
    if not actions:
        msg = "the contract has no actions"
        raise Skip(msg)
    for action in actions:
        answer = submitted(trial, client, action, {**minimal_body(action, PROMPT), "parentJobId": UNKNOWN_ID})
        trial.refused(answer, BAD_REQUEST, NOT_FOUND, CONFLICT)
    if trial.session.target.levers is None:
        return
    models = {str(action.parent["model"]) for action in actions if action.parent is not None}
    for name in sorted(models):
        own = [action for action in actions if action.parent is not None and action.parent["model"] == name]
        _of_one_model(trial, name, own)


def _of_one_model(trial: Trial, name: str, actions: list[Model]) -> None:
    client, stranger = trial.client(credits=RICH), trial.client(credits=RICH)
    body = minimal_body(trial.contract.model(name), PROMPT)
    running, failed, done = (trial.accepted(client, body) for _ in range(3))
    other = trial.accepted(client, trial.body())
    trial.levers.end_job(failed, fail="no capacity")
    trial.levers.end_job(done, complete=True)
    trial.levers.end_job(other, complete=True)
    before, of_stranger = trial.balance(client), trial.balance(stranger)

    def refused(action: Model, parent: str, *statuses: int, who: Client = client) -> None:
        answer = submitted(trial, who, action, {**minimal_body(action, PROMPT), "parentJobId": parent})
        trial.refused(answer, *statuses)

    fitting = [each for each in actions if trial.contract.model(name).result in (each.parent or {})["results"]]
    for action in actions:
        refused(action, done, NOT_FOUND, who=stranger)
        refused(action, other, BAD_REQUEST)
        if action in fitting:
            refused(action, running, CONFLICT)
            refused(action, failed, CONFLICT)
        else:
            refused(action, done, BAD_REQUEST, CONFLICT)
    trial.require(trial.balance(client) == before, f"balance {before} still", client.me())
    trial.require(trial.balance(stranger) == of_stranger, f"balance {of_stranger} still", stranger.me())
    for action in fitting:
        answer = submitted(trial, client, action, {**minimal_body(action, PROMPT), "parentJobId": done})
        trial.expect(answer, ACCEPTED)
