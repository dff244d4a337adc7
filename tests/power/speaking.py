"""Defects in how HTTP is spoken, and in what odd input does: HDR, ROBUST."""

import json
import math
import sys
import unicodedata
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from aiohttp.http_exceptions import LineTooLong

from mockserver import service as verbs
from mockserver.api import errors as answers
from mockserver.api import jobs
from mockserver.core.errors import MethodNotAllowed, PathNotFound, Refusal
from mockserver.core.jobs import Job
from mockserver.core.jsontext import Parsed, parse
from mockserver.http import connection
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Handler
from mockserver.http.server import HttpServer
from mockserver.service import Service
from mockserver.stores.protocol import Caller
from tests.power import planting
from tests.power.planting import Defect, Swap, around, genuine, is_control

DEFECTS: dict[str, Defect] = {}
breaks = partial(planting.breaks, defects=DEFECTS)

HTML = b"text/html; charset=utf-8"
BROKEN_FOR = 5
"""Requests that a server answers 500 after it was harmed."""


# HDR


@breaks("HDR-1")
def json_as_text() -> list[Swap]:
    """A job is answered as text/plain."""

    async def shown(_: Service, request: Request, handler: Handler) -> Answer:
        answer = await handler(request)
        answer.kind = b"text/plain; charset=utf-8"
        return answer

    return [around(jobs, shown, "/v2/jobs/{id}")]


@breaks("HDR-2")
def request_id_repeats() -> list[Swap]:
    """Two answers running carry the same x-request-id."""
    finish, numbers = HttpServer.finished, count()

    def finished(self: HttpServer, answer: Answer, request: Request, *, cors: bool) -> Answer:
        if not is_control(request):
            request.id = f"req_{next(numbers) // 2:020x}"
        return finish(self, answer, request, cors=cors)

    return [Swap(HttpServer, "finished", finished)]


@breaks("HDR-3")
def wrong_method_is_404() -> list[Swap]:
    """A path that exists is answered 404 where the method is wrong."""
    refuse = answers.refuse

    def unknown(refusal: Refusal, request: Request) -> Answer:
        return refuse(PathNotFound() if isinstance(refusal, MethodNotAllowed) else refusal, request)

    return [Swap(answers, "refuse", unknown)]


@breaks("HDR-4")
def unknown_path_is_html() -> list[Swap]:
    """An unknown path is answered with a page for people."""
    refuse = answers.refuse

    def page(refusal: Refusal, request: Request) -> Answer:
        if isinstance(refusal, PathNotFound):
            return Answer(404, b"<!doctype html><title>404</title><h1>Not found</h1>", content_type=HTML)
        return refuse(refusal, request)

    return [Swap(answers, "refuse", page)]


@breaks("HDR-5")
def server_named() -> list[Swap]:
    """Answers name the framework that made them."""
    finish = HttpServer.finished

    def finished(self: HttpServer, answer: Answer, request: Request, *, cors: bool) -> Answer:
        if not is_control(request):
            answer.extra = (*answer.extra, ("Server", "Python/3 aiohttp/3"))
        return finish(self, answer, request, cors=cors)

    return [Swap(HttpServer, "finished", finished)]


# ROBUST


@breaks("ROBUST-1")
def broken_json_is_500() -> list[Swap]:
    """A body that is no JSON is answered 500; one that is no UTF-8, holds NUL or is nested too deeply is not."""

    def parsed(raw: bytes) -> Parsed:
        try:
            return parse(raw)
        except json.JSONDecodeError as error:
            if b"\0" in raw:
                raise
            raise BugError from error

    return [Swap(verbs, "parse", parsed)]


class BugError(Exception):
    """What nothing catches."""


@breaks("ROBUST-3")
def no_body_limit() -> list[Swap]:
    """A body of any size is read, and taken when it is valid."""
    read = Request.json_body

    async def json_body(self: Request) -> bytes:
        self._client_max_size = sys.maxsize
        return await read(self)

    return [Swap(Request, "json_body", json_body)]


@breaks("ROBUST-4")
def prompt_normalised() -> list[Swap]:
    """A prompt is kept in Unicode's composed form and without zero-width characters."""
    drawn = genuine(Service, "_draw_job")
    invisible = dict.fromkeys([0x200B, 0x200C, 0x200D, 0xFEFF])

    def draw_job(self: Service, caller: Caller, order: Any, now: float) -> Job:
        body = dict(order.body)
        if "prompt" in body:
            body["prompt"] = unicodedata.normalize("NFC", body["prompt"].translate(invisible))
        job: Job = drawn(self, caller, order._replace(body=body), now)
        return job

    return [Swap(Service, "_draw_job", draw_job)]


@breaks("ROBUST-6")
def deep_json_is_500() -> list[Swap]:
    """A body nested too deeply for the parser is answered 500."""

    def parsed(raw: bytes) -> Parsed:
        try:
            return parse(raw)
        except ValueError as error:
            if str(error) == "nested too deeply":
                raise RecursionError from error
            raise

    return [Swap(verbs, "parse", parsed)]


@breaks("ROBUST-7")
def nul_is_500() -> list[Swap]:
    """A NUL in a prompt or in a path's job id is answered 500, as by a database that cannot hold it."""
    drawn, look = genuine(Service, "_draw_job"), Service.job

    def draw_job(self: Service, caller: Caller, order: Any, now: float) -> Job:
        if "\0" in order.body.get("prompt", ""):
            raise BugError
        job: Job = drawn(self, caller, order, now)
        return job

    async def job(self: Service, caller: Caller, job_id: str) -> Job:
        if "\0" in job_id:
            raise BugError
        return await look(self, caller, job_id)

    return [Swap(Service, "_draw_job", draw_job), Swap(Service, "job", job)]


@breaks("ROBUST-8")
def bad_utf8_replaced() -> list[Swap]:
    """A body that is no UTF-8 is taken, with U+FFFD for what cannot be read."""

    def parsed(raw: bytes) -> Parsed:
        return parse(raw.decode("utf-8", "replace").encode())

    return [Swap(verbs, "parse", parsed)]


@breaks("ROBUST-9")
def long_header_is_html() -> list[Swap]:
    """A header or request line that is too long is answered with a page that repeats its start."""
    malformed = HttpServer.on_malformed

    def on_malformed(self: HttpServer, request: Request, status: int, exc: BaseException | None) -> Answer:
        if not isinstance(exc, LineTooLong):
            return malformed(self, request, status, exc)
        page = f"<!doctype html><title>431</title><h1>Header too large</h1><p>{exc}</p>"
        answer = Answer(431, page.encode(), content_type=HTML)
        answer.force_close()
        return self.finished(answer, request, cors=True)

    return [Swap(HttpServer, "on_malformed", on_malformed)]


@breaks("ROBUST-10")
def huge_number_is_500() -> list[Swap]:
    """A number beyond a double's range in a body is answered 500."""

    def parsed(raw: bytes) -> Parsed:
        found = parse(raw)
        for value in values_within(found.value):
            if isinstance(value, float):
                math.trunc(value)  # what fails for an infinite one
        return found

    return [Swap(verbs, "parse", parsed)]


def values_within(value: Any) -> Iterator[Any]:
    """Every value below one, however deep."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())


@breaks("ROBUST-11")
def both_lengths_is_500() -> list[Swap]:
    """A request with a wrong Content-Length, or with Transfer-Encoding beside it, is answered 500."""
    malformed = HttpServer.on_malformed

    def on_malformed(self: HttpServer, request: Request, status: int, exc: BaseException | None) -> Answer:
        is_about_length = status < 500 and "content-length" in str(exc).lower()
        return malformed(self, request, 500 if is_about_length else status, exc)

    return [Swap(HttpServer, "on_malformed", on_malformed)]


@breaks("ROBUST-12")
def proto_passes() -> list[Swap]:
    """The fields `__proto__`, `constructor` and `prototype` are dropped without a word."""
    dropped = ("__proto__", "constructor", "prototype")

    def without(value: Any) -> Any:
        return {k: v for k, v in value.items() if k not in dropped} if isinstance(value, dict) else value

    def parsed(raw: bytes) -> Parsed:
        found = parse(raw)
        body = without(found.value)
        if isinstance(body, dict):
            body = {name: without(value) for name, value in body.items()}
        return found._replace(value=body)

    return [Swap(verbs, "parse", parsed)]


@breaks("ROBUST-14")
def client_gone_breaks_server() -> list[Swap]:
    """After a client hung up in the middle of a request or an answer, the next five requests are answered 500."""
    kept = genuine(connection, "Connection")
    lost, ended, answered = kept.connection_lost, kept.eof_received, genuine(HttpServer, "_answer")
    broken: WeakKeyDictionary[HttpServer, int] = WeakKeyDictionary()

    def connection_lost(self: Any, exc: BaseException | None) -> None:
        if exc is not None and self._manager is not None:
            broken[self._manager] = BROKEN_FOR
        lost(self, exc)

    def eof_received(self: Any) -> bool | None:
        is_begun = bool(self._request_count) and self._waiter is None and self.body.is_eof()
        if self._current_request is not None or is_begun:  # an answer is owed
            broken[self._manager] = BROKEN_FOR
        is_kept: bool | None = ended(self)
        return is_kept

    async def answer(self: HttpServer, request: Request) -> Answer:
        if broken.get(self, 0) > 0 and not is_control(request):
            broken[self] -= 1
            return self.on_malformed(request, 500, BugError("the connection of a client who left is still in use"))
        given: Answer = await answered(self, request)
        return given

    return [
        Swap(kept, "connection_lost", connection_lost),
        Swap(kept, "eof_received", eof_received),
        Swap(HttpServer, "_answer", answer),
    ]
