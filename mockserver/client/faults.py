"""Fault rules, as levers."""

from collections.abc import Mapping
from typing import Any

from mockserver.client.live import Live
from mockserver.client.values import Span, span_text, without_none
from mockserver.client.wire import ControlError, Wire, escaped

OF_MATCH = ("method", "path", "operation", "model", "key", "prompt", "headers", "body", "call")
"""Fields of a rule that say which requests are meant, and stand in its `match`."""
SPANS = ("delay", "drip", "from", "for")
SPELLED = {"from_": "from", "for_": "for", "content_type": "contentType"}
"""Names that Python does not take, or that people write otherwise there."""


class Fault:
    """One rule."""

    def __init__(self, wire: Wire, row: Mapping[str, Any]) -> None:
        self._wire = wire
        self.id = str(row["id"])
        self.rule = row
        """The rule as the control plane showed it."""

    @property
    def matched(self) -> int:
        """How many requests it was about so far."""
        return int(self._look()["matched"])

    @property
    def fired(self) -> int:
        """How often it did something so far."""
        return int(self._look()["fired"])

    @property
    def left(self) -> int | None:
        """How often it will, none where no number says."""
        left: int | None = self._look()["left"]
        return left

    def remove(self) -> None:
        """End it.

        Raises:
            ControlError: it is gone already.
        """
        self._wire.ask("DELETE", f"faults/{escaped(self.id)}")

    def _look(self) -> Mapping[str, Any]:
        rows: list[dict[str, Any]] = self._wire.ask("GET", "faults")["faults"]
        for row in rows:
            if row["id"] == self.id:
                return row
        msg = f'there is no rule "{self.id}" any more'
        raise ControlError(msg)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fault) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Fault {self.id}: {dict(self.rule)}>"


class FaultLevers(Live[Fault]):
    """The rules that are there, oldest first; of a view of one key, the rules for this key."""

    def __init__(self, wire: Wire, scope: str) -> None:
        self._wire, self._scope = wire, scope

    def add(self, rule: Mapping[str, Any] | None = None, /, **fields: Any) -> Fault:
        """Add a rule, as docs/faults.md tells them: whole, by its fields, or both.

        The fields of `match` may stand beside the others: `add(method="POST", model="flux-*", respond=503, times=2)`.
        `respond` is a status or an answer; `from_`, `for_` and `content_type` are `from`, `for` and `contentType`;
        spans may be numbers of seconds.

        Raises:
            ControlError: the rule will not do; the text says where, and what would.
        """
        return Fault(self._wire, self._wire.ask("POST", "faults", rule_of({**(rule or {}), **fields}, self._scope)))

    def remove(self, fault: Fault | str) -> None:
        """End a rule.

        Raises:
            ControlError: there is none of this id.
        """
        self._wire.ask("DELETE", f"faults/{escaped(fault if isinstance(fault, str) else fault.id)}")

    def clear(self) -> None:
        """End all of them."""
        self._wire.ask("DELETE", "faults", query=self._query())

    def _rows(self) -> list[Fault]:
        return [Fault(self._wire, row) for row in self._wire.ask("GET", "faults", query=self._query())["faults"]]

    def _query(self) -> dict[str, str]:
        return {"key": self._scope} if self._scope else {}


def rule_of(fields: Mapping[str, Any], key: str = "") -> dict[str, Any]:
    """A rule in its JSON form, for one key where one is given."""
    rule = {SPELLED.get(name, name): value for name, value in fields.items()}
    beside = {name: rule.pop(name) for name in OF_MATCH if name in rule}
    match = without_none({"key": key or None, **rule.pop("match", {}), **beside})
    if isinstance(rule.get("respond"), int):
        rule["respond"] = {"status": rule["respond"]}
    spans = {name: span(rule[name]) for name in SPANS if name in rule}
    return {**({"match": match} if match else {}), **rule, **spans}


def span(value: Span | Mapping[str, Span]) -> Any:
    """A span, or an object of spans."""
    if isinstance(value, Mapping):
        return {name: span_text(each) for name, each in value.items()}
    return span_text(value)
