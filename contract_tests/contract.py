"""The contract as values, put together from the files of schemas/ by the recipe of its README.

The mock reads the same files with code of its own: an oracle that shared it would share its mistakes.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import ada_url
import jsonschema_rs

Schema = dict[str, Any]
Body = dict[str, Any]
PathSteps = tuple[str | int, ...]
_ABSENT = object()
LENGTHS = frozenset({"minLength", "maxLength"})
INFINITE = 2**1024 - 2**970
"""The least whole number that rounds to no finite double."""


RULE = "rule"
"""The keyword of a problem that has to do with several fields."""
ASSUMED_S, ASSUMED_PIXELS, MEGAPIXEL = 5, 1024 * 1024, 1_000_000
"""Of an input that nobody looks at; facts 12 and 14."""


@dataclass(frozen=True)
class Operation:
    """One row of operations.json."""

    id: str
    method: str
    path: str
    needs_key: bool
    is_submission: bool
    takes_key: bool
    """Whether it takes an Idempotency-Key."""
    query: str | None
    choose: str | None
    """The field of a submission that says what it is for."""
    form: str | None
    """The schema of a multipart body."""
    path_parameters: Mapping[str, Schema]
    success: int
    answers: Mapping[int, str | None]
    """Status to the name of the answer's schema; none for an answer without a body."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What its paths look like; a parameter is anything but a slash."""
        return re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(self.path)))


@dataclass(frozen=True, eq=False)  # one object a model, so that what is built from it can be cached by it
class Model:
    """One row of models.json with the closed schema of its whole body."""

    id: str
    operation: str
    modality: str
    prompt_min: int | None
    prompt_max: int | None
    parameters_name: str
    parameters_schema: Schema
    parameters_required: bool
    body_schema: Schema
    outputs: int | Mapping[str, Any]
    price: Mapping[str, Any]
    result: str
    """A shape of results.json."""
    parent: Mapping[str, Any] | None = None
    """What the job has to be that is acted on; the row's own form."""

    def __repr__(self) -> str:
        return f"<Model {self.id} of {self.operation}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - Hypothesis calls it so
        printer.text(repr(self))

    def price_of(self, body: Mapping[str, Any]) -> int:
        """Whole credits for a valid body."""
        base: Any = self.price["credits"]
        if isinstance(base, Mapping):
            parts = [_key_part(part, body) for part in self.price["by"]]
            base = base[self.price.get("join", "-").join(part for part in parts if part is not None)]
        return math.ceil(int(base) * self._factor("count", body) * self.seconds_of(body) * self._blocks(body))

    def outputs_of(self, body: Mapping[str, Any]) -> int:
        """How many files a valid body asks for."""
        return self.outputs if isinstance(self.outputs, int) else int(_value_of(self.outputs, body))

    @cached_property
    def price_range(self) -> tuple[int, int]:
        """The fewest and the most credits over all that the table allows."""
        base = self.price["credits"]
        amounts = list(base.values()) if isinstance(base, Mapping) else [base]
        prices = [
            math.ceil(amount * count * seconds)
            for amount, count, seconds in product(amounts, self._limits("count"), self._limits("seconds"))
        ]
        return min(prices), max(prices)

    def seconds_of(self, body: Mapping[str, Any]) -> float:
        """What a price by the second is multiplied with."""
        if "seconds" not in self.price:
            return 1
        rule = {"param": "", "default": ASSUMED_S, **self.price["seconds"]}
        return float(_value_of(rule, body))

    def _blocks(self, body: Mapping[str, Any]) -> int:
        """The started blocks of megapixels that an upscale gives."""
        if "megapixels" not in self.price:
            return 1
        rule = self.price["megapixels"]
        scale, per = float(_value_of(rule["scale"], body)), float(rule["per"])
        return math.ceil(ASSUMED_PIXELS * scale * scale / (per * MEGAPIXEL))

    def _factor(self, name: str, body: Mapping[str, Any]) -> float:
        return float(_value_of(self.price[name], body)) if name in self.price else 1

    def _limits(self, name: str) -> list[float]:
        if name not in self.price or "param" not in self.price[name]:
            return [ASSUMED_S if name in self.price else 1]
        schema = self.body_schema
        for step in self.price[name]["param"].split("."):
            schema = schema["properties"][step]
        values = [*schema.get("enum", ()), *(schema[limit] for limit in ("minimum", "maximum") if limit in schema)]
        return [float(value) for value in [self.price[name].get("default", ASSUMED_S), *values]]


@dataclass(frozen=True, eq=False)
class Contract:
    """All that schemas/ promises."""

    operations: tuple[Operation, ...]
    models: tuple[Model, ...]
    """All that can be asked for at once; a model that needs a LoRA is none of them."""
    actions: tuple[Model, ...]
    """What can be asked for of a finished job, and what else takes no model."""
    schemas: Mapping[str, Schema]
    """Each schema file by its path, such as `answers/job.json`, with its references resolved."""
    shapes: Mapping[str, Any]
    """The result shapes of results.json."""
    sha256: str
    """Over all files of schemas/, as parsed; spaces and line ends do not count."""

    def __repr__(self) -> str:
        return f"<Contract {self.sha256[:12]}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - as for a Model
        printer.text(repr(self))

    def operation(self, operation_id: str) -> Operation:
        """The operation of this id; KeyError without one."""
        found = next((operation for operation in self.operations if operation.id == operation_id), None)
        if found is None:
            raise KeyError(operation_id)
        return found

    def operation_for(self, method: str, path: str) -> Operation | None:
        """The operation that answers there, a literal path before a template; a query in *path* is ignored."""
        place = path.partition("?")[0]
        found = [op for op in self.operations if op.method == method.upper() and op.pattern.fullmatch(place)]
        return min(found, key=lambda operation: len(operation.path_parameters), default=None)

    @property
    def submissions(self) -> tuple[Operation, ...]:
        """The operations that start a job of a model."""
        offered = {model.operation for model in self.models}
        return tuple(operation for operation in self.operations if operation.id in offered)

    def models_of(self, operation_id: str) -> tuple[Model, ...]:
        """The models that the operation starts, in the order of the table."""
        return tuple(model for model in self.models if model.operation == operation_id)

    def model(self, model_id: str, operation_id: str | None = None) -> Model:
        """The model of this id, of this operation if one is named; KeyError without one."""
        for model in self.models:
            if model.id == model_id and operation_id in {None, model.operation}:
                return model
        raise KeyError(model_id)

    def path_of(self, model_id: str) -> str:
        """Where the model is asked for; where the first one is, for an id that is unknown."""
        found = next((model for model in self.models if model.id == model_id), self.models[0])
        return self.operation(found.operation).path

    def validator(self, schema_name: str) -> jsonschema_rs.Draft202012Validator:
        """A validator for the file of this name, such as `answers/job.json`; it checks formats too."""
        return _compiled(self.schemas[schema_name])


class Problem(NamedTuple):
    """One thing wrong and where, as the API's `details` would name the place."""

    path: PathSteps
    keyword: str

    @property
    def dotted(self) -> str:
        """The key in `details`."""
        return ".".join(map(str, self.path)) or "body"


@cache
def load() -> Contract:
    """The contract, from a checkout or from an installed wheel.

    Raises:
        FileNotFoundError: neither is there.
    """
    files = _files(schemas_folder())
    schemas = {name: _resolved(name, files) for name in files if "/" in name}
    operations = tuple(_operation(row) for row in files["operations.json"]["operations"])
    by_id = {operation.id: operation for operation in operations}
    return Contract(
        operations=operations,
        models=tuple(_model(row, schemas) for row in files["models.json"]["models"] if "lora" not in row),
        actions=tuple(
            _action(row, schemas, by_id[row["operation"]].choose) for row in files["actions.json"]["actions"]
        ),
        schemas=schemas,
        shapes=files["results.json"]["shapes"],
        sha256=hashlib.sha256(json.dumps(files, sort_keys=True, separators=(",", ":")).encode()).hexdigest(),
    )


def problems(schema: Schema, value: Any) -> list[Problem]:
    """All that is wrong with a value as JavaScript would judge it; an empty list for a valid one.

    A missing field is named itself, and so is an unknown field of the body; an unknown field deeper down is named
    by the object that holds it. Lengths are UTF-16 units, and a number beyond a double's range is no number.
    """
    validator = _compiled(schema)
    is_plain = _is_plain(value)
    known = value if is_plain else _as_received(value)
    if is_plain and validator.is_valid(known):
        return []
    errors = list(validator.iter_errors(known))
    if not is_plain:
        # One code point counts once for the validator and twice for JavaScript, so lengths are judged on a copy in
        # which each such character became two. The rest must see the text as it is.
        errors = [error for error in errors if _keyword(error) not in LENGTHS]
        errors += [error for error in validator.iter_errors(_widened(known)) if _keyword(error) in LENGTHS]
    found = [problem for error in errors for problem in _problems_of(error)]
    return list(dict.fromkeys([*found, *_broken_rules(schema, _widened(known))]))


def _broken_rules(schema: Schema, value: Any) -> Iterator[Problem]:
    """Rules across fields name the field where they are told."""
    for rule in schema.get("allOf", ()):
        if not _compiled(rule).is_valid(value):
            yield Problem(tuple(rule["x-field"].split(".")), RULE)


def _problems_of(error: jsonschema_rs.ValidationError) -> list[Problem]:
    path, keyword = tuple(error.instance_path), _keyword(error)
    if "allOf" in error.schema_path:
        return []
    if keyword == "required":
        return [Problem((*path, error.kind.as_dict()["property"]), keyword)]
    if keyword == "additionalProperties" and not path:
        return [Problem((name,), keyword) for name in error.kind.as_dict()["unexpected"]]
    return [Problem(path, keyword)]


def _keyword(error: jsonschema_rs.ValidationError) -> str:
    return str(error.schema_path[-1])


_validators: dict[int, tuple[Schema, jsonschema_rs.Draft202012Validator]] = {}
"""By the schema's identity; the schema is kept with it, so that no other one can take its place."""


def _compiled(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    kept = _validators.get(id(schema))
    if kept is None:
        validator = jsonschema_rs.Draft202012Validator(
            schema, validate_formats=True, formats={"uri": ada_url.check_url}
        )
        kept = _validators[id(schema)] = (schema, validator)
    return kept[1]


def _is_plain(value: Any) -> bool:
    """Whether nothing in the value is judged by JavaScript otherwise than by the validator."""
    match value:
        case str():
            return value.isascii()
        case int():
            return abs(value) < INFINITE
        case dict():
            return all(name.isascii() and _is_plain(item) for name, item in value.items())
        case list():
            return all(map(_is_plain, value))
        case _:
            return True


def _as_received(value: Any) -> Any:
    """The value as a server may read it: texts are well-formed, and a number too large is infinite."""
    if isinstance(value, int) and abs(value) >= INFINITE:
        return math.inf if value > 0 else -math.inf
    return _with_texts(value, _well_formed, _as_received)


def _widened(value: Any) -> Any:
    return _with_texts(value, _two_for_astral, _widened)


def _with_texts(value: Any, text: Callable[[str], str], again: Callable[[Any], Any]) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [again(item) for item in value]
    if isinstance(value, dict):
        return {_well_formed(name): again(item) for name, item in value.items()}
    return value


def _well_formed(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _two_for_astral(text: str) -> str:
    return re.sub("[\U00010000-\U0010ffff]", "\ufffd\ufffd", text)


def schemas_folder() -> Path:
    """The folder schemas/, of the checkout or of the installed mock; fixtures/ stands beside it."""
    checkout = Path(__file__).parent.parent
    package = find_spec("mockserver")  # found, not imported
    homes = [checkout, *(Path(home) / "_data" for home in (package and package.submodule_search_locations) or ())]
    for home in homes:
        if (home / "schemas" / "operations.json").is_file():
            return home / "schemas"
    msg = f'no folder "schemas" in {" or ".join(map(str, homes))}; install the package, or run from a checkout'
    raise FileNotFoundError(msg)


def _files(folder: Path) -> dict[str, Any]:
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.json")}
    own = [name for name in sorted(paths) if not name.startswith("control/")]  # those are the mock's, not the API's
    return {name: json.loads(paths[name].read_bytes()) for name in own}


def _operation(row: Mapping[str, Any]) -> Operation:
    return Operation(
        id=row["id"],
        method=row["method"],
        path=row["path"],
        needs_key=row["auth"],
        is_submission=row.get("request") == "submission",
        takes_key=row.get("idempotent", False),
        query=row.get("query"),
        choose=row.get("choose", "model"),
        form=row.get("form"),
        path_parameters=row.get("pathParameters", {}),
        success=row["success"],
        answers={int(status): name for status, name in row["answers"].items()},
    )


def _model(row: Mapping[str, Any], schemas: Mapping[str, Schema]) -> Model:
    prompt, parameters = row.get("prompt"), row["parameters"]
    return Model(
        id=row["id"],
        operation=row["operation"],
        modality=row["modality"],
        prompt_min=prompt["min"] if prompt else None,
        prompt_max=prompt["max"] if prompt else None,
        parameters_name=parameters["name"],
        parameters_schema=schemas[parameters["schema"]],
        parameters_required=parameters["required"],
        body_schema=_body_schema(row, schemas),
        outputs=row["outputs"],
        price=row["price"],
        result=row["result"],
    )


def _action(row: Mapping[str, Any], schemas: Mapping[str, Schema], choose: str | None) -> Model:
    common, own = schemas["requests/submission.json"]["properties"], schemas[row["fields"]]
    chosen: Schema = {choose: {"type": "string", "enum": [row["id"]]}} if choose else {}
    hooks = {name: common[name] for name in ("webhookUrl", "webhookEvents")}
    body: Schema = {
        "type": "object",
        "properties": {**own["properties"], **hooks, **chosen},
        "required": [*own.get("required", ()), *chosen],
        "additionalProperties": False,
    }
    return Model(
        id=row["id"],
        operation=row["operation"],
        modality=row["modality"],
        prompt_min=None,
        prompt_max=None,
        parameters_name="",
        parameters_schema={"properties": {}},
        parameters_required=False,
        body_schema={**body, "allOf": row["rules"]} if "rules" in row else body,
        outputs=row["outputs"],
        price=row["price"],
        result=row["result"],
        parent=row.get("parent"),
    )


def _body_schema(row: Mapping[str, Any], schemas: Mapping[str, Schema]) -> Schema:
    """Steps 1 to 5 of the README."""
    common, parameters, prompt = schemas["requests/submission.json"], row["parameters"], row.get("prompt")
    own: Schema = {"model": {"type": "string", "enum": [row["id"]]}}
    if prompt:
        own["prompt"] = {"type": "string", "minLength": prompt["min"], "maxLength": prompt["max"]}
    own[parameters["name"]] = schemas[parameters["schema"]]
    needed = {"model": True, "prompt": bool(prompt), parameters["name"]: parameters["required"]}
    others = {name: schema for name, schema in common["properties"].items() if name not in {"model", "prompt"}}
    body: Schema = {
        "type": "object",
        "properties": {**own, **others},
        "required": [name for name, is_needed in needed.items() if is_needed],
        "additionalProperties": False,
    }
    return {**body, "allOf": row["rules"]} if "rules" in row else body


def _resolved(name: str, files: Mapping[str, Any]) -> Schema:
    """The file with each neighbour that it refers to in place of the reference."""
    folder = name.rpartition("/")[0]

    def whole(node: Any) -> Any:
        if isinstance(node, list):
            return [whole(item) for item in node]
        if not isinstance(node, dict):
            return node
        own = {key: whole(item) for key, item in node.items() if key != "$ref"}
        return _narrowed(_resolved(f"{folder}/{node['$ref']}", files), own) if "$ref" in node else own

    return {key: item for key, item in whole(files[name]).items() if not key.startswith("$")}


def _narrowed(base: Schema, own: Schema) -> Schema:
    merged = {**base, **own}
    if "properties" in own:
        known = base.get("properties", {})
        merged["properties"] = known | {
            name: _narrowed(known.get(name, {}), schema) for name, schema in own["properties"].items()
        }
    if "required" in own:
        merged["required"] = list(_united(base.get("required", ()), own["required"]))
    return merged


def _united(*lists: Iterable[str]) -> Iterator[str]:
    return iter(dict.fromkeys(item for items in lists for item in items))


def _value_of(reference: Mapping[str, Any], body: Mapping[str, Any]) -> Any:
    """What the body has at the dotted path `param`, or else `default`."""

    def below(node: Any, step: str) -> Any:
        return node.get(step, _ABSENT) if isinstance(node, Mapping) else _ABSENT

    found = reduce(below, reference["param"].split("."), body)
    return reference["default"] if found is _ABSENT else found


def _key_part(part: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    """One piece of the key into a table of credits; None where `map` drops it."""
    value = _value_of(part, body)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # as JavaScript writes it
    text = value if isinstance(value, str) else json.dumps(value)
    if "map" in part:
        text = part["map"].get(text)
    return None if text is None else f"{text}{part.get('suffix', '')}"
