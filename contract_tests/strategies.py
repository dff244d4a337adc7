"""Bodies that the contract allows, drawn from its schemas: minimal, full, at a limit, or anything between."""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache, partial, reduce
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from contract_tests.contract import RULE, Body, Contract, Model, PathSteps, Schema, problems

WEBHOOK_FIELDS = ("webhookUrl", "webhookEvents")
"""Left out of bodies unless asked for: a delivery leaves the server under test."""

SAFE_INTEGER = 2**53 - 1
SHORT = 12
FEW = 3
LINE = 60
ANNOTATIONS = frozenset({"title", "description", "default", "examples"})
KNOWN_KEYWORDS = ANNOTATIONS | {
    *("type", "enum", "const", "oneOf", "anyOf", "properties", "required", "additionalProperties", "items"),
    *("minItems", "maxItems", "minLength", "maxLength", "pattern", "format"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    "allOf",
}
UNITS = ("x", "a fox ", "é", "狐", "🦊", "👩‍👩‍👧", "e\u0301", '"\\', "\n\t")
PHRASES = (
    "a red fox in the snow",
    "Füchse, 日本語, עברית",
    "👩‍👩‍👧 at the sea",
    "[one] {two} <three>",
    " ",
    "null",
    "--ar 16:9",
)
SAMPLES = {
    "uri": "https://example.com/fox.png",
    "uuid": "3f2b8c1e-5d4a-4b6f-9e7d-1a2b3c4d5e6f",
    "date-time": "2026-01-02T03:04:05.678Z",
    "email": "fox@example.com",
    "binary": "fox",
}


class Boundary(NamedTuple):
    """One limit, a body that just keeps it and a body that just does not."""

    name: str
    path: PathSteps
    inside: Body
    outside: Body


def bodies(
    contract: Contract, operation_id: str, *, with_webhook: str | None = None
) -> SearchStrategy[tuple[Model, Body]]:
    """A model of the operation, each as likely, and a valid body for it."""
    models = contract.models_of(operation_id)
    return st.sampled_from(models).flatmap(lambda model: _with_its_model(model, with_webhook))


@cache
def bodies_of(model: Model, *, with_webhook: str | None = None) -> SearchStrategy[Body]:
    """Valid bodies for the model; with an address, they name it as their webhook and often the events for it."""
    schema = model.body_schema
    fields = {name: inner for name, inner in schema["properties"].items() if name not in WEBHOOK_FIELDS}
    if with_webhook is None:
        return from_schema({**schema, "properties": fields})
    events = schema["properties"]["webhookEvents"]
    fields |= {"webhookUrl": {"const": with_webhook}, "webhookEvents": {**events, "maxItems": FEW}}
    return from_schema({**schema, "properties": fields, "required": [*schema["required"], "webhookUrl"]})


@cache
def _with_its_model(model: Model, with_webhook: str | None) -> SearchStrategy[tuple[Model, Body]]:
    return st.tuples(st.just(model), bodies_of(model, with_webhook=with_webhook))


def from_schema(schema: Schema) -> SearchStrategy[Any]:
    """Values that the schema allows.

    Raises:
        ValueError: the schema has a keyword that this module would ignore.
    """
    unknown = schema.keys() - KNOWN_KEYWORDS
    if unknown:
        msg = f"no strategy heeds the schema keyword {sorted(unknown)}"
        raise ValueError(msg)
    if "allOf" in schema:
        whole = from_schema({key: item for key, item in schema.items() if key != "allOf"})
        return whole.map(partial(_mended, schema)).filter(lambda value: not problems(schema, value))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            rest = {key: item for key, item in schema.items() if key != keyword}
            branches = st.one_of([from_schema({**rest, **branch}) for branch in schema[keyword]])
            return branches.filter(lambda value: not problems(schema, value))
    return st.one_of([_MAKERS[kind](schema) for kind in _types(schema)])


def minimal_value(schema: Schema) -> Any:
    """The smallest value that the schema allows, always the same one; objects have their required fields only."""
    return _mended(schema, _value(schema, is_full=False))


def _mended(schema: Schema, value: Any) -> Any:
    """The value with what rules across fields ask for, and without what they forbid."""
    for _ in schema.get("allOf", ()):
        broken = next((problem.path for problem in problems(schema, value) if problem.keyword == RULE), None)
        if broken is None:
            return value
        holder, field = reduce(lambda node, step: node.get(step, {}), broken[:-1], value), broken[-1]
        inner = reduce(lambda node, step: node["properties"][step], broken, schema)
        if field not in holder:
            value = with_value(schema, value, broken, minimal_value(inner))
        elif broken == ("prompt",):
            value = {**value, "prompt": value["prompt"][:SHORT]}
        else:
            value = {**value, broken[0]: {name: item for name, item in holder.items() if name != field}}
    return value


def minimal_body(model: Model, prompt: str = "a fox") -> Body:
    """Only what is required."""
    return _with_prompt(minimal_value(model.body_schema), prompt)


def full_body(model: Model, prompt: str = "a fox") -> Body:
    """Every field but the webhook's; numbers are at their least, so that it costs little."""
    body: Body = _mended(model.body_schema, _value(model.body_schema, is_full=True))
    return _with_prompt({name: item for name, item in body.items() if name not in WEBHOOK_FIELDS}, prompt)


def boundaries(model: Model, prompt: str = "a fox") -> list[Boundary]:
    """Each limit in the schema of the model's body, nested ones too."""
    base = minimal_body(model, prompt)
    found = [
        Boundary(
            name=".".join([*map(str, path), limit]),
            path=path,
            inside=with_value(model.body_schema, base, path, inside),
            outside=with_value(model.body_schema, base, path, outside),
        )
        for path, schema in leaves(model.body_schema)
        for limit, inside, outside in limits(schema)
    ]
    return [each for each in found if not problems(model.body_schema, each.inside)]


def leaves(schema: Schema, path: PathSteps = ()) -> Iterator[tuple[PathSteps, Schema]]:
    """Every place in a body with its schema, containers included; items of a list stand at index 0."""
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name), inner
        yield from leaves(inner, (*path, name))
    if "items" in schema:
        yield (*path, 0), schema["items"]
        yield from leaves(schema["items"], (*path, 0))


def limits(schema: Schema) -> Iterator[tuple[str, Any, Any]]:
    """Each limit of one place: its name, a value just inside and a value just outside."""
    below, above = _steps(schema)
    for limit, inside, outside in (
        ("minimum", _same, below),
        ("maximum", _same, above),
        ("exclusiveMinimum", above, _same),
        ("exclusiveMaximum", below, _same),
    ):
        if limit in schema:
            yield limit, inside(schema[limit]), outside(schema[limit])
    for limit, beyond in (("minLength", -1), ("maxLength", 1)):
        if schema.get(limit, 0) + beyond >= 0 and limit in schema:
            yield limit, text_of("x", schema[limit]), text_of("x", schema[limit] + beyond)
    if schema.get("maxLength", 0) > 1:
        # half as many characters as units: whoever counts characters lets the second one pass
        longest = schema["maxLength"]
        yield "maxLength.utf-16", text_of("🦊", longest), text_of("🦊", longest + 1)
    for limit, beyond in (("minItems", -1), ("maxItems", 1)):
        if schema.get(limit, 0) + beyond >= 0 and limit in schema:
            item = minimal_value(schema.get("items", {}))
            yield limit, [item] * schema[limit], [item] * (schema[limit] + beyond)


def with_value(schema: Schema, value: Any, path: PathSteps, new: Any) -> Any:
    """A copy of the value with *new* at the path; what must be there to hold it gets its minimal value."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        fields = dict(value) if isinstance(value, dict) else minimal_value({**schema, "type": "object"})
        inner = schema["properties"].get(step, {})
        return {**fields, step: with_value(inner, fields.get(step), rest, new)}
    items = list(value) if isinstance(value, list) else []
    while len(items) < max(step + 1, schema.get("minItems", 0)):
        items.append(minimal_value(schema["items"]))
    items[step] = with_value(schema["items"], items[step], rest, new)
    return items


def text_of(unit: str, length: int) -> str:
    """The unit over and over, cut to this many UTF-16 units; an x stands for half a character."""
    cut = (unit * (length // utf16_length(unit) + 1)).encode("utf-16-le")[: 2 * length]
    text = cut.decode("utf-16-le", "ignore")
    return text + "x" * (length - utf16_length(text))


def utf16_length(text: str) -> int:
    """What JavaScript calls its length."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _with_prompt(body: Body, prompt: str) -> Body:
    return {**body, "prompt": prompt} if "prompt" in body else body


def _same(value: float) -> float:
    return value


def _steps(schema: Schema) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """The next value below, and the next above, of a number or of an integer."""
    if "integer" in _types(schema):
        return (lambda value: math.ceil(value) - 1), (lambda value: math.floor(value) + 1)
    return partial(_next, towards=-math.inf), partial(_next, towards=math.inf)


def _next(value: float, *, towards: float) -> float:
    return math.nextafter(value, towards)


def _types(schema: Schema) -> list[str]:
    kinds = schema.get("type")
    if kinds is None:
        kinds = [kind for kind, keywords in _TELLTALES.items() if keywords & schema.keys()] or ["any"]
    return [kinds] if isinstance(kinds, str) else list(kinds)


_TELLTALES = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
}


def _value(schema: Schema, *, is_full: bool) -> Any:
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            rest = {key: item for key, item in schema.items() if key != keyword}
            return _value({**rest, **schema[keyword][0]}, is_full=is_full)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    match _types(schema)[0]:
        case "object":
            fields = schema.get("properties", {})
            names = fields if is_full else schema.get("required", ())
            found: Any = {name: _value(fields.get(name, {}), is_full=is_full) for name in names}
        case "array":
            size = max(schema.get("minItems", 0), min(int(is_full), schema.get("maxItems", 1)))
            found = [_value(schema.get("items", {}), is_full=is_full) for _ in range(size)]
        case "string":
            found = _text(schema)
        case "integer" | "number":
            found = _number(schema)
        case kind:
            found = False if kind == "boolean" else None
    return found


def _number(schema: Schema) -> float:
    """The least one; 1 where there is no least."""
    if "exclusiveMinimum" in schema:
        return _steps(schema)[1](schema["exclusiveMinimum"])
    least: float = schema.get("minimum", min(1, schema.get("maximum", 1)))
    return least


def _text(schema: Schema) -> str:
    if "format" in schema:
        return SAMPLES[schema["format"]]
    least, most = schema.get("minLength", 0), schema.get("maxLength", SHORT)
    candidates = [text_of("fox", max(least, min(3, most))), "1:1", "1", "fox"]
    found = next((text for text in candidates if not problems(schema, text)), None)
    if found is None:
        msg = f"no sample fits the schema {json.dumps(schema)}; add one here"
        raise ValueError(msg)
    return found


def _objects(schema: Schema) -> SearchStrategy[Any]:
    fields = {name: from_schema(inner) for name, inner in schema.get("properties", {}).items()}
    required = frozenset(schema.get("required", ()))
    known = _fields({**fields, **dict.fromkeys(required - fields.keys(), _ANY)}, required)
    more = schema.get("additionalProperties", False)
    if not isinstance(more, dict):
        return known
    others = st.dictionaries(st.text("abcdef", min_size=1, max_size=SHORT), from_schema(more), max_size=FEW)
    return st.builds(lambda first, second: {**second, **first}, known, others)


@st.composite
def _fields(draw: st.DrawFn, fields: dict[str, SearchStrategy[Any]], required: frozenset[str]) -> Body:
    # fixed_dictionaries spends two choices on every optional field and shrinks them worse
    return {name: draw(values) for name, values in fields.items() if name in required or draw(_MAYBE)}


def _arrays(schema: Schema) -> SearchStrategy[Any]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    few = range(least, int(max(least, min(FEW, most))) + 1)
    sizes = [*few, int(most)] if few[-1] < most < math.inf else list(few)
    return _items(from_schema(schema.get("items", {})), sizes)


@st.composite
def _items(draw: st.DrawFn, items: SearchStrategy[Any], sizes: Sequence[int]) -> list[Any]:
    # st.lists spends a choice before each item
    size = draw(st.sampled_from(sizes))
    found = [draw(items) for _ in range(min(size, FEW))]
    return (found * (size // FEW + 1))[:size]  # a full list repeats its first items


def _strings(schema: Schema) -> SearchStrategy[Any]:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if "format" in schema:
        found = _FORMATS[schema["format"]]
    elif "pattern" in schema:
        pattern = schema["pattern"]
        found = _PATTERNS[pattern] if pattern in _PATTERNS else _matching(pattern)
    else:
        return _texts(least, most)
    bounded = {"minLength", "maxLength"} & schema.keys() or {"format", "pattern"} <= schema.keys()
    return found.filter(lambda text: not problems(schema, text)) if bounded else found


def _matching(pattern: str) -> SearchStrategy[str]:
    # an ECMA-262 $ is the very end, where Python's allows a line break after it
    return st.from_regex(re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), re.ASCII))


def _texts(least: int, most: int | None) -> SearchStrategy[str]:
    """Short texts, and some at a limit; lengths are UTF-16 units. None starts a directive of the mock."""
    longest = least + LINE if most is None else most
    is_roomy = 2 * least <= longest  # a character beyond the basic plane takes two units
    size = min(longest // 2 if is_roomy else longest, least + SHORT)
    drawn = st.text(_CHARACTERS if is_roomy else _ONE_UNIT, min_size=least, max_size=size)
    texts = drawn.map(lambda text: text.replace("[[", "(("))
    phrases = [phrase for phrase in PHRASES if least <= utf16_length(phrase) <= longest] or [text_of("fox", least)]
    repeated = [text_of(unit, end) for unit in UNITS for end in {least, longest}]
    return st.one_of(texts, texts, st.sampled_from(phrases), st.sampled_from(phrases), st.sampled_from(repeated))


def _integers(schema: Schema) -> SearchStrategy[Any]:
    least = max(math.ceil(schema.get("minimum", -SAFE_INTEGER)), _whole(schema, "exclusiveMinimum", -SAFE_INTEGER, 1))
    most = min(math.floor(schema.get("maximum", SAFE_INTEGER)), _whole(schema, "exclusiveMaximum", SAFE_INTEGER, -1))
    beyond = (most - least) // 4 + 1
    # drawn wider and cut back, so that many stand at a limit for the price of one choice
    return st.integers(least - beyond, most + beyond).map(lambda value: min(max(value, least), most))


def _whole(schema: Schema, limit: str, default: int, step: int) -> int:
    """The first integer past an exclusive limit."""
    if limit not in schema:
        return default
    return int((math.floor if step > 0 else math.ceil)(schema[limit]) + step)


def _numbers(schema: Schema) -> SearchStrategy[Any]:
    below, above = _steps(schema)
    least, most = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        least = above(schema["exclusiveMinimum"])
    if "exclusiveMaximum" in schema:
        most = below(schema["exclusiveMaximum"])
    if least is None or most is None:
        return st.floats(least, most, allow_nan=False, allow_infinity=False)
    beyond = (most - least) / 4
    return st.floats(least - beyond, most + beyond).map(lambda value: min(max(value, least), most))


_CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")  # a NUL fits in no text of many databases
_ONE_UNIT = st.characters(codec="utf-8", max_codepoint=0xFFFF, exclude_characters="\0")
_ADDRESSES = (
    SAMPLES["uri"],
    "http://example.org/a%20b.webp?size=1&x=%F0%9F%A6%8A#top",
    "https://example.net/f\u00fcchse/\u72d0.jpg",
    "HTTPS://EXAMPLE.COM:443/../fox",
)


def _ratio(number: int) -> str:
    """A ratio for each number; one in eight is a curious one."""
    curious = ("1:1", "16:9", "009:016", "0:1", "1000000000000:1")
    return curious[number // 8 % len(curious)] if number % 8 == 0 else f"{1 + number // 8 % 64}:{1 + number // 512}"


_PATTERNS = {
    r"^\d+:\d+$": st.integers(0, 2**16 - 1).map(_ratio),  # far faster than from the expression
}


def _address(number: int) -> str:
    kind = number % 16
    return _ADDRESSES[kind] if kind < len(_ADDRESSES) else f"https://example.com/{number:x}.png"


_MAYBE = st.booleans()
_FORMATS: dict[str, SearchStrategy[str]] = {
    "uri": st.integers(0, 2**24).map(_address),
    "uuid": st.one_of(st.uuids(version=4), st.uuids()).map(str),
    "date-time": st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001 - the zone is drawn
        lambda instant: instant.isoformat().replace("+00:00", "Z")
    ),
    "email": st.integers(0, 2**32).map(lambda number: f"fox.{number:x}@example.com"),
}
_ANY = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(PHRASES))
_MAKERS: dict[str, Callable[[Schema], SearchStrategy[Any]]] = {
    "object": _objects,
    "array": _arrays,
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": lambda _schema: st.booleans(),
    "null": lambda _schema: st.none(),
    "any": lambda _schema: _ANY,
}
