"""A scenario: what a mock is set to, so that one situation comes about, and what happens as time goes by."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mockserver.core.documents import DocumentCheck, DocumentError, Mistake
from mockserver.core.faults import read_rule


class Scenario(NamedTuple):
    """One situation; every part may be empty."""

    name: str
    about: str
    settings: Mapping[str, Any]
    """By the names of mockserver.toml."""
    credits: int | None
    keys: Sequence[Mapping[str, Any]]
    """As bodies of POST /_mock/keys."""
    faults: Sequence[Mapping[str, Any]]
    """Rules as JSON, those of the timeline among them."""


def read_scenario(document: Any, name: str, check: DocumentCheck, check_rule: DocumentCheck) -> Scenario:
    """The scenario of a JSON or TOML document.

    Raises:
        DocumentError: it will not do, with every mistake and its place.
    """
    check.check(document)
    placed = [(f"faults[{number}]", rule) for number, rule in enumerate(document.get("faults", ()))]
    mistakes: list[Mistake] = []
    for number, step in enumerate(document.get("timeline", ())):
        window = {"from": step["at"]} | ({"for": step["for"]} if "for" in step else {})
        for rule_number, rule in enumerate(step["faults"]):
            place = f"timeline[{number}].faults[{rule_number}]"
            mistakes += [Mistake(f"{place}.{own}", "the step says when") for own in ("from", "for") if own in rule]
            placed.append((place, {**rule, **window}))
    for place, rule in placed:
        mistakes += _mistakes_of(check_rule, place, rule)
    mistakes += _twice([(f"{place}.id", rule.get("id")) for place, rule in placed])
    mistakes += _twice([(f"keys[{number}].key", key["key"]) for number, key in enumerate(document.get("keys", ()))])
    if mistakes:
        raise DocumentError(mistakes)
    return Scenario(
        name,
        document["about"],
        document.get("settings", {}),
        document.get("credits"),
        document.get("keys", ()),
        [rule for _, rule in placed],
    )


def _mistakes_of(check: DocumentCheck, place: str, rule: Any) -> list[Mistake]:
    try:
        check.check(rule)
        read_rule(rule, "rule", 0.0)
    except DocumentError as error:
        return [each._replace(place=_within(place, each.place)) for each in error.mistakes]
    return []


def _twice(names: Sequence[tuple[str, Any]]) -> list[Mistake]:
    """A mistake for each name that an earlier one has already, of names with their places."""
    seen: set[Any] = set()
    found = []
    for place, name in names:
        if name is not None and name in seen:
            found.append(Mistake(place, f'"{name}" stands twice'))
        seen.add(name)
    return found


def _within(place: str, inner: str) -> str:
    """A place below another."""
    return f"{place}.{inner}" if inner and not inner.startswith("[") else f"{place}{inner}"
