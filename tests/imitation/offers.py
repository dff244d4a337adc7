"""What the imitation offers, read from the tables of schemas/: which bodies a model takes, and what they cost."""

import json
import math
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.imitation.wire import JsonObject, Refused

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def load(name: str) -> JsonObject:
    """A schema file without its identity; a reference to a neighbour is put in its place."""
    found: JsonObject = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    for key in ("$schema", "$id"):
        found.pop(key, None)
    reference = found.pop("$ref", None)
    return {"allOf": [load(f"{name.rpartition('/')[0]}/{reference}")], **found} if reference else found


def given(spec: JsonObject, body: JsonObject) -> Any:
    """The value of the parameter that a price or a count names, or its default."""
    holder, _, name = spec["param"].partition(".")
    return body.get(holder, {}).get(name, spec["default"])


class Offer:
    """One model: which bodies it takes, what they cost, how many images they give."""

    def __init__(self, row: JsonObject) -> None:
        self.row, parameters = row, row["parameters"]
        submission = load("requests/submission.json")
        prompt = {"type": "string", "minLength": row["prompt"]["min"], "maxLength": row["prompt"]["max"]}
        self.block = load(parameters["schema"])
        properties = {**submission["properties"], "model": {"const": row["id"]}, "prompt": prompt}
        schema = {
            "type": "object",
            "properties": {**properties, parameters["name"]: self.block},
            "required": ["prompt", "model", *([parameters["name"]] if parameters["required"] else [])],
            "additionalProperties": False,
        }
        self.validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)

    def price(self, body: JsonObject) -> int:
        price = self.row["price"]
        credits_each = price["credits"]
        if isinstance(credits_each, dict):
            credits_each = credits_each[price.get("join", "").join(str(given(spec, body)) for spec in price["by"])]
        return int(credits_each * (given(price["count"], body) if "count" in price else 1))

    def outputs(self, body: JsonObject) -> int:
        outputs = self.row["outputs"]
        return outputs if isinstance(outputs, int) else int(given(outputs, body))

    def entry(self) -> JsonObject:
        """The model's line in the catalogue; its costs span every body that it takes."""
        price = self.row["price"]
        costs = price["credits"].values() if isinstance(price["credits"], dict) else [price["credits"]]
        most = self.block["properties"][price["count"]["param"].partition(".")[2]]["maximum"] if "count" in price else 1
        cost = {"pricingMode": "flat", "costMax": max(costs) * most, "costMin": min(costs)}
        return {"modality": "image", **cost, "id": self.row["id"], "label": self.row["label"], "controls": []}


VIDEO = {"modality": "video", "id": "imitation-video", "label": "Imitation Video", "pricingMode": "per-second"}
OFFERS = {row["id"]: Offer(row) for row in load("models.json")["models"] if row["operation"] == "images.generate"}
CATALOGUE = [VIDEO, *(offer.entry() for offer in reversed(OFFERS.values())), {**VIDEO, "id": "imitation-video-2"}]


def problems(validator: Any, body: Any) -> list[tuple[str, str]]:
    """Each fault of a body: the dotted path of its field, and a sentence that echoes no input."""
    found = []
    try:
        plain = json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))  # no lone surrogates
        for error in validator.iter_errors(plain):
            kind = error.kind
            ends = getattr(kind, "unexpected", None) or [getattr(kind, "property", "")]
            for end in ends[:25]:
                path = ".".join(str(step)[:60] for step in [*error.instance_path, end])
                found.append((path.removesuffix("."), f"does not keep the rule '{kind.name}'"))
    except (ValueError, RecursionError):
        found.append(("body", "is nested too deeply"))
    return found


def invalid(*found: tuple[str, str]) -> Refused:
    """The refusal of a schema error: at most 25 faults are named."""
    details: dict[str, list[str]] = {}
    for path, message in found[:25]:
        details.setdefault(path, []).append(message)
    return Refused(400, "Validation error", details=details)


def finite(text: str) -> float:
    """A JSON number that a double can hold."""
    value = float(text) if text.strip("-0123456789") or len(text) > 310 else int(text)
    if not math.isfinite(float(text)):
        msg = "number out of range"
        raise ValueError(msg)
    return value


def unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    """An object, unless one of its names stands there twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "name given twice"
        raise ValueError(msg)
    return found


def parsed(data: bytes) -> Any:
    """A body as JSON, or a 400: NaN, huge numbers, doubled names and deep nesting are refused."""
    try:
        body = json.loads(
            data.decode(), parse_constant=finite, parse_float=finite, parse_int=finite, object_pairs_hook=unique
        )
    except (ValueError, RecursionError) as reason:
        raise Refused(400, "The body cannot be read as JSON.") from reason
    return body
