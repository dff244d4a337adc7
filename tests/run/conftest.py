"""Running `mockserver run` in processes of its own, and an interception in this one."""

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.app import App
from mockserver.cli import main
from mockserver.clock import Clock
from mockserver.intercept.interception import Interception
from mockserver.intercept.outside import Outside
from mockserver.intercept.proxy import Proxy
from mockserver.intercept.streams import Address, Listener, Stream
from tests.cli.conftest import COMMAND, ENVIRONMENT, Done, Run
from tests.processes import end_all
from tests.run.wire import NOWHERE, MakeProxy, Serve

NOW = Clock().now()
"""For certificates, which clients judge by the real time."""
TOUCHED = ("_PROXY", "SSL_CERT_FILE", "_CA_BUNDLE", "_CA_CERTS", "DENO_CERT", "NODE_USE_ENV_PROXY")
PLAIN = {name: value for name, value in ENVIRONMENT.items() if not name.upper().endswith(TOUCHED)}
"""This environment without what `run` itself sets."""
PRINTS_ENVIRONMENT = (sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))")
Under = Callable[..., Done]
StartUnder = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def under(tmp_path: Path) -> Under:
    """Run `mockserver run OPTIONS -- WORDS` to its end, in an empty folder."""

    def under(*words: str, options: tuple[str, ...] = (), stdin: str = "", **environment: str) -> Done:
        line = [*COMMAND, "run", *options, "--", *words]
        env = {**PLAIN, "TMPDIR": str(tmp_path), **environment}
        done = subprocess.run(
            line, cwd=tmp_path, env=env, input=stdin, capture_output=True, encoding="utf-8", check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return under


@pytest.fixture
def start_under(tmp_path: Path) -> Iterator[StartUnder]:
    """Start `mockserver run -- WORDS` without a terminal; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> "subprocess.Popen[str]":
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
        line, env = [*COMMAND, "run", "--quiet", "--", *words], {**PLAIN, "TMPDIR": str(tmp_path)}
        process = subprocess.Popen(line, cwd=tmp_path, env=env, start_new_session=True, **pipes)
        started.append(process)
        return process

    yield start
    end_all(started)


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `mockserver ARGUMENTS` in this process: for what is refused at once."""

    def run(*arguments: str) -> Done:
        code = main.run(list(arguments))
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
async def interception(app: App) -> AsyncIterator[Interception]:
    async with Interception(app.url, {}, NOW) as interception:
        yield interception


@pytest.fixture
async def stack() -> AsyncIterator[contextlib.AsyncExitStack]:
    async with contextlib.AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def proxy(stack: contextlib.AsyncExitStack) -> MakeProxy:
    """Start a proxy for other hosts, in whose own environment some variables are set."""

    async def make(*, is_offline: bool = False, head_timeout_s: float = 30.0, **environment: str) -> Address:
        proxy = Proxy(NOWHERE, Outside(environment), is_offline=is_offline, head_timeout_s=head_timeout_s)
        url = await proxy.start()
        stack.push_async_callback(proxy.close)
        return Address("127.0.0.1", int(url.rpartition(":")[2]))

    return make


@pytest.fixture
def serve(stack: contextlib.AsyncExitStack) -> Serve:
    """Start a server of this machine that handles each connection in the given way."""

    async def start(handle: Callable[[Stream], Awaitable[None]]) -> Address:
        listener = Listener(handle)
        stack.push_async_callback(listener.close)
        return await listener.start()

    return start
