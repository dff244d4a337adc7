"""Header lines that are not parsed anew: what comes of them is what aiohttp's parser makes of the same bytes."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from hypothesis import given
from hypothesis import strategies as st

from mockserver.http.heads import MAX_BYTES, MAX_HEAD_BYTES, MAX_KNOWN, UNKNOWN, Heads

NEXT = b"GET /next HTTP/1.1\r\nHost: mock\r\n\r\n"
LINES = st.one_of(
    st.sampled_from(
        [
            b"GET /v2/jobs HTTP/1.1",
            b"GET /v2/jobs/1?limit=2&x=%20 HTTP/1.1",
            b"POST /v2/images/generate HTTP/1.1",
            b"DELETE /a.b~c_d HTTP/1.1",
            b"HEAD / HTTP/1.1",
            b"GET / HTTP/1.0",
            b"GET //two HTTP/1.1",
            b"GET http://else.where/a HTTP/1.1",
            b"GET /a#b HTTP/1.1",
            b"CONNECT mock:80 HTTP/1.1",
            b"POST  /a HTTP/1.1",
            b"\r\nGET /a HTTP/1.1",
        ]
    ),
    st.from_regex(rb"(GET|PUT|PATCH) /[\w/.?=&~-]{0,30} HTTP/1\.1", fullmatch=True),
)
FIELDS = st.sampled_from(
    [
        b"host: other",
        b"X-API-Key: afk_test",
        b"Content-Type: application/json",
        b"Content-Type: multipart/form-data; boundary=x",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: upgrade",
        b"Upgrade: websocket",
        b"Expect: 100-continue",
        b"Transfer-Encoding: chunked",
        b"Content-Encoding: gzip",
        b"Content-Length: 0",
        b"Content-Length: 9",
        b"Content-Length: +9",
        b"Content-Length: 09",
        b"X-Bare: a\n b",
        b"X-Half: a\nX-Other: b",
        b"X-Folded: a\r\n b",
        b"X-Odd:\x00",
        b"X-Half: a\rX-Other: b",
        b"Idempotency-Key: first",
        b"Idempotency-Key: second",
        b"idempotency-key: second",
        b"IDempotency-KEY: second",
        b"IDEMPOTENCY-KEY: first",
        b"Idempotency-Key:first",
        b"Idempotency-Key:  first ",
        b"Idempotency-Key: of two words",
        b"Idempotency-Key: ",
        b"Idempotency-Key: folded\r\n on",
        b"X-Idempotency-Key: first",
        b"X-About: the Idempotency-Key: first",
        "X-Text: späte".encode(),
    ]
)
BODIES = st.sampled_from([b"", b"[1, 2, 3]", b"\r\n\r\n", b"[1]\r\n\r\n12", b"[1, 2, 3]" + NEXT, b"[1, 2"])


def written(line: bytes, fields: list[bytes], body: bytes, *, tells_length: bool) -> bytes:
    """As it goes over the wire, with the length of its body or with what the fields say."""
    lengths = [b"Content-Length: %d" % len(body)] if tells_length else []
    return b"\r\n".join([line, b"Host: mock", *lengths, *fields, b"", body])


REQUESTS = st.builds(written, LINES, st.lists(FIELDS, max_size=2), BODIES, tells_length=st.booleans())
Parsed = list[tuple[RawRequestMessage, StreamReader]]


def parser() -> HttpRequestParser:
    """As a connection has it."""
    loop = asyncio.get_running_loop()
    limits: dict[str, Any] = {"max_line_size": 16_384, "max_field_size": 16_384, "max_headers": 100}
    return HttpRequestParser(BaseProtocol(loop), loop, 0x10000, payload_exception=web.RequestPayloadError, **limits)


def parsed(data: bytes, by: HttpRequestParser) -> Parsed:
    """Heads and bodies; none where aiohttp finds that it is no HTTP."""
    try:
        messages, _, _ = by.feed_data(data)
    except HttpProcessingError:
        return []
    return list(messages)


def shown(head: RawRequestMessage, body: StreamReader) -> tuple[Any, ...]:
    """All that there is to a request whose body has arrived."""
    assert body.is_eof()
    fields = head.method, head.path, head.version, list(head.headers.items()), head.raw_headers, head.url
    flags = head.should_close, head.compression, bool(head.upgrade), bool(head.chunked)
    return *fields, *flags, body.total_bytes, body.read_nowait()


def run(check: Any) -> None:
    """Run a check where there is an event loop, which aiohttp's parser wants."""

    async def in_loop() -> None:
        check()

    asyncio.run(in_loop())


@given(st.lists(REQUESTS, min_size=2, max_size=6))
def test_what_was_not_parsed_is_what_the_parser_would_have_made_of_it(requests: list[bytes]) -> None:
    def check() -> None:
        heads = Heads()
        for data in requests * 2:
            known = heads.message(data)
            by = parser()
            messages = parsed(data, by)
            if known is not None:
                assert len(messages) == 1
                assert shown(*known) == shown(*messages[0])
                assert len(parsed(NEXT, by)) == 1
            elif len(messages) == 1:
                heads.learn(data, *messages[0])

    run(check)


@given(REQUESTS, st.integers(1, 80))
def test_where_the_next_request_begins_is_right_or_in_doubt(data: bytes, cut: int) -> None:
    def check() -> None:
        by, first = parser(), data[:cut] if cut < len(data) else data
        messages = parsed(first, by)
        missing = Heads().learn(first, *messages[0]) if len(messages) == 1 else UNKNOWN
        if missing >= 0:
            assert parsed(b"x" * missing, by) == []
            assert messages[0][1].is_eof()
            assert len(parsed(NEXT, by)) == 1

    run(check)


def request(*lines: bytes, line: bytes = b"GET /a HTTP/1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join([line, b"Host: mock", *lines, b"", body])


def learned(heads: Heads, data: bytes) -> int:
    ((head, body),) = parsed(data, parser())
    return heads.learn(data, head, body)


async def test_another_path_of_the_same_client_need_not_be_parsed() -> None:
    heads = Heads()
    assert heads.message(request()) is None
    assert learned(heads, request()) == 0
    known = heads.message(request(line=b"POST /v2/jobs/1?limit=2 HTTP/1.1"))
    assert known is not None
    head, body = known
    assert (head.method, head.path, head.url.raw_query_string) == ("POST", "/v2/jobs/1?limit=2", "limit=2")
    assert body.is_eof()


async def test_another_body_of_the_same_length_need_not_be_parsed() -> None:
    heads, lines = Heads(), (b"Content-Type: application/json", b"Content-Length: 3")
    assert learned(heads, request(*lines, body=b"[1]")) == 0
    known = heads.message(request(*lines, body=b"[2]"))
    assert known is not None
    assert (known[1].total_bytes, await known[1].readany(), await known[1].readany()) == (3, b"[2]", b"")
    for body in (b"", b"[2", b"[2]\r\n", b"[2]" + request(*lines, body=b"[3]")):
        assert heads.message(request(*lines, body=body)) is None


@pytest.mark.parametrize("name", [b"Idempotency-Key", b"idempotency-key"])
async def test_another_idempotency_key_need_not_be_parsed(name: bytes) -> None:
    heads, lines = Heads(), (b"Content-Type: application/json", b"Content-Length: 3")
    assert learned(heads, request(*lines, name + b": first", b"X-Last: 1", body=b"[1]")) == 0
    known = heads.message(request(*lines, name + b": the-second", b"X-Last: 1", body=b"[2]"))
    assert known is not None
    head, _ = known
    assert head.headers.getall("Idempotency-Key") == ["the-second"]
    assert head.raw_headers[-2:] == ((name, b"the-second"), (b"X-Last", b"1"))
    assert head.headers["X-Last"] == "1"
    assert heads.message(request(*lines, b"X-Last: 1", body=b"[2]")) is None


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Type: multipart/form-data; boundary=x", b"Content-Length: 3"),
        (b"Content-Type: multipart/form-data; boundary=json", b"Content-Length: 3"),
        (b"Content-Length: 3",),
        (b"Content-Type: application/json", b"Content-Length: 3", b"idempotency-key: of two words"),
        (b"Content-Type: application/json", b"Content-Length: 3", b"idempotency-key: "),
        (b"Content-Type: application/json", b"Content-Length: 3", b"IDEMPOTENCY-KEY: 1"),
        (b"Content-Type: application/json", b"Content-Length: 3", b"Idempotency-Key: 1", b"Idempotency-Key: 2"),
        (b"Content-Type: application/json", b"Content-Length: 3", b"Expect: 100-continue"),
        (b"Content-Type: application/json", b"Content-Length: 3", b"X-Long: " + b"x" * MAX_HEAD_BYTES),
    ],
)
async def test_forms_and_heads_that_are_odd_long_or_used_once_are_parsed_each_time(
    lines: tuple[bytes, ...],
) -> None:
    heads, data = Heads(), request(*lines, body=b"[1]")
    learned(heads, data)
    assert heads.message(data) is None


async def test_a_large_request_is_parsed_each_time() -> None:
    heads, body = Heads(), b"1" * MAX_BYTES
    data = request(b"Content-Type: application/json", b"Content-Length: %d" % len(body), body=body)
    assert learned(heads, data) == 0
    assert heads.message(data) is None


async def test_what_is_missing_of_a_body_is_counted() -> None:
    data = request(b"Content-Type: application/json", b"Content-Length: 10", body=b"[1")
    assert learned(Heads(), data) == 8


async def test_clients_that_send_new_lines_each_time_take_no_more_memory() -> None:
    heads = Heads()
    for number in range(MAX_KNOWN):
        learned(heads, request(b"X-Number: %d" % number))
    assert heads.message(request(b"X-Number: 0")) is not None
    learned(heads, request(b"X-Number: new"))
    assert heads.message(request(b"X-Number: 0")) is None
    assert heads.message(request(b"X-Number: new")) is not None
