"""A request body -> the model that it is for, or every problem found in it.

The model's own branch is found by its name and never by trying all: the answer speaks of one model, and the cost does
not grow with their number.
"""

import math
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

import jsonschema_rs

from mockserver.core import messages
from mockserver.core.catalog import MODEL, Catalog, Model, Schema
from mockserver.core.errors import Details, Invalid
from mockserver.core.jsontext import Parsed, utf16_length, well_formed
from mockserver.core.urls import is_url

MAX_PROBLEMS = 50
DEPTH = 8
"""Deeper than any valid body; below it the validator need not look."""

MAX_ITEMS = 1000
"""More than any list may hold; so many are explained one by one."""

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing wrong, and where; the empty path is the body itself."""

    path: Path
    message: str


class SchemaCheck:
    """One compiled schema, with addresses and lengths judged as JavaScript judges them."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._compiled = jsonschema_rs.Draft202012Validator(schema, validate_formats=True, formats={"uri": is_url})
        self._rules = [(rule, jsonschema_rs.Draft202012Validator(rule)) for rule in schema.get("allOf", ())]

    def problems(self, parsed: Parsed) -> list[Problem]:
        """All that is wrong, at most fifty; an empty list for a valid value."""
        value = parsed.value
        try:
            is_valid = self._compiled.is_valid(value)
        except ValueError:  # nested beyond what the validator follows, or a lone surrogate
            value = _tamed(value, DEPTH)
            is_valid = self._compiled.is_valid(value)
        if is_valid and not parsed.has_astral:
            return []
        problems: dict[Problem, None] = {}
        tamed = value if is_valid else _tamed(value, DEPTH)  # the validator may have stopped before it met any of that
        if not is_valid:
            problems.update(dict.fromkeys(self._explained(tamed) or _unexplained(value)))
        if parsed.has_astral:
            problems.update(dict.fromkeys(_too_long_in_utf16(self.schema, value, ())))
            problems.update(dict.fromkeys(_broken_rules(self._rules, _widened(tamed))))
        return list(problems)

    def _explained(self, value: Any) -> list[Problem]:
        errors = islice(self._compiled.iter_errors(value), MAX_PROBLEMS)
        return [problem for error in errors for problem in _translated(self.schema, value, error)]


class BodyValidator:
    """Says which model a body is for. One check a model, compiled when it is first asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._models = catalog.models
        self._choosers = {operation.id: operation.choose for operation in catalog.operations.values()}
        self._checks: dict[tuple[str, str], SchemaCheck] = {}
        self._parameter_names = {model.parameters_name for model in catalog.all_models()}

    def model_of(self, operation: str, parsed: Parsed) -> Model:
        """The model of a valid body.

        Raises:
            Invalid: with every problem of the body, told for its model alone.
        """
        body, models = parsed.value, self._models[operation]
        if not isinstance(body, dict):
            problem = Problem(("body",), messages.wrong_type({"type": "object"}, messages.received_name(body)))
            raise Invalid(details_of([problem]))
        choose = self._choosers[operation]
        name = next(iter(models)) if choose is None else body.get(choose)
        model = models.get(name) if isinstance(name, str) else None
        if model is None:
            problems = self._check_without_model(body, models.values(), str(choose)).problems(parsed)
            raise Invalid(details_of([Problem((str(choose),), messages.INVALID), *problems]))
        problems = self._check(operation, model).problems(parsed)
        if problems:
            raise Invalid(details_of(problems))
        return model

    def _check(self, operation: str, model: Model) -> SchemaCheck:
        check = self._checks.get((operation, model.id))
        if check is None:
            check = self._checks[operation, model.id] = SchemaCheck(model.body_schema)
        return check

    def _check_without_model(self, body: Mapping[str, Any], models: Iterable[Model], choose: str) -> SchemaCheck:
        """What can be said where nobody knows the model: of fields that all have alike, and that none has."""
        bodies = [model.body_schema for model in models]
        known = {name for schema in bodies for name in schema["properties"]}
        if choose == MODEL:
            known |= self._parameter_names
        alike = {name: schema for name, schema in bodies[0]["properties"].items() if _is_alike(name, schema, bodies)}
        prompts = [each["properties"]["prompt"] for each in bodies if "prompt" in each["required"]]
        if len(prompts) == len(bodies) and all("maxLength" in prompt for prompt in prompts):
            alike["prompt"] = {**prompts[0], "maxLength": max(prompt["maxLength"] for prompt in prompts)}
        properties = {**{name: {} for name in known & body.keys()}, **alike, choose: {}}
        required = [name for name in bodies[0]["required"] if name in alike]
        return SchemaCheck(
            {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        )


def _is_alike(name: str, schema: Schema, bodies: Iterable[Schema]) -> bool:
    return all(each["properties"].get(name) == schema for each in bodies)


def details_of(problems: Iterable[Problem]) -> Details:
    """The `details` of a 400: dotted path to texts, bounded in number and length."""
    details: dict[str, list[str]] = {}
    for path, message in islice(problems, MAX_PROBLEMS):
        texts = details.setdefault(".".join(messages.shortened(str(step)) for step in path), [])
        if message not in texts:
            texts.append(message)
    return details


def _translated(  # noqa: PLR0911 - one return a keyword
    schema: Schema, value: Any, error: jsonschema_rs.ValidationError
) -> list[Problem]:
    """Our problems for one error of the validator; two where one error names two missing or unknown fields."""
    path: Path = tuple(error.instance_path)
    steps = list(error.schema_path)
    if steps[0] == "allOf":
        return [_broken(schema["allOf"][steps[1]])]
    keyword = str(steps[-1])
    node = _at(schema, steps[:-1])
    found = _at(value, path)
    match keyword:
        case "required":
            missing = error.kind.as_dict()["property"]
            text = messages.wrong_type(node["properties"].get(missing, {}), "undefined")
            return [Problem((*path, missing), text)]
        case "additionalProperties":
            return _unknown_fields(path, error.kind.as_dict()["unexpected"])
        case "type":
            overflowed = isinstance(found, float) and not math.isfinite(found)
            received = "Infinity" if overflowed else messages.received_name(found)
            return [Problem(path, messages.wrong_type(node, received))]
        case "enum":
            return [Problem(path, messages.not_an_option(node["enum"]))]
        case "format":
            return [Problem(path, messages.wrong_format(node["format"]))]
        case "pattern":
            return [Problem(path, messages.wrong_pattern(node["pattern"]))]
        case _ if keyword in messages.LIMITS:
            return [Problem(path, messages.out_of_range(keyword, node[keyword]))]
        case _:
            return [Problem(path, messages.INVALID)]


def _broken(rule: Schema) -> Problem:
    """The problem that a rule across fields names."""
    return Problem(tuple(rule["x-field"].split(".")), rule["x-message"])


def _broken_rules(rules: Iterable[tuple[Schema, jsonschema_rs.Draft202012Validator]], value: Any) -> Iterable[Problem]:
    return (_broken(rule) for rule, compiled in rules if not compiled.is_valid(value))


def _widened(value: Any) -> Any:
    """The value with two characters for each that counts twice in UTF-16, for rules about lengths."""
    if isinstance(value, str):
        return re.sub("[\U00010000-\U0010ffff]", "xx", well_formed(value))
    if isinstance(value, dict):
        return {name: _widened(inner) for name, inner in value.items()}
    return [_widened(item) for item in value] if isinstance(value, list) else value


def _unknown_fields(path: Path, names: list[str]) -> list[Problem]:
    if path:
        return [Problem(path, messages.unrecognized(names))]
    shown = [Problem((name,), messages.unrecognized([name])) for name in names[: messages.MAX_NAMES]]
    rest = names[messages.MAX_NAMES :]
    return [*shown, Problem(("body",), messages.unrecognized(rest))] if rest else shown


def _too_long_in_utf16(schema: Schema, value: Any, path: Path) -> Iterable[Problem]:
    """Texts that the validator, which counts characters, finds short enough and JavaScript does not."""
    if isinstance(value, str):
        limit = schema.get("maxLength")
        if limit is not None and utf16_length(value) > limit:
            yield Problem(path, messages.out_of_range("maxLength", limit))
    elif isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from _too_long_in_utf16(inner, value[name], (*path, name))
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _too_long_in_utf16(schema["items"], item, (*path, index))


def _at(node: Any, steps: Iterable[str | int]) -> Any:
    for step in steps:
        node = node[step]
    return node


def _tamed(value: Any, depth: int) -> Any:
    """The value as the validator can take it apart in bounded time, with lone surrogates replaced.

    What lies deeper than *depth* is left out, since it is wrong already above, and so is the rest of an endless list.
    """
    if isinstance(value, dict):
        return {well_formed(key): _tamed(item, depth - 1) for key, item in value.items()} if depth else {}
    if isinstance(value, list):
        return [_tamed(item, depth - 1) for item in value[:MAX_ITEMS]] if depth else []
    return well_formed(value) if isinstance(value, str) else value


def _unexplained(value: Any, path: Path = ()) -> list[Problem]:
    """What is said of a value whose only faults lie behind the part of a list that is looked at."""
    if isinstance(value, list):
        return [Problem(path, messages.INVALID)] if len(value) > MAX_ITEMS else []
    fields = value.items() if isinstance(value, dict) else ()
    return [problem for name, item in fields for problem in _unexplained(item, (*path, name))]
