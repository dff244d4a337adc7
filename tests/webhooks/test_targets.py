"""Where webhooks may go, and in which form addresses are called."""

import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver.logs import JsonLines, TextLines
from tests.conftest import KEY, MakeApp
from tests.driver import Driver
from tests.webhooks.conftest import Receiver

CLOSED = [
    "http://10.0.0.1/hook",
    "http://192.168.1.1:8080/",
    "http://169.254.169.254/latest/meta-data",
    "http://0.0.0.0:1/",
    "http://0x0a000001/",
    "http://167772161/",
    "http://012.0.0.1/",
    "http://%31%30.0.0.1/",
    "http://\uff11\uff10.0.0.1/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::]/",
    "http://[fd00::1]/",
    "http://receiver.invalid/hook",
    "https://localhost.receiver.invalid/",
    f"http://{'a' * 64}.invalid/",
]
FULL_WIDTH = "\uff4c\uff4f\uff43\uff41\uff4chost"
"""localhost in letters that addresses are freed from."""
NO_HTTP = ["ftp://127.0.0.1/x", "javascript:alert(1)", "mailto:me@example.com", "file:///etc/passwd", "ws://127.0.0.1/"]


@pytest.mark.parametrize("address", CLOSED)
async def test_only_this_machine_is_a_target_until_more_is_allowed(
    driver: Driver, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    job_id = await driver.submit("[[instant]]", webhookUrl=address)
    await driver.advance("1h")
    [delivery] = await driver.deliveries(job_id)
    [attempt] = delivery["attempts"]
    assert (delivery["status"], attempt["answer"]) == ("failed", None)
    assert "is not allowed by --webhook-allow; allow it with --webhook-allow " in attempt["error"]
    assert (await driver.job(job_id))["webhookStatus"] == "failed"
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert attempt["error"] in warning.getMessage()


@pytest.mark.parametrize("address", NO_HTTP)
async def test_an_address_that_is_not_http_is_accepted_and_never_called(driver: Driver, address: str) -> None:
    job_id = await driver.submit("[[instant]]", webhookUrl=address)
    await driver.advance("1h")
    [delivery] = await driver.deliveries(job_id)
    [attempt] = delivery["attempts"]
    scheme = address.partition(":")[0]
    assert (delivery["status"], attempt["error"]) == (
        "failed",
        f'cannot send to "{scheme}:" addresses, only http: and https:',
    )


@pytest.mark.parametrize("allow", [("any",), ("private",), ("0.0.0.0",), ("example.com", "0.0.0.0")])  # noqa: S104 - a target, nothing listens there
async def test_a_setting_opens_more_targets(make_app: MakeApp, receiver: Receiver, allow: tuple[str, ...]) -> None:
    app = await make_app(webhook_allow=allow, webhook_timeout=0.2)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        job_id = await driver.submit("[[instant]]", webhookUrl=f"http://0.0.0.0:{receiver.port}/hook")
        await driver.advance("1h")
        [delivery] = await driver.deliveries(job_id)
    assert not any("not allowed" in (attempt["error"] or "") for attempt in delivery["attempts"])


@pytest.mark.parametrize("allow", [("loopback",), ("any",), ("private",), ("example.com",), ("localhost",)])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost", "127.1", "2130706433", FULL_WIDTH])
async def test_this_machine_is_a_target_whatever_else_is_allowed(
    make_app: MakeApp, receiver: Receiver, allow: tuple[str, ...], host: str
) -> None:
    app = await make_app(webhook_allow=allow)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        await driver.submit("[[instant]]", webhookUrl=f"http://{host}:{receiver.port}/hook")
        await driver.advance(0)
    assert [arrived.target for arrived in receiver.received] == ["/hook"]


@pytest.mark.parametrize("allow", [("example.com",), ("private",)])
async def test_what_a_setting_does_not_name_stays_closed(make_app: MakeApp, allow: tuple[str, ...]) -> None:
    app = await make_app(webhook_allow=allow)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        job_id = await driver.submit("[[instant]]", webhookUrl="http://8.8.8.8/")
        await driver.advance("1h")
        [delivery] = await driver.deliveries(job_id)
    assert [attempt["error"] for attempt in delivery["attempts"]] == [
        'target "8.8.8.8" is not allowed by --webhook-allow; allow it with --webhook-allow 8.8.8.8 (or private, any)'
    ]


@pytest.mark.parametrize(
    ("written", "called"),
    [
        ("http://127.0.0.1:{port}", "/"),
        ("  http://127.0.0.1:{port}/a  ", "/a"),
        ("http:127.0.0.1:{port}/a", "/a"),
        ("http:\\\\127.0.0.1:{port}\\a", "/a"),
        ("HTTP://127.0.0.1:{port}/A", "/A"),
        ("http://127.0.0.1:{port}/a b", "/a%20b"),
        ("http://127.0.0.1:{port}/a\tb\nc", "/abc"),
        ("http://127.0.0.1:{port}/é/🦊", "/%C3%A9/%F0%9F%A6%8A"),
        ("http://127.0.0.1:{port}/a/../b/./c", "/b/c"),
        ("http://127.0.0.1:{port}/%zz%41|[x]", "/%zz%41|[x]"),
        ("http://127.0.0.1:{port}/hook?token=a%20b&x=1&x=2&&y", "/hook?token=a%20b&x=1&x=2&&y"),
        ("http://127.0.0.1:{port}/hook?q=é \"'<>#part", "/hook?q=%C3%A9%20%22%27%3C%3E"),
        ("http://127.0.0.1:{port}?a+b=c;d", "/?a+b=c;d"),
        ("http://127.0.0.1:{port}/\ud800", "/%EF%BF%BD"),
        ("http://user:secret@127.0.0.1:{port}/a", "/a"),
    ],
)
async def test_an_address_is_called_as_javascript_would_call_it(
    driver: Driver, receiver: Receiver, written: str, called: str
) -> None:
    await driver.submit("[[instant]]", webhookUrl=written.format(port=receiver.port))
    await driver.advance(0)
    assert [arrived.target for arrived in receiver.received] == [called]
    assert receiver.received[0].headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()], ids=["text", "json"])
async def test_api_keys_in_webhook_addresses_are_masked_in_the_log(
    driver: Driver, receiver: Receiver, caplog: pytest.LogCaptureFixture, formatter: logging.Formatter
) -> None:
    caplog.set_level(logging.INFO, "mockserver")
    await driver.submit("[[instant]]", webhookUrl=f"{receiver.url}/afk_live-SECRET1?key=afk_SECRET2&u=%20afk_SECRET3")
    await driver.advance(0)
    lines = [formatter.format(record) for record in caplog.records]
    assert any("afk_***" in line for line in lines)
    assert not any("SECRET" in line for line in lines)
    assert "SECRET2" in receiver.received[0].target


async def test_a_refused_target_does_not_delay_the_webhooks_of_other_jobs(driver: Driver, receiver: Receiver) -> None:
    await driver.submit("[[instant]]", webhookUrl="http://10.0.0.1/")
    await driver.submit("[[instant]]", webhookUrl=receiver.url)
    await driver.advance(0)
    assert len(receiver.received) == 1


def every_switch_in(text: str) -> list[str]:
    return [word.strip("(),;") for word in text.split() if word.startswith("--")]


async def test_the_switch_that_a_refusal_names_exists(driver: Driver) -> None:
    job_id = await driver.submit("[[instant]]", webhookUrl="http://10.0.0.1/")
    await driver.advance(0)
    [delivery] = await driver.deliveries(job_id)
    settings = Path(__file__).parents[2] / "mockserver" / "settings.py"
    known: Any = settings.read_text(encoding="utf-8").replace("_", "-")
    assert all(switch.removeprefix("--") in known for switch in every_switch_in(delivery["attempts"][0]["error"]))
