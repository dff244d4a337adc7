"""The fault rules of a running mock, and how often each was met."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from mockserver.clock import Clock
from mockserver.core.directives import Directives
from mockserver.core.documents import DocumentCheck, DocumentError, Mistake
from mockserver.core.faults import AnswerFault, Rule, answer_at, orders_at, read_rule
from mockserver.core.matching import Seen, differences
from mockserver.schemas import control_schema

MAX_RULES = 1000


class Tally:
    """How often a rule was met."""

    __slots__ = ("fired", "matched")

    def __init__(self) -> None:
        self.matched = self.fired = 0


class Faults:
    """Rules in the order in which they were added; *seed* makes what they do by chance repeatable."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock, self._seed = clock, seed
        self.on_fired: Callable[[str], None] = lambda _: None
        self._rules: dict[str, Rule] = {}
        self._tallies: dict[str, Tally] = {}
        self._named = 0
        self._sort_out()

    def _sort_out(self) -> None:
        rules = list(self._rules.values())
        self.of_answers = [rule for rule in rules if not rule.is_about_jobs]
        """Those that change answers."""
        self.of_jobs = [rule for rule in rules if rule.is_about_jobs]
        """Those that order what becomes of jobs."""

    def rules(self) -> list[Rule]:
        """Every rule, oldest first."""
        return list(self._rules.values())

    def tally(self, rule_id: str) -> Tally:
        """How often the rule was met so far."""
        return self._tallies[rule_id]

    def add(self, documents: Iterable[Any], origin: str = "api", key: str = "", tag: str = "") -> list[Rule]:
        """Add rules, all or none; of one that names an id which is there, the new one takes its place.

        *key* limits those without a key of their own; *tag* is put behind the ids that they name.

        Raises:
            DocumentError: one of them will not do; places begin with its number where there are several.
        """
        added = self.read(documents, origin, key, tag)
        if len({**self._rules, **{rule.id: rule for rule in added}}) > MAX_RULES:
            raise DocumentError([Mistake("", f"{MAX_RULES} rules are the most; remove some first")])
        for rule in added:
            self._rules.pop(rule.id, None)
            self._rules[rule.id] = rule
            self._tallies[rule.id] = Tally()
        self._sort_out()
        return added

    def read(self, documents: Iterable[Any], origin: str = "api", key: str = "", tag: str = "") -> list[Rule]:
        """The rules of JSON documents, with an id where they have none; nothing is added.

        Raises:
            DocumentError: as above.
        """
        now = self._clock.now()
        rules: list[Rule] = []
        mistakes: list[Mistake] = []
        for number, document in enumerate(documents):
            try:
                check_rule(document)
                own = document["id"] + tag if "id" in document else self._new_id()
                rules.append(read_rule(document, own, now, origin, key))
            except DocumentError as error:
                mistakes += [m._replace(place=_numbered(number, m.place)) for m in error.mistakes]
        if mistakes:
            raise DocumentError(mistakes)
        return rules

    def _new_id(self) -> str:
        while True:
            self._named += 1
            name = f"fault-{self._named}"
            if name not in self._rules:
                return name

    def remove(self, is_meant: Callable[[Rule], bool] = lambda _: True) -> int:
        """Remove the rules that are meant; how many there were."""
        gone = [rule.id for rule in self._rules.values() if is_meant(rule)]
        for rule_id in gone:
            del self._rules[rule_id], self._tallies[rule_id]
        self._sort_out()
        return len(gone)

    def clear(self) -> None:
        """No rules, and names from the start."""
        self.remove()
        self._named = 0

    async def at_answer(self, seen: Seen) -> list[tuple[str, AnswerFault]]:
        """What the rules do to a request's answer, in order, each with its rule; after a replacement comes nothing."""
        found: list[tuple[str, AnswerFault]] = []
        for rule in self.of_answers:
            if rule.is_active(self._clock.now()) and not differences(rule.match, seen):
                fault = answer_at(rule, self._met(rule), self._seed)
                if fault is not None:
                    self._note(rule)
                    found.append((rule.id, fault))
                    if fault.replaces:
                        break
        return found

    async def at_job(self, seen: Seen, orders: Directives) -> tuple[Directives, tuple[str, ...]]:
        """The orders of a job that is about to be made, and the rules that gave them."""
        fired: list[str] = []
        for rule in self.of_jobs:
            if rule.is_active(self._clock.now()) and not differences(rule.match, seen):
                changed = orders_at(rule, self._met(rule), self._seed, orders)
                if changed is not None:
                    self._note(rule)
                    orders = changed
                    fired.append(rule.id)
        return orders, tuple(fired)

    def _met(self, rule: Rule) -> int:
        tally = self._tallies[rule.id]
        tally.matched += 1
        return tally.matched

    def _note(self, rule: Rule) -> None:
        self._tallies[rule.id].fired += 1
        self.on_fired(rule.id)


def check_rule(document: Any) -> None:
    """Return for a document that fits the schema of rules.

    Raises:
        DocumentError: it does not.
    """
    _check().check(document)


@cache
def _check() -> DocumentCheck:
    return DocumentCheck(control_schema("fault"))


def _numbered(number: int, place: str) -> str:
    return f"[{number}].{place}" if place else f"[{number}]"
