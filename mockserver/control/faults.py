"""/_mock/faults."""

from collections.abc import Callable, Sequence
from typing import Any

from mockserver.control.levers import PREFIX, Levers, Problem, answer, json_of
from mockserver.core.documents import DocumentError, Mistake
from mockserver.core.faults import Rule, left
from mockserver.core.instants import iso
from mockserver.core.signing import key_digest
from mockserver.faults import Faults
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route


def routes(levers: Levers) -> list[Route]:
    """The routes of fault rules."""
    faults = levers.service.faults

    async def get_faults(request: Request) -> Answer:
        is_meant = _filter(request)
        return answer({"faults": [await shown(faults, rule) for rule in faults.rules() if is_meant(rule)]})

    async def post_faults(request: Request) -> Answer:
        value = await json_of(request)
        is_list = isinstance(value, list)
        async with levers.sharing.turn():
            try:
                added = faults.add(value if is_list else [value])
            except DocumentError as error:
                raise refused(error.mistakes, is_list=is_list) from None
        rows = [await shown(faults, rule) for rule in added]
        return answer({"faults": rows} if is_list else rows[0], 201)

    async def delete_faults(request: Request) -> Answer:
        is_meant = _filter(request)
        async with levers.sharing.turn():
            faults.remove(is_meant)
        return Answer(204)

    async def delete_fault(request: Request) -> Answer:
        rule_id = request.path_values["id"]
        async with levers.sharing.turn():
            removed = faults.remove(lambda rule: rule.id == rule_id)
        if not removed:
            raise Problem(404, "No such rule", f'there is no rule "{rule_id[:80]}"; GET {PREFIX}/faults lists them')
        return Answer(204)

    return [
        Route("GET", f"{PREFIX}/faults", get_faults),
        Route("POST", f"{PREFIX}/faults", post_faults),
        Route("DELETE", f"{PREFIX}/faults", delete_faults),
        Route("DELETE", f"{PREFIX}/faults/{{id}}", delete_fault),
    ]


def refused(mistakes: Sequence[Mistake], *, is_list: bool = True) -> Problem:
    """The problem of a document that will not do; of a single rule, places say no number."""
    if not is_list:
        mistakes = [Mistake(m.place.removeprefix("[0]").removeprefix("."), m.text) for m in mistakes]
    errors: dict[str, list[str]] = {}
    for mistake in mistakes:
        errors.setdefault(mistake.place, []).append(mistake.text)
    return Problem(400, "Invalid document", "; ".join(map(str, mistakes)), errors=errors)


async def shown(faults: Faults, rule: Rule) -> dict[str, Any]:
    """A rule as JSON: as it was given, its key shortened, with how often it was met."""
    tally = await faults.tally(rule.id)
    window: dict[str, Any] = {}
    if "from" in rule.given:
        window["begins"] = iso(rule.begins_at)
    if "for" in rule.given:
        window["ends"] = iso(rule.ends_at)
    counts = {"matched": tally.matched, "fired": tally.fired, "left": left(rule, tally.matched)}
    return {**rule.given, **window, "origin": rule.origin, **counts}


def _filter(request: Request) -> Callable[[Rule], bool]:
    sent = request.single_values()
    digest = key_digest(sent["key"]) if "key" in sent else ""
    origin = sent.get("origin", "")
    return lambda rule: (not digest or rule.match.digest == digest) and origin in ("", rule.origin)
