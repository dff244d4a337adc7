"""What the API offers: operations, models, and their parameters. A model is a row of data.

Operations and models have slots for the reason that stands in accounts.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

Schema = dict[str, Any]
WEBHOOK_FIELDS = ("webhookUrl", "webhookEvents")
MODEL = "model"
"""The field that says which model a submission is for."""


class CatalogError(Exception):
    """A table under schemas/ contradicts itself; the message names file and place."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of operations.json."""

    id: str
    method: str
    path: str
    summary: str
    tag: str
    needs_key: bool
    takes_idempotency_key: bool
    is_submission: bool
    choose: str | None
    """The field of a submission that says which row of the tables it is for; none where there is one."""
    query: str | None
    body: str | None
    """The name of the schema of a JSON body that starts no job."""
    form: str | None
    """The name of the schema of a multipart body."""
    path_parameters: Mapping[str, Schema]
    answers: Mapping[str, str | None]
    """Status to the name of the answer's schema; none for an answer without a body."""


@dataclass(frozen=True, slots=True)
class Model:
    """One row of models.json or actions.json with its schema: the whole request body that it stands for."""

    id: str
    """What the operation's `choose` field holds: the model's name, or an action's."""
    label: str
    modality: str
    operation: str
    shown: str
    """The `model` of its jobs."""
    prompt_max: int | None
    parameters_name: str
    """Empty for an action, whose fields stand beside each other."""
    parameters_schema: Schema
    body_schema: Schema
    prompt_at: tuple[str, ...]
    """Where its prompt stands; empty where it has none."""
    result: str
    outputs: int | Mapping[str, Any]
    price: Mapping[str, Any]
    confidence: str
    """How sure the price is: stated, derived, third-party, old-scale or suggested."""
    typical_s: float
    probe: Mapping[str, Any] | None
    """The input that is looked at before anything is charged: `param`, a dotted path, and what is read off it, `as`."""
    lora: str
    """The dotted path of the parameter that names a LoRA; empty for most."""
    parent: Mapping[str, Any] | None
    """What the job must be that is acted on; the row's own form, see schemas/actions.schema.json."""
    songs: Mapping[str, Any] | None
    """What its tracks are called and how long they are."""
    unkept: frozenset[str]
    """Fields that are neither stored nor shown."""
    needs_sources: bool
    """Whether its body names what has to be looked at: a parent, a LoRA or an input."""


class Catalog(NamedTuple):
    """The whole contract as values."""

    operations: Mapping[str, Operation]
    models: Mapping[str, Mapping[str, Model]]
    """Operation id to what its `choose` field may hold to the row, in the order of the tables."""
    shapes: Mapping[str, Any]
    """Result shapes of results.json."""
    schemas: Mapping[str, Schema]
    """Every schema file by its path below schemas/, references resolved."""

    def all_models(self) -> list[Model]:
        """Every model of every operation, in the order of the table; actions are none."""
        return [
            model
            for operation, models in self.models.items()
            if self.operations[operation].choose == MODEL
            for model in models.values()
        ]


def build_catalog(files: Mapping[str, Any]) -> Catalog:
    """Put the catalog together from the parsed files of schemas/, by their path below it.

    Raises:
        CatalogError: a row names something that is not there.
    """
    schemas = {name: _resolved(name, files) for name in files if "/" in name}
    operations = {row["id"]: _operation(row, schemas) for row in files["operations.json"]["operations"]}
    table = files["models.json"]
    models: dict[str, dict[str, Model]] = {id_: {} for id_, op in operations.items() if op.is_submission}
    for file, kind in (("models.json", "models"), ("actions.json", "actions")):
        for row in files[file][kind]:
            place = f'{file}: "{row["id"]}" of {row["operation"]}'
            _known(row["operation"], models, f"{place}: operation")
            _known(row["result"], files["results.json"]["shapes"], f"{place}: result")
            if row["id"] in models[row["operation"]]:
                msg = f"{place} stands twice"
                raise CatalogError(msg)
            make = _model if kind == "models" else _action
            model = make(row, schemas, place, operations[row["operation"]].choose)
            typical_s = row.get("typicalSeconds", table["typicalSeconds"][row["modality"]])
            models[row["operation"]][row["id"]] = replace(model, typical_s=typical_s)
    return Catalog(operations, models, files["results.json"]["shapes"], schemas)


def _operation(row: Mapping[str, Any], schemas: Mapping[str, Schema]) -> Operation:
    place = f'operations.json: operation "{row["id"]}"'
    for name in [*row["answers"].values(), row.get("query"), row.get("body"), row.get("form")]:
        if name is not None:
            _known(name, schemas, f"{place}: schema")
    return Operation(
        id=row["id"],
        method=row["method"],
        path=row["path"],
        summary=row["summary"],
        tag=row["tag"],
        needs_key=row["auth"],
        takes_idempotency_key=row.get("idempotent", False),
        is_submission=row.get("request") == "submission",
        choose=row.get("choose", MODEL),
        query=row.get("query"),
        body=row.get("body"),
        form=row.get("form"),
        path_parameters=row.get("pathParameters", {}),
        answers=row["answers"],
    )


def _model(row: Mapping[str, Any], schemas: Mapping[str, Schema], place: str, choose: str | None) -> Model:
    parameters = row["parameters"]
    _known(parameters["schema"], schemas, f"{place}: parameter schema")
    schema = _bare(schemas[parameters["schema"]])
    common = schemas["requests/submission.json"]
    fields = dict(common["properties"])
    required = list(common["required"])
    prompt = row.get("prompt")
    if prompt:
        fields["prompt"] = {"type": "string", "minLength": prompt["min"], "maxLength": prompt["max"]}
    else:
        del fields["prompt"]
        required.remove("prompt")
    fields[parameters["name"]] = schema
    if parameters["required"]:
        required.append(parameters["name"])
    inner = (parameters["name"], "prompt") if "prompt" in schema["properties"] else ()
    return replace(
        _row(row, _body(row, fields, required, choose)),
        label=row["label"],
        shown=row["id"],
        prompt_max=prompt and prompt["max"],
        parameters_name=parameters["name"],
        parameters_schema=schema,
        prompt_at=("prompt",) if prompt else inner,
    )


def _action(row: Mapping[str, Any], schemas: Mapping[str, Schema], place: str, choose: str | None) -> Model:
    _known(row["fields"], schemas, f"{place}: fields")
    common, own = schemas["requests/submission.json"]["properties"], schemas[row["fields"]]
    fields = {**own["properties"], **{name: common[name] for name in WEBHOOK_FIELDS}}
    body = _body(row, fields, own.get("required", ()), choose)
    return replace(_row(row, body), prompt_at=("prompt",) if "prompt" in fields else ())


def _body(row: Mapping[str, Any], fields: Schema, required: Sequence[str], choose: str | None) -> Schema:
    """The strict schema of the whole body: these fields, this row's name and nothing else; rules across fields last."""
    chosen = {} if choose is None else {choose: {"type": "string", "enum": [row["id"]]}}
    needed = dict.fromkeys([*required, *chosen])
    body: Schema = {
        "type": "object",
        "properties": {**fields, **chosen},
        "required": list(needed),
        "additionalProperties": False,
    }
    return {**body, "allOf": row["rules"]} if "rules" in row else body


def _row(row: Mapping[str, Any], body: Schema) -> Model:
    """What rows of both tables have."""
    return Model(
        id=row["id"],
        label=row["id"],
        modality=row["modality"],
        operation=row["operation"],
        shown=row.get("model", ""),
        prompt_max=None,
        parameters_name="",
        parameters_schema={"properties": {}},
        body_schema=body,
        prompt_at=(),
        result=row["result"],
        outputs=row["outputs"],
        price=row["price"],
        confidence=row["priceSource"]["confidence"],
        typical_s=0.0,
        probe=row.get("probe"),
        lora=row.get("lora", ""),
        parent=row.get("parent"),
        songs=row.get("songs"),
        unkept=frozenset(row.get("unkept", ())),
        needs_sources=any(name in row for name in ("parent", "lora", "probe")),
    )


def _bare(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if not key.startswith("$")}


def _resolved(name: str, files: Mapping[str, Any]) -> Schema:
    """The schema with references to its neighbours replaced by what they hold; own keywords refine a neighbour's."""
    folder = name.rpartition("/")[0]

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        own = {key: resolve(value) for key, value in node.items() if key != "$ref"}
        if "$ref" not in node:
            return own
        target = f"{folder}/{node['$ref']}"
        _known(target, files, f"{name}: $ref")
        return _refined(_bare(_resolved(target, files)), own)

    resolved: Schema = resolve(files[name])
    return resolved


def _refined(base: Schema, own: Schema) -> Schema:
    merged = {**base, **own}
    if "properties" in base and "properties" in own:
        merged["properties"] = {
            **base["properties"],
            **{key: {**base["properties"].get(key, {}), **value} for key, value in own["properties"].items()},
        }
    return merged


def _known(name: str, among: Mapping[str, Any] | Sequence[str], place: str) -> None:
    if name not in among:
        msg = f'{place} "{name}" does not exist'
        raise CatalogError(msg)
