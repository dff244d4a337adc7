"""Whatever comes in over the socket: a JSON refusal, nothing stored, and the server goes on."""

import gzip
import zlib

import pytest

from mockserver.app import App
from tests.api.conftest import Look
from tests.api.wire import (
    GOOD,
    HEAD,
    Wire,
    asked,
    assert_is_ours,
    assert_is_refusal,
    chunked,
    connected,
    get,
    post,
)

pytestmark = pytest.mark.usefixtures("no_bugs")

KEY = b"Idempotency-Key: robust"
MEGABYTES_16 = 16 * 1024 * 1024
BOMB = gzip.compress(b" " * 100_000_000, 1)
CHUNKED = b"Transfer-Encoding: chunked"
INVALID_JSON = {"error": "Invalid JSON"}


async def assert_still_works(app: App, wire: Wire | None = None) -> None:
    """A good submission with the key of the refused one makes a job, on *wire* or on a connection of its own."""
    good = post(GOOD, KEY)
    reply = await (wire.ask(good) if wire else asked(app.url, good))
    assert_is_ours(reply)
    assert (reply.status, reply.json["status"]) == (202, "QUEUED")


BROKEN_JSON: dict[str, bytes] = {
    "nothing": b"",
    "a space": b" ",
    "a word": b"fox",
    "half an object": b'{"prompt":"a fox",',
    "a comma too many": b'{"prompt":"a fox","model":"flux-2-pro",}',
    "single quotes": b"{'prompt':'a fox'}",
    "a name without quotes": b'{prompt:"a fox"}',
    "a comment": b'{"prompt":"a fox","model":"flux-2-pro"} // fox',
    "two values": GOOD + GOOD,
    "NaN": b'{"prompt":NaN}',
    "Infinity": b'{"prompt":-Infinity}',
    "a leading zero": b'{"prompt":01}',
    "a plus": b'{"prompt":+1}',
    "hexadecimal": b'{"prompt":0x10}',
    "a bare surrogate escape": rb'{"prompt":"\u12"}',
    "a bad escape": rb'{"prompt":"\x41"}',
    "a tab in a text": b'{"prompt":"a\tfox","model":"flux-2-pro"}',
    "NUL in a text": b'{"prompt":"a\x00fox","model":"flux-2-pro"}',
    "NUL at the end": GOOD + b"\x00",
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a mark": GOOD.decode().encode("utf-16-le"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "Latin-1": b'{"prompt":"F\xfcchslein","model":"flux-2-pro"}',
    "an encoded surrogate": b'{"prompt":"\xed\xa0\x80","model":"flux-2-pro"}',
    "overlong UTF-8": b'{"prompt":"\xc0\xaf","model":"flux-2-pro"}',
    "deep arrays": b"[" * 100_000,
    "deep closed arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a deep prompt": b'{"model":"flux-2-pro","prompt":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a form": b"prompt=a+fox&model=flux-2-pro",
    "brackets without end": b"[[[[" + b"{" * 50_000,
}


@pytest.mark.parametrize("body", BROKEN_JSON.values(), ids=BROKEN_JSON)
async def test_broken_json_is_400_and_the_connection_stays(body: bytes, app: App, kept: Look) -> None:
    before = await kept()
    async with connected(app.url) as wire:
        reply = await wire.ask(post(body, KEY))
        assert_is_refusal(reply)
        assert (reply.status, reply.json, reply.ends_connection) == (400, INVALID_JSON, False)
        assert await kept() == before
        await assert_still_works(app, wire)


def flux(parameters: bytes) -> bytes:
    return b'{"prompt":"a fox","model":"flux-2-pro","fluxParams":' + parameters + b"}"


DIGITS = b"9" * 5000
STRANGE_VALUES: dict[str, bytes] = {
    "5,000 digits": flux(b'{"seed":' + DIGITS + b"}"),
    "5,000 digits below zero": flux(b'{"seed":-' + DIGITS + b"}"),
    "5,000 decimals": flux(b'{"seed":0.' + b"1" * 5000 + b"}"),
    "1e400": flux(b'{"seed":1e400}'),
    "-1e400": flux(b'{"seed":-1e400}'),
    "a huge exponent": flux(b'{"seed":1e' + DIGITS + b"}"),
    "a model of 5,000 digits": b'{"prompt":"a fox","model":' + DIGITS + b"}",
    "a model of 1e400": b'{"prompt":"a fox","model":1e400}',
    "a long model": b'{"prompt":"a fox","model":"' + b"x" * 100_000 + b'"}',
    "a lone surrogate as model": rb'{"prompt":"a fox","model":"\ud800"}',
    "a lone surrogate as name": rb'{"prompt":"a fox","model":"flux-2-pro","\ud800":1}',
    "a lone surrogate in a name below": flux(rb'{"\udfff":1}'),
    "a lone surrogate as option": flux(rb'{"output_format":"\ud800"}'),
    "a lone surrogate as address": rb'{"prompt":"a fox","model":"flux-2-pro","webhookUrl":"http://\ud800/"}',
    "a long name": flux(b'{"' + b"x" * 1_000_000 + b'":1}'),
    "5,000 names": flux(b"{" + b",".join(b'"%d-%b":1' % (n, b"k" * 200) for n in range(5000)) + b"}"),
    "5,000 names at the top": b"{" + b",".join(b'"%d-%b":1' % (n, b"k" * 200) for n in range(5000)) + b"}",
    "5,000 wrong events": GOOD[:-1] + b',"webhookEvents":[' + b",".join([b'"%b"' % (b"x" * 99)] * 5000) + b"]}",
    "5,000 empty events": GOOD[:-1] + b',"webhookEvents":[' + b",".join([b"{}"] * 5000) + b"]}",
    "an empty name": GOOD[:-1] + b',"":1}',
    "a prototype": GOOD[:-1] + b',"__proto__":{"x":1},"constructor":1}',
    "a long address": GOOD[:-1] + b',"webhookUrl":"' + b"x" * 1_000_000 + b'"}',
    "900 arrays": flux(b"[" * 900 + b"]" * 900),
    "900 objects": flux(b'{"a":' * 900 + b"1" + b"}" * 900),
    "900 arrays in an unknown field": GOOD[:-1] + b',"x":' + b"[" * 900 + b"]" * 900 + b"}",
    "900 arrays as the model": b'{"prompt":"a fox","model":' + b"[" * 900 + b"]" * 900 + b"}",
    "900 arrays as the body": b"[" * 900 + b"]" * 900,
    "the last of two prompts counts": b'{"prompt":"a fox","model":"flux-2-pro","prompt":""}',
    "two megabytes of prompt": b'{"model":"flux-2-pro","prompt":"' + b"x" * 2_000_000 + b'"}',
}


@pytest.mark.parametrize("body", STRANGE_VALUES.values(), ids=STRANGE_VALUES)
async def test_json_with_strange_values_is_400_and_told_briefly(body: bytes, app: App, kept: Look) -> None:
    before = await kept()
    async with connected(app.url) as wire:
        reply = await wire.ask(post(body, KEY))
        assert_is_refusal(reply)
        assert (reply.status, reply.json["error"], reply.ends_connection) == (400, "Validation error", False)
        assert all(texts for texts in reply.json["details"].values())
        assert reply.json["details"]
        assert await kept() == before
        await assert_still_works(app, wire)


@pytest.mark.parametrize(
    "depth", [*range(1, 20), 60, 100, 125, 126, 127, 128, 129, 130, 200, 250, 255, 256, 257, 500, 990]
)
async def test_any_depth_is_refused_the_same_way(depth: int, app: App) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        reply = await asked(app.url, post(flux(opening * depth + b"1" + closing * depth)))
        assert_is_refusal(reply)
        assert reply.status == 400


CONTENT_TYPES = [
    b"",
    b"text/plain",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=x",
    b"application/octet-stream",
    b"application/jsonp",
    b"json",
    b"application/json; charset=utf-16",
    b"application/json;charset=latin-1",
    b"application/json; charset=\xff",
    b"text/\xff",
    b"x" * 10_000,
    b";",
]


@pytest.mark.parametrize("kind", CONTENT_TYPES)
async def test_another_content_type_is_400(kind: bytes, app: App, kept: Look) -> None:
    before = await kept()
    async with connected(app.url) as wire:
        reply = await wire.ask(post(GOOD, KEY, kind=kind))
        assert_is_refusal(reply)
        assert reply.status == 400
        assert reply.json["error"].startswith('Invalid content type "')
        assert len(reply.body) < 500
        assert await kept() == before
        await assert_still_works(app, wire)


async def test_without_a_content_type_a_body_is_400(app: App) -> None:
    request = post(GOOD).replace(b"Content-Type: application/json\r\n", b"")
    assert (await asked(app.url, request)).json == {"error": 'Invalid content type "": expected application/json'}


@pytest.mark.parametrize(
    "kind",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b'application/json ;  Charset="UTF-8"',
        b"application/json; charset=utf8; x=y",
        b"application/vnd.api+json",
        b"application/json;",
    ],
)
async def test_json_may_be_declared_in_any_usual_way(kind: bytes, app: App) -> None:
    assert (await asked(app.url, post(GOOD, kind=kind))).status == 202


TOO_LARGE = {
    "declared": post(b'{"prompt":"' + b"x" * MEGABYTES_16 + b'"}', KEY),
    "declared and never sent": post(b"", KEY, b"Content-Length: %d" % MEGABYTES_16),
    "declared as an exabyte": post(b"", KEY, b"Content-Length: 1000000000000000000"),
    "in chunks": post(chunked(b'{"prompt":"' + b"x" * MEGABYTES_16 + b'"}', 1_000_000), KEY, CHUNKED),
    "a gzip bomb": post(BOMB, KEY, b"Content-Encoding: gzip"),
    "a gzip bomb in chunks": post(chunked(BOMB), KEY, CHUNKED, b"Content-Encoding: gzip"),
    "a deflate bomb": post(zlib.compress(b" " * 50_000_000, 1), KEY, b"Content-Encoding: deflate"),
    "waiting for 100": post(b"", KEY, b"Expect: 100-continue", b"Content-Length: %d" % MEGABYTES_16),
}


@pytest.mark.parametrize("request_bytes", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_body_over_the_limit_is_413(request_bytes: bytes, app: App, kept: Look) -> None:
    before = await kept()
    reply = await asked(app.url, request_bytes)
    assert_is_refusal(reply)
    assert (reply.status, reply.ends_connection) == (413, True)
    assert reply.json == {"error": "Request body is larger than 15728640 bytes"}
    assert await kept() == before
    await assert_still_works(app)


async def test_a_body_just_under_the_limit_is_read(app: App) -> None:
    body = GOOD[:-1] + b" " * (15 * 1024 * 1024 - len(GOOD)) + b"}"
    assert (await asked(app.url, post(body))).status == 202
    assert (await asked(app.url, post(chunked(body), CHUNKED))).status == 202
    assert (await asked(app.url, post(gzip.compress(body, 1), b"Content-Encoding: gzip"))).status == 202
    assert (await asked(app.url, post(body + b" "))).status == 413


BAD_CODING = {
    "no gzip": post(GOOD, KEY, b"Content-Encoding: gzip"),
    "no deflate": post(b"\xff" + GOOD, KEY, b"Content-Encoding: deflate"),
    "half a gzip": post(gzip.compress(GOOD * 500)[:-30], KEY, b"Content-Encoding: gzip"),
    "a broken gzip": post(gzip.compress(GOOD)[:-12] + b"x" * 12, KEY, b"Content-Encoding: gzip"),
    "gzip of nothing": post(gzip.compress(b""), KEY, b"Content-Encoding: gzip"),
    "gzip of rubbish": post(gzip.compress(b"\xff\xfe"), KEY, b"Content-Encoding: gzip"),
    "no gzip in chunks": post(chunked(GOOD), KEY, CHUNKED, b"Content-Encoding: gzip"),
}


@pytest.mark.parametrize("request_bytes", BAD_CODING.values(), ids=BAD_CODING)
async def test_a_badly_compressed_body_is_400(request_bytes: bytes, app: App, kept: Look) -> None:
    before = await kept()
    reply = await asked(app.url, request_bytes)
    assert_is_refusal(reply)
    assert reply.status == 400
    assert await kept() == before
    await assert_still_works(app)


async def test_a_well_compressed_body_is_taken(app: App) -> None:
    for coding, body in ((b"gzip", gzip.compress(GOOD)), (b"deflate", zlib.compress(GOOD)), (b"identity", GOOD)):
        assert (await asked(app.url, post(body, b"Content-Encoding: " + coding))).status == 202


def framed(*lines: bytes, body: bytes = GOOD) -> bytes:
    return post(body, KEY, *lines)


NOT_HTTP: dict[str, bytes] = {
    "a word for Content-Length": framed(b"Content-Length: abc"),
    "a negative Content-Length": framed(b"Content-Length: -5"),
    "a Content-Length with a plus": framed(b"Content-Length: +39"),
    "a hexadecimal Content-Length": framed(b"Content-Length: 0x27"),
    "an empty Content-Length": framed(b"Content-Length: "),
    "a Content-Length beyond 64 bits": framed(b"Content-Length: 99999999999999999999999999"),
    "two different Content-Lengths": framed(b"Content-Length: 39", b"Content-Length: 40"),
    "two Content-Lengths in one": framed(b"Content-Length: 39, 40"),
    "Content-Length and Transfer-Encoding": framed(b"Content-Length: 39", CHUNKED, body=chunked(GOOD)),
    "Transfer-Encoding and Content-Length": framed(CHUNKED, b"Content-Length: 39", body=chunked(GOOD)),
    "an unknown Transfer-Encoding": framed(b"Transfer-Encoding: identity", body=chunked(GOOD)),
    "chunked not last": framed(b"Transfer-Encoding: chunked, gzip", body=chunked(GOOD)),
    "a bad chunk size": framed(CHUNKED, body=b"zz\r\nhello\r\n0\r\n\r\n"),
    "a negative chunk size": framed(CHUNKED, body=b"-5\r\nhello\r\n0\r\n\r\n"),
    "a huge chunk size": framed(CHUNKED, body=b"f" * 20 + b"\r\nhello\r\n0\r\n\r\n"),
    "a chunk longer than it says": framed(CHUNKED, body=b"3\r\nhello\r\n0\r\n\r\n"),
    "a bad trailer": framed(CHUNKED, body=chunked(GOOD)[:-2] + b"garbage\x00\r\n\r\n"),
    "a header of 20 kB": get(b"/v2/me", HEAD + b"X-Big: " + b"a" * 20_000 + b"\r\n"),
    "a header's name of 20 kB": get(b"/v2/me", HEAD + b"a" * 20_000 + b": x\r\n"),
    "half a header of 20 kB": b"GET /v2/me HTTP/1.1\r\nX-Big: " + b"a" * 20_000,
    "a request line of 20 kB": get(b"/v2/" + b"a" * 20_000),
    "half a request line of 20 kB": b"GET /v2/" + b"a" * 20_000,
    "a query of 20 kB": get(b"/v2/jobs?model=" + b"a" * 20_000),
    "a method of 20 kB": b"A" * 20_000,
    "300 headers": get(b"/v2/me", HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(300))),
    "NUL in a header": get(b"/v2/me", HEAD + b"X-Bad: a\x00b\r\n"),
    "NUL in a header's name": get(b"/v2/me", HEAD + b"X-B\x00ad: ab\r\n"),
    "NUL in the key": get(b"/v2/me", b"Host: mock\r\nX-API-Key: afk_test\x00\r\n"),
    "NUL in the path": get(b"/v2/\x00me"),
    "NUL in the query": get(b"/v2/jobs?search=\x00"),
    "a control character in the path": get(b"/v2/me\x7f"),
    "raw bytes in the path": get(b"/v2/jobs/\xff"),
    "raw UTF-8 in the path": get("/v2/jobs/é".encode()),
    "raw bytes in the query": get(b"/v2/jobs?model=\xff"),
    "a space in the path": get(b"/v2/jobs /x"),
    "a lower-case method": get(b"/v2/me").replace(b"GET", b"get"),
    "an unknown method": get(b"/v2/me").replace(b"GET", b"FOO"),
    "no method": get(b"/v2/me").replace(b"GET ", b""),
    "HTTP/3.0": get(b"/v2/me").replace(b"HTTP/1.1", b"HTTP/3.0"),
    "HTTX": get(b"/v2/me").replace(b"HTTP/1.1", b"HTTX/1.1"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + b"\x01" * 200,
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "Redis": b"*1\r\n$4\r\nPING\r\n",
    "rubbish": bytes(range(256)) * 4,
    "zeros": b"\x00" * 100,
    "JSON alone": GOOD + b"\r\n\r\n",
    "line feeds alone": b"GET /v2/me HTTP/1.1\nHost: mock\n\n",
    "a folded header": get(b"/v2/me", HEAD + b"X-A: b\r\n c\r\n"),
    "a space before the colon": get(b"/v2/me", b"Host : mock\r\n"),
    "a header without a colon": get(b"/v2/me", HEAD + b"garbage\r\n"),
    "a header without a name": get(b"/v2/me", HEAD + b": x\r\n"),
    "no Host": get(b"/v2/me", b"X-API-Key: afk_test\r\n"),
    "an asterisk for a path": get(b"*"),
    "no path": get(b""),
    "a path without a slash": get(b"v2/me"),
    "a question mark for a path": get(b"?"),
    "a broken absolute address": get(b"http://[bad/v2/me"),
    "an absolute address with a bad port": get(b"http://mock:99999/v2/me"),
    "an address of a file": get(b"file:///etc/passwd"),
    "an authority for a path": get(b"mock:443"),
}


@pytest.mark.parametrize("request_bytes", NOT_HTTP.values(), ids=NOT_HTTP)
async def test_what_is_no_http_is_refused_as_json_and_the_connection_ends(
    request_bytes: bytes, app: App, kept: Look
) -> None:
    before = await kept()
    async with connected(app.url) as wire:
        reply = await wire.ask(request_bytes)
        assert_is_refusal(reply)
        assert (reply.status, reply.ends_connection) == (431 if b"a" * 20_000 in request_bytes else 400, True)
        assert reply.json == {"error": "Headers too large" if reply.status == 431 else "Bad request"}
        assert await wire.rest() == b""
    assert await kept() == before
    await assert_still_works(app)


@pytest.mark.parametrize("request_bytes", [b"GET /v2/me\r\n\r\n", b"GET /v2/me HTTP/0.9\r\n\r\n"])
async def test_http_0_9_has_no_headers_and_so_no_key(request_bytes: bytes, app: App) -> None:
    async with connected(app.url) as wire:
        reply = await wire.ask(request_bytes)
        assert_is_refusal(reply)
        assert (reply.status, reply.json, reply.ends_connection) == (401, {"error": "API key is required"}, True)
        assert await wire.rest() == b""


NOWHERE = (404, {"error": "Not found"})
NO_ID = (400, {"error": "Invalid job ID"})
BAD_QUERY = (400, {"error": "Validation error", "details": {"query": ["Invalid query string"]}})
TARGETS: dict[bytes, tuple[int, object]] = {
    b"/": NOWHERE,
    b"//": NOWHERE,
    b"//v2//me": NOWHERE,
    b"/v2//me": NOWHERE,
    b"/v2/me/": NOWHERE,
    b"/v2/jobs/": NOWHERE,
    b"/v2/models/": NOWHERE,
    b"/V2/me": NOWHERE,
    b"/v2/./me": NOWHERE,
    b"/v2/../v2/me": NOWHERE,
    b"/%76%32/me": NOWHERE,
    b"/v2%2fme": NOWHERE,
    b"/v2/me%00": NOWHERE,
    b"/v2/me;a=b": NOWHERE,
    b"/v2/jobs/%2e%2e": NO_ID,
    b"/v2/jobs/..": NO_ID,
    b"/v2/jobs/%ff": NO_ID,
    b"/v2/jobs/%00": NO_ID,
    b"/v2/jobs/%zz": NO_ID,
    b"/v2/jobs/%": NO_ID,
    b"/v2/jobs/a%2fb": NO_ID,
    b"/v2/jobs/" + b"a" * 15_000: NO_ID,
    b"/images/": NOWHERE,
    b"/images/%2e%2e%2fapp.py": NOWHERE,
    b"/images/%ff": NOWHERE,
    b"/images/" + b"a" * 15_000: NOWHERE,
    b"/_mock": NOWHERE,
    b"/v2/jobs?model=%ff": BAD_QUERY,
    b"/v2/jobs?%ff=1": BAD_QUERY,
    b"/v2/jobs?model=%ED%A0%80": BAD_QUERY,
    b"/v2/jobs?" + b"&".join([b"a=1"] * 200): BAD_QUERY,
    b"http://elsewhere.example": NOWHERE,
    b"http://elsewhere.example/nowhere": NOWHERE,
    b"http://elsewhere.example/v2/jobs/x": NO_ID,
}


@pytest.mark.parametrize(("target", "expected"), TARGETS.items())
async def test_a_strange_path_or_query_is_refused_and_the_connection_stays(
    target: bytes, expected: tuple[int, object], app: App
) -> None:
    async with connected(app.url) as wire:
        reply = await wire.ask(get(target))
        assert_is_refusal(reply)
        assert (reply.status, reply.json, reply.ends_connection) == (*expected, False)
        await assert_still_works(app, wire)


@pytest.mark.parametrize(
    "target", [b"/v2/me", b"http://elsewhere.example/v2/me", b"/v2/me?a=1&a=2", b"/v2/me#x", b"/v2/me?%ff"]
)
async def test_a_target_that_means_me_finds_me(target: bytes, app: App) -> None:
    assert (await asked(app.url, get(target))).json["apiKey"]["name"] == "Test Key"


async def test_what_stands_behind_a_hash_is_no_query(app: App) -> None:
    for target in (b"/v2/jobs#?limit=0", b"/v2/jobs?limit=1#?limit=0"):
        assert (await asked(app.url, get(target))).status == 200
    assert (await asked(app.url, get(b"/v2/jobs?limit=0#"))).status == 400
