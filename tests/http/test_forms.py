"""Forms come in part by part, and a form that is not whole is refused in one documented way."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mockserver.api.errors import refuse
from mockserver.http.answers import Answer, json_answer
from mockserver.http.forms import BLOCK_BYTES, FIELD_BYTES, MOST_PARTS, FormField, form_parts
from mockserver.http.request import Request
from mockserver.http.router import Route, Router
from mockserver.http.server import Area, HttpServer, Limits
from tests.api.wire import asked, connected

MOST = 2_000_000
FIELD = b'Content-Disposition: form-data; name="n"\r\n\r\nv'
FILE = b'Content-Disposition: form-data; name="f"; filename="a.png"\r\n\r\nfile'


async def read_form(request: Request) -> Answer:
    """All parts; of a file called `skipped` nothing is read."""
    parts: list[Any] = []
    async for part in form_parts(request, most_bytes=MOST):
        if isinstance(part, FormField):
            parts.append(list(part))
        elif part.filename == "skipped":
            parts.append([part.name])
        else:
            sizes = [len(chunk) async for chunk in part.chunks()]
            assert 0 < max(sizes, default=1) <= BLOCK_BYTES + 100
            parts.append([part.name, part.filename, sum(sizes)])
    return json_answer(200, {"parts": parts, "kept": len(request.so_far()[0])})


@pytest.fixture
async def url() -> AsyncIterator[str]:
    router = Router([Route("POST", "/form", read_form)])
    area = Area("", router, refuse, lambda _: None, is_open_to_browsers=True)
    runner = web.ServerRunner(HttpServer([area], Limits(100, body_timeout_s=0.2)), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


def form(*parts: bytes, end: bytes = b"--B--\r\n", more: bytes = b"", kind: bytes = b"boundary=B") -> bytes:
    """A request with a form; *more* header lines take the place of its Content-Length."""
    body = b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + end
    more = more or b"Content-Length: %d\r\n" % len(body)
    return b"POST /form HTTP/1.1\r\nHost: mock\r\nContent-Type: multipart/form-data; %b\r\n%b\r\n%b" % (
        kind,
        more,
        body,
    )


def problem(text: str, place: str = "body") -> dict[str, Any]:
    return {"error": "Validation error", "details": {place: [text]}}


async def test_parts_come_in_their_order_and_files_in_chunks(url: str) -> None:
    data = aiohttp.FormData({"name": "Ada & ä"}, quote_fields=False)
    data.add_field("file", b"\0" * 1_000_000, filename="../../ü.png", content_type="text/nonsense")
    data.add_field("skip", b"\r\n--" * 100_000, filename="skipped")
    data.add_field("none", b"", filename="")
    async with aiohttp.ClientSession(url) as http, http.post("/form", data=data) as answer:
        assert await answer.json() == {
            "parts": [["name", "Ada & ä"], ["file", "../../ü.png", 1_000_000], ["skip"], ["none", "", 0]],
            "kept": 0,
        }


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_the_pieces_of_the_network_make_no_difference(url: str, size: int) -> None:
    sent = form(FIELD, FILE, end=b"--B--\r\nafter the end")
    async with connected(url) as wire:
        for start in range(0, len(sent), size):
            await wire.send(sent[start : start + size])
            await asyncio.sleep(0)
        assert (await wire.reply()).json == {"parts": [["n", "v"], ["f", "a.png", 4]], "kept": 0}


async def test_whoever_asks_before_sending_is_told_to_go_on(url: str) -> None:
    head, body = form(FIELD).split(b"\r\n\r\n", 1)
    async with connected(url) as wire:
        await wire.send(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await wire.ask(body)).status == 200


WANTED = ": expected multipart/form-data with a boundary"
BROKEN = {
    "no boundary": (form(FIELD, kind=b"x=y"), f'Invalid content type "multipart/form-data; x=y"{WANTED}'),
    "a boundary that is no text": (
        form(FIELD, kind=b"boundary=\xff"),
        f'Invalid content type "multipart/form-data; boundary=\udcff"{WANTED}',
    ),
    "another boundary": (form(FIELD, kind=b"boundary=C"), "Malformed form: it ends before its last boundary"),
    "an empty body": (form(end=b""), "Malformed form: it ends before its last boundary"),
    "no last boundary": (form(FILE, end=b""), "Malformed form: it ends before its last boundary"),
    "half a last boundary": (form(FILE, end=b"--B"), "Malformed form: it ends before its last boundary"),
    "a part without a name": (form(b"\r\nv"), "Malformed form: Missing Content-Disposition segment header"),
    "a header without a colon": (form(b"nothing\r\n\r\nv"), "Malformed form: Malformed segment header"),
    "an endless header": (form(b"A" * 5000), "Malformed form: Maximum segment header length exceeded"),
    "too many parts": (form(*[FIELD] * (MOST_PARTS + 1)), "Malformed form: Maximum segment count exceeded"),
    "a long boundary": (
        form(FIELD, kind=b"boundary=" + b"b" * 1000),
        "Malformed form: it ends before its last boundary",
    ),
    "too much said": (form(more=b"Content-Length: 2000001\r\n"), f"Too big: expected form to have <={MOST} bytes"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_form_that_is_not_whole_is_refused(url: str, case: str) -> None:
    sent, text = BROKEN[case]
    reply = await asked(url, sent)
    assert (reply.status, reply.json) == (400, problem(text))


async def test_another_kind_of_body_is_refused(url: str) -> None:
    async with aiohttp.ClientSession(url) as http, http.post("/form", json={"a": 1}) as answer:
        expected = problem(f'Invalid content type "application/json"{WANTED}')
        assert (answer.status, await answer.json()) == (400, expected)


async def test_a_form_that_grows_too_large_is_refused_on_its_way(url: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"--B\r\n" + FILE
        while True:
            yield b"x" * 65_536

    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    async with aiohttp.ClientSession(url) as http, http.post("/form", data=endless(), headers=headers) as answer:
        assert await answer.json() == problem(f"Too big: expected form to have <={MOST} bytes")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\xff", "Invalid input: expected text in UTF-8"),
        (b"v" * (FIELD_BYTES + 1), f"Too big: expected string to have <={FIELD_BYTES} bytes"),
    ],
)
async def test_a_value_that_is_no_text_or_too_long_is_refused_under_its_name(url: str, value: bytes, text: str) -> None:
    reply = await asked(url, form(FIELD[:-1] + value))
    assert (reply.status, reply.json) == (400, problem(text, "n"))


async def test_a_form_that_breaks_off_is_refused(url: str) -> None:
    async with connected(url) as wire:
        await wire.send(form(FILE)[:-10])
        wire.writer.write_eof()
        assert (await wire.reply()).json == problem("Malformed form: it breaks off")


async def test_a_form_that_does_not_arrive_in_time_is_refused_and_the_connection_closed(url: str) -> None:
    async with connected(url) as wire:
        await wire.send(form(FILE)[:-10])
        reply = await wire.reply()
        assert (reply.status, reply.ends_connection) == (408, True)
        assert json.loads(reply.body) == {"error": "Request body did not arrive in time"}
