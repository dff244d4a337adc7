"""What the API offers: operations, models, and their parameters. A model is a row of data."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Schema = dict[str, Any]


class CatalogError(Exception):
    """A table under schemas/ contradicts itself; the message names file and place."""


class Operation(NamedTuple):
    """One row of operations.json."""

    id: str
    method: str
    path: str
    summary: str
    tag: str
    needs_key: bool
    takes_idempotency_key: bool
    is_submission: bool
    query: str | None
    path_parameters: Mapping[str, Schema]
    answers: Mapping[str, str]
    """Status to the name of the answer's schema."""


class Model(NamedTuple):
    """One row of models.json with its schema: the whole request body that the model accepts."""

    id: str
    label: str
    modality: str
    operation: str
    prompt_max: int | None
    parameters_name: str
    parameters_schema: Schema
    body_schema: Schema
    result: str
    outputs: int | Mapping[str, Any]
    price: Mapping[str, Any]
    confidence: str
    """How sure the price is: stated, derived, third-party, old-scale or suggested."""
    typical_s: float


class Catalog(NamedTuple):
    """The whole contract as values."""

    operations: Mapping[str, Operation]
    models: Mapping[str, Mapping[str, Model]]
    """Operation id to model id to model, in the order of the table."""
    shapes: Mapping[str, Any]
    """Result shapes of results.json."""
    schemas: Mapping[str, Schema]
    """Every schema file by its path below schemas/, references resolved."""

    def all_models(self) -> list[Model]:
        """Every model of every operation, in the order of the table."""
        return [model for models in self.models.values() for model in models.values()]


def build_catalog(files: Mapping[str, Any]) -> Catalog:
    """Put the catalog together from the parsed files of schemas/, by their path below it.

    Raises:
        CatalogError: a row names something that is not there.
    """
    schemas = {name: _resolved(name, files) for name in files if "/" in name}
    operations = {row["id"]: _operation(row, schemas) for row in files["operations.json"]["operations"]}
    table = files["models.json"]
    models: dict[str, dict[str, Model]] = {id_: {} for id_, op in operations.items() if op.is_submission}
    for row in table["models"]:
        place = f'models.json: model "{row["id"]}"'
        _known(row["operation"], models, f"{place}: operation")
        _known(row["result"], files["results.json"]["shapes"], f"{place}: result")
        if row["id"] in models[row["operation"]]:
            msg = f"{place} stands twice for one operation"
            raise CatalogError(msg)
        models[row["operation"]][row["id"]] = _model(row, schemas, table["typicalSeconds"], place)
    return Catalog(operations, models, files["results.json"]["shapes"], schemas)


def _operation(row: Mapping[str, Any], schemas: Mapping[str, Schema]) -> Operation:
    place = f'operations.json: operation "{row["id"]}"'
    for name in [*row["answers"].values(), *([row["query"]] if "query" in row else [])]:
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
        query=row.get("query"),
        path_parameters=row.get("pathParameters", {}),
        answers=row["answers"],
    )


def _model(row: Mapping[str, Any], schemas: Mapping[str, Schema], typical: Mapping[str, float], place: str) -> Model:
    parameters = row["parameters"]
    _known(parameters["schema"], schemas, f"{place}: parameter schema")
    prompt = row.get("prompt")
    schema = {key: value for key, value in schemas[parameters["schema"]].items() if not key.startswith("$")}
    return Model(
        id=row["id"],
        label=row["label"],
        modality=row["modality"],
        operation=row["operation"],
        prompt_max=prompt and prompt["max"],
        parameters_name=parameters["name"],
        parameters_schema=schema,
        body_schema=_body_schema(row, schemas["requests/submission.json"], schema),
        result=row["result"],
        outputs=row["outputs"],
        price=row["price"],
        confidence=row["priceSource"]["confidence"],
        typical_s=row.get("typicalSeconds", typical[row["modality"]]),
    )


def _body_schema(row: Mapping[str, Any], common: Schema, parameters_schema: Schema) -> Schema:
    """The strict schema of the whole body: common fields, this model, its parameter object and nothing else."""
    parameters = row["parameters"]
    fields = dict(common["properties"])
    required = list(common["required"])
    if "prompt" in row:
        fields["prompt"] = {"type": "string", "minLength": row["prompt"]["min"], "maxLength": row["prompt"]["max"]}
    else:
        del fields["prompt"]
        required.remove("prompt")
    fields["model"] = {"type": "string", "enum": [row["id"]]}
    fields[parameters["name"]] = parameters_schema
    if parameters["required"]:
        required.append(parameters["name"])
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


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
        neighbour = {key: value for key, value in _resolved(target, files).items() if not key.startswith("$")}
        return _refined(neighbour, own)

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
