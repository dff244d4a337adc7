"""What every answer carries: CORS, request ids, lengths; HEAD, OPTIONS and Allow."""

import io

import aiohttp
import pytest

from mockserver.app import App
from tests.api.wire import HEAD, REQUEST_ID, Reply, asked, assert_is_ours, assert_is_refusal, connected, get
from tests.driver import Driver

ALLOWED = {
    b"/v2/images/generate": "OPTIONS, POST",
    b"/v2/jobs": "GET, HEAD, OPTIONS",
    b"/v2/jobs/00000000-0000-4000-8000-000000000000": "GET, HEAD, OPTIONS",
    b"/v2/me": "GET, HEAD, OPTIONS",
    b"/v2/models": "GET, HEAD, OPTIONS",
    b"/v2/openapi.json": "GET, HEAD, OPTIONS",
    b"/v2/uploads": "OPTIONS, POST",
    b"/v2/loras": "GET, HEAD, OPTIONS, POST",
    b"/v2/loras/00000000-0000-4000-8000-000000000000": "DELETE, GET, HEAD, OPTIONS",
    b"/images/x.png": "GET, HEAD, OPTIONS",
    b"/uploads/x.png": "GET, HEAD, OPTIONS",
}
EXPOSED = "x-request-id, retry-after, etag, accept-ranges, content-range"
METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"TRACE"]


def request(method: bytes, path: bytes, *lines: bytes, head: bytes = HEAD) -> bytes:
    return b"%b %b HTTP/1.1\r\n%b%b\r\n" % (method, path, head, b"".join(line + b"\r\n" for line in lines))


async def asked_as(url: str, method: bytes, path: bytes, *lines: bytes, head: bytes = HEAD) -> Reply:
    async with connected(url) as wire:
        await wire.send(request(method, path, *lines, head=head))
        return await wire.reply(to_head=method == b"HEAD")


@pytest.mark.parametrize("path", ALLOWED)
async def test_a_wrong_method_is_405_with_the_right_ones(path: bytes, app: App) -> None:
    for method in METHODS:
        if method.decode() in ALLOWED[path].split(", "):
            continue
        reply = await asked_as(app.url, method, path, b"Content-Length: 0")
        assert (reply.status, reply.headers["allow"]) == (405, ALLOWED[path])
        if method != b"HEAD":
            assert_is_refusal(reply)
            assert reply.json == {"error": "Method not allowed"}


@pytest.mark.parametrize("path", ALLOWED)
async def test_a_preflight_allows_any_origin_the_methods_and_any_header(path: bytes, app: App) -> None:
    lines = [
        b"Origin: https://app.example",
        b"Access-Control-Request-Method: POST",
        b"Access-Control-Request-Headers: x-api-key, content-type, idempotency-key",
    ]
    reply = await asked_as(app.url, b"OPTIONS", path, *lines, head=b"Host: mock\r\n")
    assert_is_ours(reply)
    del reply.headers["date"], reply.headers["x-request-id"]
    assert (reply.status, reply.body, reply.headers) == (
        204,
        b"",
        {
            "access-control-allow-origin": "*",
            "access-control-expose-headers": EXPOSED,
            "allow": ALLOWED[path],
            "access-control-allow-methods": ALLOWED[path],
            "access-control-allow-headers": "*, Authorization",
            "access-control-max-age": "600",
        },
    )


async def test_a_plain_options_says_what_is_allowed_without_a_key(app: App) -> None:
    for path, allowed in ALLOWED.items():
        reply = await asked_as(app.url, b"OPTIONS", path, head=b"Host: mock\r\n")
        assert_is_ours(reply)
        assert (reply.status, reply.headers["allow"], reply.body) == (204, allowed, b"")
        assert "access-control-allow-methods" not in reply.headers


@pytest.mark.parametrize("path", [b"/", b"/v2", b"/v2/", b"/nowhere", b"/v2/me/", b"/v2/jobs/a/b", b"//v2/me", b"*"])
async def test_what_is_not_there_is_404_for_options_and_for_everything_else(path: bytes, app: App) -> None:
    for method in [b"OPTIONS", b"GET", b"POST", b"DELETE"] if path != b"*" else [b"OPTIONS"]:
        reply = await asked_as(app.url, method, path, b"Content-Length: 0")
        assert_is_refusal(reply)
        assert (reply.status, reply.json) == (404, {"error": "Not found"})


async def test_head_answers_what_get_would_without_the_body(app: App, driver: Driver) -> None:
    job_id = await driver.submit("[[instant]]")
    paths = [
        b"/v2/me",
        b"/v2/jobs",
        b"/v2/jobs?limit=0",
        b"/v2/jobs/x",
        f"/v2/jobs/{job_id}".encode(),
        b"/v2/models",
        b"/v2/openapi.json",
        b"/nowhere",
        f"/images/{job_id}-1.png".encode(),
        b"/images/none.png",
    ]
    for path in paths:
        async with connected(app.url) as wire:
            got = await wire.ask(request(b"GET", path))
            await wire.send(request(b"HEAD", path))
            head = await wire.reply(to_head=True)
            for reply in (got, head):
                assert REQUEST_ID.fullmatch(reply.headers.pop("x-request-id"))
                del reply.headers["date"]
            assert (head.status, head.headers) == (got.status, got.headers), path
            assert (await wire.ask(get(b"/nowhere"))).status == 404


async def test_no_two_answers_have_one_request_id(client: aiohttp.ClientSession, app: App) -> None:
    ids = []
    for path in ["/v2/me", "/v2/models", "/nowhere", "/v2/jobs/x", "/_mock/health", "/_mock/nothing"] * 5:
        async with client.get(path) as answer:
            ids.append(answer.headers["x-request-id"])
    ids += [(await asked(app.url, b"garbage\r\n\r\n")).headers["x-request-id"] for _ in range(5)]
    assert len(set(ids)) == len(ids)


async def test_a_request_id_of_the_client_is_not_taken_over(app: App) -> None:
    reply = await asked(app.url, get(b"/v2/me", HEAD + b"X-Request-Id: mine\r\n"))
    assert_is_ours(reply)


async def test_a_page_of_another_origin_can_read_answers_and_their_headers(app: App) -> None:
    for path in (b"/v2/me", b"/v2/jobs/x", b"/nowhere"):
        reply = await asked(app.url, get(path, HEAD + b"Origin: https://app.example\r\n"))
        assert_is_ours(reply)
        assert reply.headers["access-control-expose-headers"] == EXPOSED


async def test_a_page_of_another_origin_can_upload_play_a_part_and_delete(client: aiohttp.ClientSession) -> None:
    origin = {"Origin": "https://app.example"}
    picture = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    async with client.post("/v2/uploads", data={"file": picture}, headers=origin) as made:
        address = (await made.json())["url"]
    async with client.get(address, headers={**origin, "Range": "bytes=1-3"}) as part:
        assert (part.status, await part.read(), part.headers["Content-Range"]) == (206, b"PNG", "bytes 1-3/8")
    nobody = "/v2/loras/00000000-0000-4000-8000-000000000000"
    async with client.delete(nobody, headers=origin) as gone:
        assert gone.status == 404
    for answer in (made, part, gone):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Expose-Headers"] == EXPOSED


async def test_the_control_plane_is_not_open_to_pages(app: App) -> None:
    reply = await asked(app.url, get(b"/_mock/health", b"Host: 127.0.0.1\r\n"))
    assert reply.status == 200
    assert "access-control-allow-origin" not in reply.headers
