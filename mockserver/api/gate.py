"""What stands between a request and its handler: who is calling, then the faults that were ordered.

Order of the checks: docs/design.md. A fault comes after the key and its rate limit, and before all else.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from mockserver.api.auth import caller_of
from mockserver.api.errors import refuse, unasked
from mockserver.core.catalog import MODEL
from mockserver.core.errors import Refusal
from mockserver.core.faults import AnswerFault, Respond
from mockserver.core.jsontext import encode, parse
from mockserver.core.matching import Seen
from mockserver.faults import Faults
from mockserver.http.answers import JSON, Answer
from mockserver.http.request import Request
from mockserver.http.router import Handler
from mockserver.http.sending import dropped, shaped
from mockserver.service import Service

_TEXT, _HTML = b"text/plain; charset=utf-8", b"text/html; charset=utf-8"
_PAGE = """<html>\r
<head><title>{status} {reason}</title></head>\r
<body>\r
<center><h1>{status} {reason}</h1></center>\r
<hr><center>nginx</center>\r
</body>\r
</html>\r
"""
_REASONS = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


class Gate:
    """Makes handlers of what answers: `keyed` for callers with a key, `open` for everybody."""

    def __init__(self, service: Service, faults: Faults) -> None:
        self._service, self._faults = service, faults
        operations, models = service.catalog.operations, service.catalog.models
        self._acting = {
            id_: row.shown for id_, rows in models.items() if operations[id_].choose != MODEL for row in rows.values()
        }
        """Operations whose bodies name no model, and the model that their jobs are of."""

    def keyed(self, operation: str, handle: Handler) -> Handler:
        """A handler for whoever has a key; `request.caller` says who."""
        service, faults = self._service, self._faults

        async def enter(request: Request) -> Answer:
            request.operation = operation
            request.caller = await caller_of(service, request)
            if faults.of_answers:
                return await self._struck(request, handle)
            return await handle(request)

        return enter

    def open(self, operation: str, handle: Handler) -> Handler:
        """A handler for everybody."""
        faults, service = self._faults, self._service

        async def enter(request: Request) -> Answer:
            request.operation = operation
            if service.sharing is not None:
                await service.sharing.catch_up()
            if faults.of_answers:
                return await self._struck(request, handle)
            return await handle(request)

        return enter

    async def stray(self, request: Request) -> Answer:
        """Answers where nothing does: a gateway that is down is down for every path."""
        refusal = request.stray

        async def refused(_: Request) -> Answer:
            raise refusal

        return await self._struck(request, refused) if self._faults.of_answers else await refused(request)

    async def _struck(self, request: Request, handle: Handler) -> Answer:
        """The handler's answer, or what the faults make of it."""
        found = await self._faults.at_answer(await self._seen(request))
        if not found:
            return await handle(request)
        request.fired = tuple(rule for rule, _ in found)
        delay_s = sum(fault.delay_s for _, fault in found)
        if delay_s:
            await asyncio.sleep(delay_s)
        if any(fault.spares_the_work for _, fault in found):
            await self._body(request)  # for the journal: the handler, which would have read it, never runs
            answer = Answer(200)
        else:
            try:
                answer = await handle(request)
            except Refusal as refusal:
                answer = refuse(refusal, request)
        for _, fault in found:
            answer = await self._changed(answer, fault, request)
        return answer

    async def _seen(self, request: Request) -> Seen:
        body = None
        if any(rule.match.needs_body for rule in self._faults.of_answers):
            body = await self._body(request)
        return Seen(
            request.method,
            request.path_text,
            request.operation,
            request.caller.key.digest if request.caller else "",
            {name.lower(): value for name, value in request.headers.items()},
            body,
            model=self._acting.get(request.operation, ""),
        )

    async def _body(self, request: Request) -> Any:
        """The JSON value of the body; none where there is none, or where the handler will refuse it."""
        if request.method != "POST":
            return None
        try:
            return parse(await request.json_body()).value
        except (Refusal, ValueError):
            return None

    async def _changed(self, answer: Answer, fault: AnswerFault, request: Request) -> Answer:
        if fault.respond is not None:
            answer = await self._ordered(fault.respond, request)
        elif fault.gateway is not None:
            page = _PAGE.format(status=fault.gateway, reason=_REASONS[fault.gateway])
            answer = Answer(fault.gateway, page.encode(), (("Server", "nginx"),), content_type=_HTML)
        elif fault.drop:
            return dropped(answer)
        if fault.is_malformed:
            answer.content = (answer.content[:-1] or b"{") + b","
        if fault.content_type:
            answer.kind = fault.content_type.encode("latin-1")
        if fault.truncate is not None or fault.drip_s:
            answer = shaped(answer, fault.truncate, fault.drip_s)
        return answer

    async def _ordered(self, respond: Respond, request: Request) -> Answer:
        kind = respond.content_type.encode("latin-1")
        if respond.has_body:
            is_text = isinstance(respond.body, str)
            body = respond.body.encode("utf-8", "replace") if is_text else encode(respond.body)
            answer = Answer(respond.status, body, content_type=kind or (_TEXT if is_text else JSON))
        else:
            balance = await self._service.balance(request.caller.team.id) if request.caller else 0
            answer = unasked(respond.status, balance, request.operation)
            answer.kind = kind or answer.kind
        answer.extra = _joined(answer.extra, dict(respond.headers))
        return answer


def _joined(own: tuple[tuple[str, str], ...], given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    names = {name.lower() for name in given}
    return (*((name, value) for name, value in own if name.lower() not in names), *given.items())
