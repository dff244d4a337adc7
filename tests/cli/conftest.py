"""Running the real command in processes of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mockserver.cli import main
from tests.processes import end_all

LEFT_OUT = ("MOCKSERVER_", "APIFRAME_", "PYTHON", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
NO_ROOTS = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
"""No certificates of the system: reading them is a third of a start, and nothing here leaves loopback."""
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)} | NO_ROOTS
COMMAND = (sys.executable, "-m", "mockserver")


class Done(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `mockserver ARGUMENTS` to its end, in an empty folder."""

    def run(*arguments: str, **environment: str) -> Done:
        env = {**ENVIRONMENT, **environment}
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `mockserver ARGUMENTS` in this process: for many that are cheap."""

    def run(*arguments: str) -> Done:
        code = main.run(list(arguments))
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `mockserver ARGUMENTS`, in an empty folder; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
        env = {**ENVIRONMENT, **environment}
        process = subprocess.Popen([*COMMAND, *arguments], cwd=tmp_path, env=env, start_new_session=True, **pipes)
        started.append(process)
        return process

    yield start
    end_all(started)


def url_of(process: "subprocess.Popen[str]") -> str:
    """The address in the first line of a server's output, which has no other form."""
    assert process.stdout is not None
    words = process.stdout.readline().split(" ")
    assert words[:2] == ["listening", "on"]
    return words[2].rstrip("\n")


def stopped(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> Done:
    """End a server with a signal, and say what it had printed since."""
    process.send_signal(number)
    out, err = process.communicate()
    return Done(process.returncode, out, err)
