"""Bodies that the contract refuses: a valid one with exactly one fault planted, or with a few in different fields."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeVar

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from contract_tests.contract import INFINITE, Body, Contract, Model, PathSteps, Schema, problems
from contract_tests.strategies import bodies_of, leaves, limits, minimal_value, text_of, with_value

SAMPLES_OF_TYPES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    1.5,
    -7,
    "",
    "1",
    "true",
    "a fox",
    [],
    ["a fox"],
    {},
    {"a": 1},
)
"""Something of every type; what a field allows is left out."""

BAD_FORMATS = {
    "uri": ("", "example.com/fox.png", "//example.com/fox.png", "/fox.png", "http://", "https://exa mple.com/", "fox"),
    "uuid": (
        "",
        "not-a-uuid",
        "3f2b8c1e5d4a4b6f9e7d1a2b3c4d5e6f",
        "{3f2b8c1e-5d4a-4b6f-9e7d-1a2b3c4d5e6f}",
        "3f2b8c1e-5d4a-4b6f-9e7d-1a2b3c4d5e6",
        "3f2b8c1e-5d4a-4b6f-9e7d-1a2b3c4d5e6g",
        " 3f2b8c1e-5d4a-4b6f-9e7d-1a2b3c4d5e6f",
    ),
    "date-time": ("", "yesterday", "2026-01-02", "2026-13-02T03:04:05Z"),
    "email": ("", "fox", "@example.com"),
}
BAD_PATTERNS = (
    "",
    "1x1",
    "16:",
    ":9",
    "16:9 ",
    " 16:9",
    "16:9\n",
    "\uff11\uff16:\uff19",
    "1:1:1",
    "-1:1",
    "1.5:1",
    "square",
)
STRAY_KEYS = (
    "n",
    "size",
    "style",
    "quality",
    "user",
    "Prompt",
    "promt",
    "Model",
    "webhook_url",
    "webhookurl",
    "constructor",
)
UNKNOWN_MODELS = ("", "gpt-5", "flux", "all", "default", "null", "a fox", "*")
STRAY_VALUES: tuple[Any, ...] = (1, "a fox", None, {})
FAR = 1000
WIDTH = 60
KINDS = ("missing", "retype", "range", "format", "enum", "unknown-key", "foreign-parameters", "model")
WITH_KEYS = frozenset({"unknown-key", "foreign-parameters"})
_T = TypeVar("_T")
_INDEXES = st.integers(0, 2)


@dataclass(frozen=True)
class Mutation:
    """An invalid body, where the API's `details` should name its fault, and what was done to it."""

    body: Body
    path: str
    kind: str
    what: str


@dataclass(frozen=True)
class Mutations:
    """An invalid body with several faults in different fields."""

    body: Body
    paths: tuple[str, ...]
    kinds: tuple[str, ...]
    whats: tuple[str, ...]


class Fault(NamedTuple):
    """A way to spoil one place in any valid body for one model."""

    kind: str
    place: PathSteps
    """The field, or for a key too many the object that gets it; an index is any index."""
    bad: tuple[Any, ...] = ()
    """What is wrong there: a value, or a key and its value. Nothing for a field that is to go."""

    @property
    def claim(self) -> PathSteps:
        """The part of the body that no other fault may touch."""
        return self.place or (f"+{self.kind}",)


@cache
def mutations(model: Model, contract: Contract, kind: str = "") -> SearchStrategy[Mutation]:
    """Bodies with one fault, of this kind if one is named; else each kind that the model knows is as likely."""
    return _mutations(model, contract, kind)


@cache
def several(model: Model, contract: Contract, n: int) -> SearchStrategy[Mutations]:
    """Bodies with *n* faults, two to four, in different fields.

    The model stays right: where it is unknown, nothing can be said of its parameters.
    """
    known = faults(model, contract)
    return _several(model, {kind: found for kind, found in known.items() if kind != "model"}, n)


@cache
def faults(model: Model, contract: Contract) -> dict[str, tuple[Fault, ...]]:
    """By kind, all faults that a body for the model can have."""
    schema, own = model.body_schema, ("model",)
    found = [
        Fault("missing", own),
        Fault("retype", own, tuple(value for value in SAMPLES_OF_TYPES if not isinstance(value, str))),
        Fault("model", own, _near_models(model, contract)),
        *_in_object((), schema),
    ]
    foreign = _foreign_parameters(model, contract)
    if foreign:
        found.append(Fault("foreign-parameters", (), foreign))
    for place, inner in leaves(schema):
        if place != own:
            found += [Fault(kind, place, bad) for kind, bad in _bad_values(inner).items()]
            found += _in_object(place, inner)
    by_kind = {kind: tuple(fault for fault in found if fault.kind == kind) for kind in KINDS}
    return {kind: known for kind, known in by_kind.items() if known}


@st.composite
def _mutations(draw: st.DrawFn, model: Model, contract: Contract, kind: str) -> Mutation:
    known = faults(model, contract)
    kind = kind or _one(draw, list(known))
    fault = _one(draw, known[kind])
    body, path, what = _planted(draw, fault, draw(bodies_of(model)), model.body_schema)
    assume({problem.dotted for problem in problems(model.body_schema, body)} == {path})
    if path == "model":
        # without the model only the common limits are known, and its own may be wider
        common = contract.schemas["requests/submission.json"]["properties"]
        assume(not any(problems(common[name], body[name]) for name in common.keys() & body.keys() - {"model"}))
    return Mutation(body, path, kind, what)


@st.composite
def _several(draw: st.DrawFn, model: Model, known: dict[str, tuple[Fault, ...]], n: int) -> Mutations:
    body, planted = draw(bodies_of(model)), []
    free = {kind: [fault for fault in found if fault.place != ("model",)] for kind, found in known.items()}
    for _ in range(n):
        kind = _one(draw, [kind for kind, found in free.items() if found])
        fault = _one(draw, free[kind])
        body, path, what = _planted(draw, fault, body, model.body_schema)
        planted.append((path, kind, what))
        free = {kind: [other for other in found if not _clash(other, fault)] for kind, found in free.items()}
    paths, kinds, whats = zip(*planted, strict=True)
    assume({problem.dotted for problem in problems(model.body_schema, body)} == set(paths))
    return Mutations(body, paths, kinds, whats)


def _planted(draw: st.DrawFn, fault: Fault, body: Body, schema: Schema) -> tuple[Body, str, str]:
    """The spoilt body, where `details` should name the fault, and what was done."""
    place = tuple(draw(_INDEXES) if isinstance(step, int) else step for step in fault.place)
    named = ".".join(map(str, place))
    if not fault.bad:
        return _without(schema, body, place), named, f"{named} left out"
    bad = _one(draw, fault.bad)
    if fault.kind not in WITH_KEYS:
        return with_value(schema, body, place, bad), named, f"{named} = {_shown(bad)}"
    key, value = bad
    spoilt = with_value(schema, body, (*place, key), value)
    return spoilt, named or key, f"{key} = {_shown(value)} added to {named or 'the body'}"


def _one(draw: st.DrawFn, among: Sequence[_T]) -> _T:
    # sampled_from is built anew for what cannot be hashed, and costs more than the draw
    return among[draw(st.integers(0, len(among) - 1))]


def _clash(one: Fault, other: Fault) -> bool:
    size = min(len(one.claim), len(other.claim))
    return one.claim[:size] == other.claim[:size]


def _in_object(place: PathSteps, schema: Schema) -> list[Fault]:
    """A required field left out, and a key that the object does not have."""
    fields = schema.get("properties", {})
    found = [Fault("missing", (*place, name)) for name in schema.get("required", ()) if (*place, name) != ("model",)]
    if schema.get("additionalProperties", True) is False:
        strays = tuple((key, value) for key in STRAY_KEYS if key not in fields for value in STRAY_VALUES)
        found.append(Fault("unknown-key", place, strays))
    return found


def _bad_values(schema: Schema) -> dict[str, tuple[Any, ...]]:
    """Kind of fault to values that have it and nothing else."""
    candidates = {
        "retype": [(value, "type") for value in SAMPLES_OF_TYPES],
        "range": [(value, limit) for limit, value in _beyond(schema)],
        "format": [
            *((value, "format") for value in BAD_FORMATS.get(schema.get("format", ""), ())),
            *((value, "pattern") for value in BAD_PATTERNS if "pattern" in schema),
        ],
        "enum": [(miss, "enum") for value in schema.get("enum", ()) for miss in _near_misses(value)],
    }
    found = {
        kind: tuple(value for value, keyword in pairs if ((), keyword) in problems(schema, value))
        for kind, pairs in candidates.items()
    }
    return {kind: values for kind, values in found.items() if values}


def _beyond(schema: Schema) -> Iterator[tuple[str, Any]]:
    """Just past each limit, and far past it."""
    for name, _, outside in limits(schema):
        limit = name.partition(".")[0]
        yield limit, outside
        match outside:
            case str():
                yield limit, outside + text_of("狐", FAR if limit == "maxLength" else 0)
            case list():
                yield limit, outside * (2 if limit == "maxItems" else 1)
            case _:
                yield limit, outside + (FAR if "max" in limit.lower() else -FAR)
    if schema.get("type") in ("integer", "number"):
        yield "type", INFINITE


def _near_misses(text: Any) -> list[Any]:
    """Values that a careless comparison takes for this one."""
    if not isinstance(text, str):
        return [text + 0.5, -text, str(text)]
    changed = text[:-1] + ("x" if text[-1:] != "x" else "y")
    swapped = text.translate(str.maketrans("-._", ".--"))
    found = [text.upper(), text.lower(), text.capitalize(), f"{text} ", f" {text}", f"{text}\n", changed, text[:-1]]
    return [
        miss for miss in dict.fromkeys([*found, swapped, text.replace("-", "_"), text.replace("-", "")]) if miss != text
    ]


def _near_models(model: Model, contract: Contract) -> tuple[str, ...]:
    known = {other.id for other in contract.models_of(model.operation)}
    return tuple(name for name in [*_near_misses(model.id), *UNKNOWN_MODELS] if name not in known)


def _foreign_parameters(model: Model, contract: Contract) -> tuple[tuple[str, Any], ...]:
    others = {other.parameters_name: other.parameters_schema for other in contract.models_of(model.operation)}
    others.pop(model.parameters_name)
    return tuple((name, value) for name, schema in others.items() for value in (minimal_value(schema), None))


def _without(schema: Schema, body: Body, place: PathSteps) -> Body:
    spoilt: Body = with_value(schema, body, place, None)  # what leads there is copied, and made where it was not
    holder: Any = spoilt
    for step in place[:-1]:
        holder = holder[step]
    del holder[place[-1]]
    return spoilt


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}... ({len(text)} characters)"
