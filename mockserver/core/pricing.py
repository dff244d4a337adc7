"""What a job costs, and what the catalogue says that it may cost. The rule's form: schemas/models.schema.json."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mockserver.core.catalog import Model

MEGAPIXEL = 1_000_000
ABSENT = object()


class CostRange(NamedTuple):
    """Credits at the cheapest and the dearest setting; what they are for is said by `mode`."""

    mode: str
    """`flat`: the whole job; `per-output`: one file; `per-second`: one second."""
    least: int
    most: int


class Measured(NamedTuple):
    """What is known of the input that a price depends on."""

    width: int
    height: int
    """In pixels."""
    seconds: float


ASSUMED = Measured(1024, 1024, 5.0)
"""Where nobody looks at the input. Source: facts.md sections 12 and 14."""


def price(model: Model, body: Mapping[str, Any], measured: Measured = ASSUMED) -> int:
    """Whole credits for a valid body."""
    rule = model.price
    base = rule["credits"]
    if not isinstance(base, int):
        base = base[rule.get("join", "-").join(filter(None, (_key_part(part, body) for part in rule["by"])))]
    count: int = count_of(rule["count"], body) if "count" in rule else 1
    if "megapixels" in rule:
        count *= _blocks(rule["megapixels"], body, measured)
    seconds = float(value_of({"default": measured.seconds, **rule["seconds"]}, body)) if "seconds" in rule else 1
    return math.ceil(round(int(base) * count * seconds, 6))


def _blocks(rule: Mapping[str, Any], body: Mapping[str, Any], measured: Measured) -> int:
    """The started blocks of so many megapixels of the output."""
    scale, per = float(value_of(rule["scale"], body)), float(rule["per"])
    return math.ceil(measured.width * measured.height * scale * scale / (per * MEGAPIXEL))


def cost_range(model: Model) -> CostRange:
    """The catalogue's costMin, costMax and pricingMode."""
    base = model.price["credits"]
    amounts = [base] if isinstance(base, int) else list(base.values())
    mode = "per-second" if "seconds" in model.price else "per-output" if "count" in model.price else "flat"
    return CostRange(mode, min(amounts), max(amounts))


def catalogue_entry(model: Model) -> dict[str, Any]:
    """One entry of the catalogue. Source: facts.md section 19."""
    costs = cost_range(model)
    return {
        "id": model.id,
        "label": model.label,
        "modality": model.modality,
        "costMin": costs.least,
        "costMax": costs.most,
        "pricingMode": costs.mode,
    }


def count_of(rule: int | Mapping[str, Any], body: Mapping[str, Any]) -> int:
    """A number that stands in the table, or in the parameter that the table names."""
    return rule if isinstance(rule, int) else int(value_of(rule, body))


def value_of(reference: Mapping[str, Any], body: Mapping[str, Any]) -> Any:
    """What a parameter is set to, or its default; *reference* holds `param` (a dotted path) and `default`."""
    value = value_at(body, reference["param"].split("."), ABSENT) if "param" in reference else ABSENT
    return reference["default"] if value is ABSENT else value


def value_at(body: Any, path: Sequence[str], absent: Any = None) -> Any:
    """What stands at a path of field names; *absent* where a step is left out, or for an empty path."""
    for step in path:
        if not isinstance(body, Mapping) or step not in body:
            return absent
        body = body[step]
    return body if path else absent


def _key_part(part: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    value = value_of(part, body)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    mapped = part["map"].get(text) if "map" in part else text
    return None if mapped is None else f"{mapped}{part.get('suffix', '')}"
