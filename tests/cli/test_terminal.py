"""The command line on a terminal."""

import os
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.schemas import catalog
from tests.cli.conftest import COMMAND, ENVIRONMENT

pty = pytest.importorskip("pty", reason="Windows has no pseudo terminals")
INSTANT = ("demo", "--prompt", "a fox [[instant]]")
MODELS = [model.id for model in catalog().all_models()]
OnTerminal = Callable[..., tuple[int, str]]


@pytest.fixture
def on_terminal(tmp_path: Path) -> OnTerminal:
    """Run `mockserver ARGUMENTS` on a terminal of 80 columns: its exit code and all that it showed."""

    def run(*arguments: str, columns: int = 80, **environment: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, columns))
        env = {**ENVIRONMENT, "TERM": "xterm-256color", **environment}
        with subprocess.Popen(
            [*COMMAND, *arguments], cwd=tmp_path, env=env, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            shown = b""
            try:
                while chunk := os.read(ours, 65536):
                    shown += chunk
            except OSError:  # how Linux says that the other side has closed
                pass
            os.close(ours)
        return process.returncode, shown.decode().replace("\r\n", "\n")

    return run


def test_the_demo_draws_a_live_bar(on_terminal: OnTerminal, tmp_path: Path) -> None:
    code, shown = on_terminal(*INSTANT)
    assert code == 0
    assert "COMPLETED" in shown
    assert "━━━" in shown
    assert "\x1b[" in shown
    assert "  COMPLETED 100%\n" not in shown
    assert "signature true (hex)" in shown
    assert (tmp_path / "apiframe-demo.png").read_bytes().startswith(b"\x89PNG")


def test_the_bar_of_the_demo_has_no_colour_where_none_is_wanted(on_terminal: OnTerminal) -> None:
    coloured, plain = on_terminal(*INSTANT)[1], on_terminal(*INSTANT, NO_COLOR="1")[1]
    assert "\x1b[38;5;" in coloured
    assert "\x1b[38;5;" not in plain
    assert "━━━" in plain


def test_the_demo_prints_plain_lines_on_a_dumb_terminal(on_terminal: OnTerminal) -> None:
    code, shown = on_terminal(*INSTANT, TERM="dumb")
    assert code == 0
    assert "  COMPLETED 100%\n" in shown
    assert "\x1b" not in shown


def test_the_bar_of_the_demo_can_do_with_ascii(on_terminal: OnTerminal) -> None:
    code, shown = on_terminal(*INSTANT, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (code, "Traceback" in shown) == (0, False)
    assert "COMPLETED" in shown


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_models_shows_as_many_columns_as_fit_and_every_id_whole(on_terminal: OnTerminal, columns: int) -> None:
    code, shown = on_terminal("models", columns=columns)
    lines = shown.splitlines()
    assert code == 0
    assert [line.split()[0] for line in lines[1:] if line and not line.startswith("#")] == MODELS
    assert max(map(len, lines)) <= columns
    headings = ["model", "credits", "usual", "prompt", "seconds", "label", "parameters", "price is"]
    shown_headings = {40: 1, 80: 5, 200: 8}[columns]
    assert lines[0].split() == " ".join(headings[:shown_headings]).split()


def test_one_model_is_wrapped_to_the_terminal(on_terminal: OnTerminal) -> None:
    code, narrow = on_terminal("models", "midjourney", columns=60)
    _, wide = on_terminal("models", "ideogram-v3-turbo", columns=60)
    assert code == 0
    assert max(map(len, [*narrow.splitlines()[2:], *wide.splitlines()[2:]])) <= 60


def test_help_fits_the_terminal(on_terminal: OnTerminal) -> None:
    code, shown = on_terminal("serve", "--help")
    assert code == 0
    assert max(map(len, shown.partition("Examples:")[0].splitlines())) <= 80
