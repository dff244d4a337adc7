"""/_mock/requests: the journal, waiting for what is to come, and whether what was wanted came."""

from collections.abc import Mapping
from typing import Any

from mockserver.control.har import har_of
from mockserver.control.levers import PREFIX, Body, Levers, Problem, answer
from mockserver.control.queries import MATCH_FIELDS, match_in, match_of, number_in, patience_in, patience_s, query_of
from mockserver.control.records import line, shown
from mockserver.control.search import Part, Search, misses_of
from mockserver.core.accounts import shown_prefix
from mockserver.core.jsontext import encode
from mockserver.core.matching import Match
from mockserver.core.signing import key_digest
from mockserver.core.verification import Wanted, explained
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route

DEFAULT_LIMIT, MOST_AT_ONCE = 100, 10_000
_COUNT = {"type": "integer", "minimum": 0}
_VERIFY = Body(
    match={"type": "object"},
    count={
        "type": ["integer", "object"],
        "minimum": 0,
        "properties": {"min": _COUNT, "max": _COUNT},
        "additionalProperties": False,
        "minProperties": 1,
    },
    order={"type": "array", "minItems": 1, "maxItems": 100, "items": {"type": "object"}},
    wait={"type": "string"},
    key={"type": "string", "minLength": 1, "maxLength": 200},
    since=_COUNT,
)


def routes(levers: Levers) -> list[Route]:
    """The routes of the journal."""
    journal = levers.journal

    async def get_requests(request: Request) -> Answer:
        sent = query_of(request, *MATCH_FIELDS, "since", "limit", "wait", "count")
        search = Search(Part(journal, number_in(sent, "since", 0)), match_in(sent))
        count, limit = number_in(sent, "count", 1, 1), number_in(sent, "limit", DEFAULT_LIMIT)
        patience = patience_in(sent)
        came = await search.wait(count, patience)
        limit = min(limit, MOST_AT_ONCE)
        found = search.found[:limit] if "since" in sent else search.found[max(0, len(search.found) - limit) :]
        return answer(
            {
                "requests": [shown(entry, levers.findings.of(entry.number)) for entry in found],
                "total": len(search.found),
                "last": journal.last,
                "dropped": journal.dropped,
                "timedOut": patience > 0 and not came,
            }
        )

    async def get_har(request: Request) -> Answer:
        sent = query_of(request, *MATCH_FIELDS, "since")
        search = Search(Part(journal, number_in(sent, "since", 0)), match_in(sent))
        await search.look()
        host = request.headers.get("Host", "localhost")
        return answer(har_of(search.found, f"http://{host}"))

    async def delete_requests(_: Request) -> Answer:
        async with levers.sharing.turn():
            await journal.forget()
        return Answer(204)

    async def verify(request: Request) -> Answer:
        body = await _VERIFY.read(request)
        if "order" in body:
            if {"match", "count"} & body.keys():
                raise Problem(400, "Invalid body", "order stands without match and count")
            return await _verified_order(levers, body)
        return await _verified_count(levers, body)

    return [
        Route("GET", f"{PREFIX}/requests", get_requests),
        Route("GET", f"{PREFIX}/requests.har", get_har),
        Route("DELETE", f"{PREFIX}/requests", delete_requests),
        Route("POST", f"{PREFIX}/requests/verify", verify),
    ]


async def _verified_count(levers: Levers, body: Mapping[str, Any]) -> Answer:
    part, fields = _part(levers, body), body.get("match", {})
    match, wanted = _match_in(part, body, fields, "match."), _wanted(body.get("count", {"min": 1}))
    search = Search(part, match)
    await search.wait(wanted.least, patience_s(body.get("wait", "0s")))
    count, numbers = len(search.found), [entry.number for entry in search.found]
    if wanted.holds(count):
        return answer({"count": count, "requests": numbers})
    told = encode({**fields, "key": f"{match.key_prefix}…"} if "key" in fields else fields).decode()
    claim = f"wanted {wanted} of the requests that fit {told}, found {count} among {part.size}"
    if numbers:
        claim += "\nfound:\n" + "\n".join(f"  #{entry.number} {line(entry)}" for entry in search.found[:10])
    misses = await misses_of(part, match) if count < wanted.least else []
    raise _unmet(part, claim, misses, count=count, wanted=str(wanted), requests=numbers)


async def _verified_order(levers: Levers, body: Mapping[str, Any]) -> Answer:
    part = _part(levers, body)
    matches = [_match_in(part, body, fields, f"order[{number}].") for number, fields in enumerate(body["order"])]
    patience = patience_s(body.get("wait", "0s"))
    numbers: list[int] = []
    for place, match in enumerate(matches):
        since = numbers[-1] if numbers else part.since
        search = Search(part._replace(since=since), match)
        if not await search.wait(1, patience):
            told = encode(body["order"][place]).decode()
            after = f" after #{since}" if numbers else ""
            claim = f"wanted {len(matches)} requests in this order; none{after} fits the one at [{place}], {told}"
            early = Search(part, match)
            await early.look()
            if early.found:
                claim += f"; #{early.found[0].number}, which came before, does"
            misses = await misses_of(part, match)
            raise _unmet(part, claim, misses, count=len(numbers), wanted=f"{len(matches)} in order", requests=numbers)
        numbers.append(search.found[0].number)
    return answer({"count": len(numbers), "requests": numbers})


def _wanted(count: Any) -> Wanted:
    if isinstance(count, int):
        return Wanted(count, count)
    wanted = Wanted(count.get("min", 0), count.get("max"))
    if wanted.most is not None and wanted.most < wanted.least:
        raise Problem(400, "Invalid body", f"count: min {wanted.least} is more than max {wanted.most}")
    return wanted


def _part(levers: Levers, body: Mapping[str, Any]) -> Part:
    return Part(levers.journal, body.get("since", 0), key_digest(body["key"]) if "key" in body else "")


def _match_in(part: Part, body: Mapping[str, Any], fields: Any, place: str) -> Match:
    """A match, of the key whose part is looked at where it names none."""
    match = match_of(fields, place)
    if not part.digest or match.digest:
        return match
    return match._replace(digest=part.digest, key_prefix=shown_prefix(body["key"]))


def _unmet(part: Part, claim: str, misses: list[Any], **more: Any) -> Problem:
    detail = explained(claim, misses, recorded=part.size, dropped=part.journal.dropped)
    rows = [
        {"number": miss.number, "request": miss.line, "differences": [each._asdict() for each in miss.differences]}
        for miss in misses
    ]
    return Problem(409, "Not as wanted", detail, nearest=rows, **more)
