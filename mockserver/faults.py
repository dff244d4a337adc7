"""The fault rules of a running mock, and how often each was met."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

from mockserver.clock import Clock
from mockserver.core.accounts import KeyName
from mockserver.core.directives import Directives
from mockserver.core.documents import DocumentCheck, DocumentError, Mistake
from mockserver.core.faults import AnswerFault, Rule, answer_at, orders_at, read_rule, rule_of, written
from mockserver.core.jsontext import encode, parse
from mockserver.core.matching import Seen, differences
from mockserver.schemas import control_schema

MAX_RULES = 1000


class Tally(NamedTuple):
    """How often a rule was met, in all processes together."""

    matched: int
    fired: int


class Counting(Protocol):
    """What counts how often rules were met: the store, where several processes share it."""

    async def next_number(self, counter: str) -> int:
        """Count one more; how many there are now."""

    async def numbers(self, counters: Sequence[str]) -> list[int]:
        """How far each has counted."""


class OwnCounting:
    """Counts for this process alone."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()

    async def next_number(self, counter: str) -> int:
        self._numbers[counter] += 1
        return self._numbers[counter]

    async def numbers(self, counters: Sequence[str]) -> list[int]:
        return [self._numbers[counter] for counter in counters]


class Faults:
    """Rules in the order in which they were added; *seed* makes what they do by chance repeatable."""

    def __init__(self, clock: Clock, seed: int, counting: Counting | None = None) -> None:
        self._clock, self._counting = clock, counting or OwnCounting()
        self.seed = seed
        self._rules: dict[str, Rule] = {}
        self._marks: dict[str, str] = {}
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

    def mark(self, rule_id: str) -> str:
        """What tells a rule from all others, those of the same id before and after it among them; none: empty."""
        return self._marks.get(rule_id, "")

    async def tally(self, rule_id: str) -> Tally:
        """How often the rule was met so far."""
        mark = self._marks[rule_id]
        return Tally(*await self._counting.numbers([_met(mark), _fired(mark)]))

    def told(self) -> bytes:
        """All rules, as `take` reads them; empty where there were none."""
        if not (self._rules or self._named):
            return b""
        rules = [{**written(rule), "mark": self._marks[rule.id]} for rule in self._rules.values()]
        return encode({"named": self._named, "rules": rules})

    async def take(self, told: bytes) -> None:
        """Go on with the rules that another process has told."""
        value: dict[str, Any] = parse(told).value if told else {"named": 0, "rules": []}
        self._named = value["named"]
        self._rules = {each["id"]: rule_of(each) for each in value["rules"]}
        self._marks = {each["id"]: each["mark"] for each in value["rules"]}
        self._sort_out()

    def add(
        self, documents: Iterable[Any], origin: str = "api", key: KeyName | None = None, tag: str = ""
    ) -> list[Rule]:
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
            self._marks[rule.id] = secrets.token_hex(6)
        self._sort_out()
        return added

    def read(
        self, documents: Iterable[Any], origin: str = "api", key: KeyName | None = None, tag: str = ""
    ) -> list[Rule]:
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
            del self._rules[rule_id], self._marks[rule_id]
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
                fault = answer_at(rule, await self._met(rule), self.seed)
                if fault is not None:
                    await self._note(rule)
                    found.append((rule.id, fault))
                    if fault.replaces:
                        break
        return found

    async def at_job(self, seen: Seen, orders: Directives) -> tuple[Directives, tuple[str, ...]]:
        """The orders of a job that is about to be made, and the rules that gave them."""
        fired: list[str] = []
        for rule in self.of_jobs:
            if rule.is_active(self._clock.now()) and not differences(rule.match, seen):
                changed = orders_at(rule, await self._met(rule), self.seed, orders)
                if changed is not None:
                    await self._note(rule)
                    orders = changed
                    fired.append(rule.id)
        return orders, tuple(fired)

    async def _met(self, rule: Rule) -> int:
        return await self._counting.next_number(_met(self._marks[rule.id]))

    async def _note(self, rule: Rule) -> None:
        await self._counting.next_number(_fired(self._marks[rule.id]))


def _met(mark: str) -> str:
    return f"met {mark}"


def _fired(mark: str) -> str:
    return f"fired {mark}"


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
