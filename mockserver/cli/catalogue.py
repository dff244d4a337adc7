"""Finding a model or an action that somebody typed, and the least that a request for it holds."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import jsonschema_rs

from mockserver.cli.main import Misuse
from mockserver.core.catalog import MODEL, Catalog, Model
from mockserver.core.parents import PARENT
from mockserver.core.samples import sample_body
from mockserver.schemas import catalog

EXAMPLE = catalog().all_models()[0].id
"""The model that help texts show."""
NO_JOB = "00000000-0000-4000-8000-000000000000"
"""Stands for the job that an action acts on."""


def everything(contract: Catalog | None = None) -> dict[str, Model]:
    """Every model and every action of a contract, or of our own, by the name that it has on the command line."""
    return {name_of(row): row for rows in (contract or catalog()).models.values() for row in rows.values()}


def is_action(row: Model) -> bool:
    """Whether it is an action instead of a model."""
    return catalog().operations[row.operation].choose != MODEL


def name_of(row: Model) -> str:
    """What it is called on the command line: a model by its id, an action by its model's name and its own."""
    return f"{row.shown}-{row.id}".replace("_", "-") if is_action(row) else row.id


def actions_of(model_id: str) -> list[str]:
    """The names of the actions that belong to a model."""
    return [name for name, row in everything().items() if is_action(row) and row.shown == model_id]


def named(name: str) -> Model:
    """The model or the action of this name.

    Raises:
        Misuse: there is none; names the ones that look alike.
    """
    return _among(everything(), name)


def _among(known: Mapping[str, Model], name: str) -> Model:
    if name in known:
        return known[name]
    lower = name.lower()
    alike = [lower] if lower in known else get_close_matches(lower, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(alike)}?" if alike else "mockserver models lists them"
    msg = f'there is no model "{name[:80]}"; {hint}'
    raise Misuse(msg)


def model_named(name: str, contract: Catalog | None = None) -> Model:
    """The model with this id, in a contract or in our own.

    Raises:
        Misuse: there is none, or it is an action.
    """
    known = everything(contract)
    if name in known and is_action(known[name]):
        msg = f'"{name}" is an action of {known[name].shown}, and no model; mockserver sample {name} shows a request'
        raise Misuse(msg)
    return _among({name: row for name, row in known.items() if not is_action(row)}, name)


def least_body(row: Model, prompt: str) -> dict[str, Any]:
    """A valid request with the prompt, and nothing else but what cannot be left out."""
    body = pointed(sample_body(row, prompt, every=False, chance=lambda: 0.5))
    name = row.parameters_name
    required = (row.parameters_schema if name else row.body_schema).get("required", [])
    rules = jsonschema_rs.validator_for({"allOf": [{}, *row.body_schema.get("allOf", ())]})
    for field in list(body.get(name, {}) if name else body):
        shorter = {**body, name: _without(body[name], field)} if name else _without(body, field)
        if field not in required and rules.is_valid(shorter):
            body = shorter
    if name not in row.body_schema["required"] and not body.get(name, True):
        body = _without(body, name)
    return body | prompted(row, body, prompt)


def pointed(body: dict[str, Any]) -> dict[str, Any]:
    """The body of an action with a placeholder for its job, and its track named by place: every job has a first one."""
    if PARENT not in body:
        return body
    by_place = {"index": 1} if "trackId" in body else {}
    return {**_without(body, "trackId"), **by_place, PARENT: NO_JOB}


def prompted(row: Model, body: dict[str, Any], prompt: str) -> dict[str, Any]:
    """The field of a body that holds the prompt, with this one in it; empty for what takes none."""
    match row.prompt_at:
        case (field,):
            return {field: prompt}
        case (field, inner):
            return {field: {**body.get(field, {}), inner: prompt}}
        case _:
            return {}


def _without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}
