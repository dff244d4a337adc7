"""Waiting for a server: what counts as ready, what does not, and what is said then."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Done, Run
from tests.conftest import MakeApp


@pytest.fixture
def port() -> Iterator[int]:
    """A port at which nobody answers."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        yield free.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "settings",
    [{}, {"no_control": True}, {"admin_token": "sesame"}, {"host": "0.0.0.0"}],  # noqa: S104 - what is tested
    ids=["open", "no control plane", "behind a token", "closed"],
)
async def test_a_server_is_ready_whatever_its_control_plane(
    make_app: MakeApp, here: Run, settings: dict[str, Any]
) -> None:
    app = await make_app(**settings)
    assert await asyncio.to_thread(here, "wait", app.url, "--timeout", "5s") == Done(0, f"{app.url}\n", "")


@pytest.mark.parametrize("settings", [{}, {"admin_token": "sesame"}])
async def test_waiting_and_health_checks_meet_no_fault_and_stand_in_no_journal(
    make_app: MakeApp, here: Run, settings: dict[str, Any]
) -> None:
    app = await make_app(**settings)
    app.faults.add([{"respond": {"status": 503}}])
    assert (await asyncio.to_thread(here, "wait", app.url, "--quiet")) == Done(0, "", "")
    summary = await app.summary()
    assert (summary["requests"], summary["faults"], summary["findings"]) == (0, 0, {})


@pytest.mark.parametrize("content", ["", "http", "something else\n"])
async def test_a_file_that_is_there_before_its_content_is_waited_for(
    make_app: MakeApp, here: Run, tmp_path: Path, content: str
) -> None:
    app = await make_app()
    file = tmp_path / "mock.url"
    file.write_text(content, encoding="utf-8")
    waiting = asyncio.create_task(asyncio.to_thread(here, "wait", "--ready-file", str(file)))
    await asyncio.sleep(0)
    file.write_text(f"{app.url}\n", encoding="utf-8")
    assert await waiting == Done(0, f"{app.url}\n", "")


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (None, 'cannot read "{file}": No such file or directory'),
        ("", '"{file}" holds no address yet: ""'),
        ("http://127.0.0.1:{port}\n", "http://127.0.0.1:{port}: Connection refused"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows words these errors in its own way")
def test_what_was_seen_last_is_said(here: Run, tmp_path: Path, port: int, content: str | None, seen: str) -> None:
    file = tmp_path / "mock.url"
    if content is not None:
        file.write_text(content.format(port=port), encoding="utf-8")
    done = here("wait", "--timeout", "1ms", "--ready-file", str(file))
    assert done == Done(1, "", f"mockserver: not ready after 1ms: {seen.format(file=file, port=port)}\n")


def test_a_server_that_says_nothing_is_given_no_more_than_the_timeout(here: Run, silent: str) -> None:
    began = time.monotonic()  # noqa: TID251 - waiting happens in real time
    done = here("wait", "--timeout", "300ms", silent)
    assert time.monotonic() - began < 2  # noqa: TID251 - as above
    assert done == Done(1, "", f"mockserver: not ready after 300ms: {silent}: timed out\n")


def test_another_server_is_not_taken_for_ours(here: Run, tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert other.stdout is not None
    url = f"http://127.0.0.1:{other.stdout.readline().split(' port ')[1].split(' ')[0]}"
    (tmp_path / "_mock").mkdir()
    done = []
    try:
        for content in (None, '{"status": "fine"}'):
            if content:
                (tmp_path / "_mock" / "health").write_text(content, encoding="utf-8")
            done.append(here("wait", "--timeout", "10ms", url))
    finally:
        other.kill()
        other.communicate()
    said = f"mockserver: not ready after 10ms: {url} answers {{}}, as no mock server does\n"
    assert done == [Done(1, "", said.format(404)), Done(1, "", said.format(200))]


async def test_a_server_that_fails_is_not_ready(make_app: MakeApp, here: Run) -> None:
    app = await make_app(no_control=True)
    app.faults.add([{"respond": {"status": 503}}])
    done = await asyncio.to_thread(here, "wait", app.url, "--timeout", "0s")
    assert done == Done(1, "", f"mockserver: not ready after 0s: {app.url} answers 503\n")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ([], "want the URL of a server"),
        (["localhost:4010"], '"localhost:4010" is no address; want one such as http://127.0.0.1:4010'),
        (["http://x:port"], "is no address"),
        (["http://x y"], "is no address"),
        (["http://ü.."], "is no address"),
        (["http://x/é"], "is no address"),
        (["http://x", "--timeout", "soon"], '--timeout: "soon" is no duration'),
        (["http://x", "--ready-file", "y"], "want the URL of a server"),
    ],
)
def test_a_misuse_is_told(here: Run, typed: list[str], said: str) -> None:
    done = here("wait", *typed)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
