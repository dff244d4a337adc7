"""Who may move levers, and the form of what the control plane refuses."""

import asyncio
import socket
from typing import Any

import aiohttp
import pytest

from tests.conftest import MakeApp
from tests.driver import Driver


async def asked(url: str, headers: dict[str, str] | None = None, method: str = "GET") -> tuple[int, Any]:
    async with aiohttp.request(method, url, headers=headers) as answer:
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert answer.headers["x-request-id"]
        raw = await answer.read()
        if answer.status >= 400:
            assert answer.content_type == "application/problem+json"
            problem = await answer.json(content_type=None) if raw else {"status": answer.status, "type": "about:blank"}
            assert (problem["status"], problem["type"]) == (answer.status, "about:blank")
        return answer.status, (await answer.json(content_type=None)) if raw else None


async def test_health_tells_what_is_kept(driver: Driver) -> None:
    await driver.submit("[[slow 10s]]", webhookUrl="http://127.0.0.1:1/")
    health = await driver.pull("GET", "health")
    assert {**health, "version": ""} == {
        "status": "ok",
        "version": "",
        "store": "memory",
        "jobs": 1,
        "evictedJobs": 0,
        "pendingDeliveries": 1,
        "clock": {"now": "2026-01-01T00:00:00.000Z", "frozen": True, "speed": 1.0, "jobSpeed": 15.0},
    }


@pytest.mark.parametrize("path", ["/_mock/", "/_mock/nothing", "/_mock/health/", "/_mock/clock/now", "/_mock//health"])
async def test_a_lever_that_does_not_exist_is_a_404(driver: Driver, path: str) -> None:
    async with driver.http.get(path) as answer:
        assert await answer.json(content_type="application/problem+json") == {
            "type": "about:blank",
            "title": "Not found",
            "status": 404,
            "detail": f"{path} is no lever of the mock",
        }


@pytest.mark.parametrize(
    ("method", "lever", "allowed"),
    [
        ("DELETE", "clock", "GET, HEAD, OPTIONS, POST"),
        ("GET", "reset", "OPTIONS, POST"),
        ("POST", "health", "GET, HEAD, OPTIONS"),
        ("POST", "keys/afk_test", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("GET", "webhooks/x/redeliver", "OPTIONS, POST"),
        ("PUT", "jobs/x", "GET, HEAD, OPTIONS, POST"),
    ],
)
async def test_a_wrong_method_is_a_405_that_says_which_are_right(
    driver: Driver, method: str, lever: str, allowed: str
) -> None:
    async with driver.http.request(method, f"/_mock/{lever}") as answer:
        problem = await answer.json(content_type="application/problem+json")
        assert (answer.status, answer.headers["Allow"]) == (405, allowed)
        assert problem == {
            "type": "about:blank",
            "title": "Method not allowed",
            "status": 405,
            "detail": f"{method} is not possible here; {allowed} are",
        }


async def test_a_body_that_is_too_large_is_a_problem_too(make_app: MakeApp) -> None:
    app = await make_app(max_body_mb=0.01)
    async with aiohttp.ClientSession() as http, http.post(f"{app.url}/_mock/clock", data=b" " * 20_000) as answer:
        assert answer.content_type == "application/problem+json"
        assert answer.status in (400, 413)


async def test_with_a_token_levers_move_only_for_who_sends_it(make_app: MakeApp) -> None:
    app = await make_app(admin_token="sésame")
    url = f"{app.url}/_mock/health"
    for headers in ({}, {"X-Mock-Token": ""}, {"X-Mock-Token": "sesame"}, {"X-Mock-Token": "sésame!"}):
        status, problem = await asked(url, headers)
        assert (status, problem["title"]) == (401, "Token required")
        assert "sésame" not in problem["detail"]
    assert (await asked(url, {"X-Mock-Token": "sésame"}))[0] == 200


@pytest.mark.parametrize("path", ["health", "reset", "clock", "nothing", ""])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "HEAD"])
async def test_without_the_token_no_path_says_more(make_app: MakeApp, method: str, path: str) -> None:
    app = await make_app(admin_token="sesame")
    assert (await asked(f"{app.url}/_mock/{path}", method=method))[0] == 401


async def test_a_server_on_every_interface_keeps_its_levers_closed_without_a_token(make_app: MakeApp) -> None:
    app = await make_app(host="0.0.0.0")  # noqa: S104 - what is tested
    status, problem = await asked(f"{app.url}/_mock/health")
    assert (status, problem["title"]) == (403, "Control plane closed")
    assert "--admin-token" in problem["detail"]
    async with aiohttp.request("GET", f"{app.url}/v2/models") as answer:
        assert answer.status == 200


async def test_a_server_on_every_interface_opens_its_levers_with_a_token(make_app: MakeApp) -> None:
    app = await make_app(host="0.0.0.0", admin_token="sesame")  # noqa: S104 - what is tested
    assert (await asked(f"{app.url}/_mock/health"))[0] == 401
    assert (await asked(f"{app.url}/_mock/health", {"X-Mock-Token": "sesame"}))[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "{url}"}, 200),
        ({"Origin": "http://localhost:{port}", "Host": "localhost:{port}"}, 200),
        ({"Host": "localhost:{port}"}, 200),
        ({"Host": "LOCALHOST"}, 200),
        ({"Host": "[::1]:{port}"}, 200),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://localhost:{port}"}, 403),
        ({"Origin": ""}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Host": "10.0.0.1:{port}"}, 403),
        ({"Host": "[2001:db8::1]"}, 403),
    ],
)
async def test_a_page_of_another_origin_moves_no_lever(make_app: MakeApp, headers: dict[str, str], status: int) -> None:
    app = await make_app()
    port = app.url.rpartition(":")[2]
    filled = {name: value.format(url=app.url, port=port) for name, value in headers.items()}
    assert (await asked(f"{app.url}/_mock/health", filled))[0] == status
    assert (await asked(f"{app.url}/_mock/reset", filled, "POST"))[0] == status


async def test_a_preflight_of_the_control_plane_allows_nothing(make_app: MakeApp) -> None:
    app = await make_app()
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert (await asked(f"{app.url}/_mock/reset", headers, "OPTIONS"))[0] == 403
    assert (await asked(f"{app.url}/_mock/reset", {**headers, "Origin": app.url}, "OPTIONS"))[0] == 204


@pytest.mark.parametrize("path", ["/_mock/health", "/_mock/", "/_mock/reset", "/_mock"])
async def test_without_a_control_plane_its_paths_are_the_apis_own_404(make_app: MakeApp, path: str) -> None:
    app = await make_app(no_control=True)
    async with aiohttp.request("POST", f"{app.url}{path}") as answer:
        assert (answer.status, answer.content_type, await answer.json()) == (
            404,
            "application/json",
            {"error": "Not found"},
        )


async def test_the_imitated_api_knows_nothing_of_the_control_plane(driver: Driver) -> None:
    async with driver.http.get("/v2/openapi.json") as answer:
        assert "_mock" not in await answer.text()


async def test_a_request_in_the_form_for_a_proxy_is_guarded_as_well(make_app: MakeApp) -> None:
    app = await make_app(admin_token="sesame")
    port = int(app.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.settimeout(0)
        loop = asyncio.get_running_loop()
        line = f"GET {app.url}/_mock/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        await loop.sock_sendall(plain, line.encode())
        answer = await loop.sock_recv(plain, 4096)
    assert answer.startswith(b"HTTP/1.1 401 ")
