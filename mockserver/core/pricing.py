"""What a job costs, and what the catalogue says that it may cost. The rule's form: schemas/models.schema.json."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from mockserver.core.catalog import Model


class CostRange(NamedTuple):
    """Credits at the cheapest and the dearest setting; what they are for is said by `mode`."""

    mode: str
    """`flat`: the whole job; `per-output`: one file; `per-second`: one second."""
    least: int
    most: int


def price(model: Model, body: Mapping[str, Any]) -> int:
    """Whole credits for a valid body."""
    rule = model.price
    base = rule["credits"]
    if not isinstance(base, int):
        base = base[rule.get("join", "-").join(filter(None, (_key_part(part, body) for part in rule["by"])))]
    count = count_of(rule["count"], body) if "count" in rule else 1
    seconds = float(value_of(rule["seconds"], body)) if "seconds" in rule else 1
    return math.ceil(int(base) * count * seconds)


def cost_range(model: Model) -> CostRange:
    """The catalogue's costMin, costMax and pricingMode."""
    base = model.price["credits"]
    amounts = [base] if isinstance(base, int) else list(base.values())
    mode = "per-second" if "seconds" in model.price else "per-output" if "count" in model.price else "flat"
    return CostRange(mode, min(amounts), max(amounts))


def count_of(rule: int | Mapping[str, Any], body: Mapping[str, Any]) -> int:
    """A number that stands in the table, or in the parameter that the table names."""
    return rule if isinstance(rule, int) else int(value_of(rule, body))


def value_of(reference: Mapping[str, Any], body: Mapping[str, Any]) -> Any:
    """What a parameter is set to, or its default; *reference* holds `param` (a dotted path) and `default`."""
    node: Any = body
    for step in reference["param"].split("."):
        if not isinstance(node, Mapping) or step not in node:
            return reference["default"]
        node = node[step]
    return node


def _key_part(part: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    value = value_of(part, body)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    mapped = part["map"].get(text) if "map" in part else text
    return None if mapped is None else f"{mapped}{part.get('suffix', '')}"
