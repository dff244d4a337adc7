"""The vendor's hosts lead to the mock, with a certificate for them alone."""

import asyncio
import json
import ssl
from pathlib import Path

import aiohttp
import pytest

from mockserver.app import App
from mockserver.intercept.authority import issue
from mockserver.intercept.interception import Interception
from mockserver.intercept.streams import Address, Listener, connected
from tests.run.conftest import NOW
from tests.run.wire import asked, body_of, echo, opened

KEY = {"X-API-Key": "afk_test"}


async def test_many_programs_reach_the_mock_at_once(interception: Interception) -> None:
    context = ssl.create_default_context(cafile=interception.environment["SSL_CERT_FILE"])
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with aiohttp.ClientSession(connector=connector, proxy=interception.environment["HTTPS_PROXY"]) as client:

        async def balance(host: str) -> int:
            async with client.get(f"https://{host}/v2/me", headers=KEY) as response:
                credits_left: int = (await response.json())["team"]["credits"]
                return credits_left

        hosts = ["api.apiframe.ai", "API.apiframe.ai", "cdn2.apiframe.ai", "cdn.apiframe.ai"]
        async with asyncio.TaskGroup() as group:
            balances = [group.create_task(balance(host)) for host in hosts * 25]
    assert [task.result() for task in balances] == [1_000_000] * 100
    assert interception.vendor_connections == 100


@pytest.mark.parametrize(
    "address", ["http://api.apiframe.ai", "https://api.apiframe.ai", "http://api.apiframe.ai:8080"]
)
async def test_a_whole_address_of_the_vendor_leads_to_the_mock_as_well(
    interception: Interception, address: str
) -> None:
    where = Address("127.0.0.1", int(interception.environment["http_proxy"].rpartition(":")[2]))
    head = f"POST {address}/v2/images/generate HTTP/1.1\r\nHost: api.apiframe.ai\r\nX-API-Key: afk_test\r\n"
    body = json.dumps({"model": "flux-2-pro", "prompt": "a fox"})
    more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = await asked(where, (head + more + body).encode())
    assert answer.startswith(b"HTTP/1.1 202 Accepted\r\n")
    assert json.loads(body_of(answer))["status"] == "QUEUED"


async def test_the_vendor_s_hosts_lead_to_the_mock_offline_too(app: App) -> None:
    async with Interception(app.url, {"https_proxy": "http://127.0.0.1:1"}, NOW, is_offline=True) as on:
        where = Address("127.0.0.1", int(on.environment["http_proxy"].rpartition(":")[2]))
        tunnel = await opened(where, "api.apiframe.ai:80")
        tunnel.writer.write(b"GET /v2/models HTTP/1.1\r\nHost: api.apiframe.ai\r\nConnection: close\r\n\r\n")
        assert (await tunnel.reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
        tunnel.writer.close()


async def test_the_levers_cannot_be_reached_at_the_vendor_s_address(interception: Interception) -> None:
    where = Address("127.0.0.1", int(interception.environment["http_proxy"].rpartition(":")[2]))
    answer = await asked(where, b"GET http://api.apiframe.ai/_mock/health HTTP/1.1\r\nHost: api.apiframe.ai\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")


async def test_the_certificate_is_for_the_vendor_s_hosts_alone_and_for_a_year(tmp_path: Path) -> None:
    issued = issue(("api.apiframe.ai", "cdn2.apiframe.ai"), tmp_path, NOW)
    authority = ssl.create_default_context(cadata=issued.authority_pem.decode())
    server = Listener(echo, issued.context)
    where = await server.start()
    authority.verify_flags |= ssl.VERIFY_X509_STRICT
    client = await connected(where, authority, "api.apiframe.ai")
    certificate = client.writer.get_extra_info("peercert")
    client.writer.close()
    assert certificate["subjectAltName"] == (("DNS", "api.apiframe.ai"), ("DNS", "cdn2.apiframe.ai"))
    span_s = ssl.cert_time_to_seconds(certificate["notAfter"]) - ssl.cert_time_to_seconds(certificate["notBefore"])
    assert span_s == 366 * 24 * 3600
    with pytest.raises(ssl.SSLCertVerificationError):
        await connected(where, authority, "example.com")
    await server.close()
