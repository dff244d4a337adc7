"""docs/run.md shows commands that run, and names all that there is."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mockserver.cli.run import NOT_FOR_RUN, command
from mockserver.intercept.environment import Places, for_program
from mockserver.intercept.hosts import HOSTS
from tests.run.conftest import PLAIN
from tests.run.test_clients import NODE

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "run.md").read_text(encoding="utf-8")
SHELL = [block.strip() for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)]
COMMANDS = [line for block in SHELL[:2] for line in block.splitlines()] + SHELL[2:]
SHOWN = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0]
VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=127\.0\.0\.1:)\d+")

TEST = """
import urllib.request

def test_the_models_are_listed():
    with urllib.request.urlopen("https://api.apiframe.ai/v2/models") as response:
        assert response.status == 200
"""
MAIN = """
class Main {
    public static void main(String[] arguments) throws Exception {
        new java.net.URL("https://api.apiframe.ai/v2/models").openStream().close();
    }
}
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the page is for a POSIX shell")


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which this Python, its commands and a new Node.js stand first; its folder is ready for the commands."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "test_models.py").write_text(TEST, encoding="utf-8")
    (tmp_path / "Main.java").write_text(MAIN, encoding="utf-8")
    return os.pathsep.join([str(Path(sys.executable).parent), str(Path(NODE).parent), os.environ["PATH"]])


def ran(line: str, folder: Path, path: str) -> "subprocess.CompletedProcess[str]":
    """What a POSIX shell makes of a line; the variables below only save time."""
    quick = {
        "MOCKSERVER_SPEED": "instant",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1",
    }
    shell, env = shutil.which("sh") or "sh", {**PLAIN, **quick, "PATH": path, "PYTHONUNBUFFERED": "1"}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
    return subprocess.run([shell, "-c", line], cwd=folder, env=env, check=False, **pipes)


def test_the_first_command_of_the_page_prints_what_is_shown_below_it(path: str, tmp_path: Path) -> None:
    lines = [line.rstrip() for line in ran(COMMANDS[0], tmp_path, path).stdout.splitlines()]
    assert [VARYING.sub("", line) for line in lines] == [VARYING.sub("", line) for line in SHOWN.splitlines()]


@pytest.mark.parametrize("line", COMMANDS[1:], ids=lambda line: re.sub(r"\W+", " ", line.rpartition(" -- ")[2])[:40])
def test_a_command_of_the_page_runs_against_the_mock(line: str, path: str, tmp_path: Path) -> None:
    if "keytool" in line and not (shutil.which("keytool") and shutil.which("javac")):
        pytest.skip("there is no Java here")
    done = ran(line, tmp_path, path)
    assert done.returncode == 0, done.stdout
    assert re.search(r"mockserver: [1-9]\d* requests?, ", done.stdout), done.stdout


def test_the_page_names_every_variable_host_and_option_of_its_own() -> None:
    told = for_program({}, Places("", "", "", ""))
    own = {option.opts[-1] for option in command.params if option.name in ("offline", "vendor_urls", "port", "quiet")}
    left_out = {f"--{name.replace('_', '-')}" for name in NOT_FOR_RUN}
    wanted = {*told, *HOSTS, *own, *left_out, "--fail-on-findings"}
    assert {name for name in wanted if f"`{name}`" not in PAGE} == set()
