"""Help teaches; a wrong command line is one line on standard error and exit code 2."""

import shlex
import subprocess
from pathlib import Path

import click
import pytest

from mockserver import __version__
from mockserver.cli.main import COMMANDS, root
from mockserver.settings import SETTINGS
from tests.cli.conftest import COMMAND, ENVIRONMENT, Run

CONTEXT = click.Context(root, info_name="mockserver")


def command_named(name: str) -> click.Command:
    command = root.get_command(CONTEXT, name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_shows_examples_one_a_line_that_can_be_typed(run: Run, name: str) -> None:
    done = run(name, "--help")
    assert (done.code, done.err) == (0, "")
    epilog = done.out.partition("Examples:\n")[2].partition("\n\n")[0]
    shown = [line.strip().partition("   (")[0] for line in epilog.splitlines()]
    assert [line for line in shown if f"mockserver {name}" in line] != []
    for line in shown:
        before_pipe = [word for word in shlex.split(line.partition(" | ")[0]) if not word.startswith("MOCKSERVER_")]
        assert before_pipe[0] == "mockserver"
        used = command_named(before_pipe[1])
        assert used.make_context(before_pipe[1], before_pipe[2:], parent=CONTEXT).params != {"": None}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_explained(name: str) -> None:
    options = [option for option in command_named(name).params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_the_help_of_serve_names_every_setting_with_its_variable_and_the_ready_made_keys(run: Run) -> None:
    text = " ".join(run("serve", "--help").out.split())
    assert [row.name for row in SETTINGS if f"{row.option} {row.form}".strip() not in text] == []
    assert [row.name for row in SETTINGS if f"[{row.variable}; default: {row.shown_default}]" not in text] == []
    keys = ("afk_test", "afk_test_poor", "afk_test_inactive", "afk_test_limited", "afk_test_down")
    assert [key for key in keys if f" {key} " not in text] == []


def test_the_command_alone_teaches(run: Run) -> None:
    done = run()
    assert done.code == 2
    assert done.out.rstrip() == run("--help").out.rstrip()
    assert [name for name, what in COMMANDS.items() if not any(what in line for line in done.out.splitlines())] == []
    assert "\n    mockserver demo\n    mockserver serve\n" in done.out


def test_the_version_is_the_package_s(run: Run) -> None:
    assert run("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["srve"], 'there is no command "srve"; did you mean serve?'),
        (["list"], 'there is no command "list"; did you mean listen?'),
        (["xyzzy"], 'there is no command "xyzzy"; there are serve, run, wait, demo, '),
        (["ser\x1b[31mve\nx"], 'there is no command "ser\\x1b[31mve x"; '),
        (["--prot"], "No such option '--prot'. (see mockserver --help)"),
        (["sample"], "Missing argument 'MODEL'. (see mockserver sample --help)"),
        (["listen", "--key"], "Option '--key' requires an argument. (see mockserver listen --help)"),
        (["listen", "--status", "99"], "Invalid value for '--status': 99 is not in the range 200<=x<=599. "),
        (["serve", "afk_secret"], "Got unexpected extra argument (afk_***) (see mockserver serve --help)"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_mistyped_is_told_in_one_line_with_exit_2(here: Run, typed: list[str], said: str) -> None:
    done = here(*typed)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"mockserver: {said}")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["models"], ["models", "--json"]])
def test_a_reader_that_goes_away_is_answered_with_silence(arguments: list[str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize("arguments", [["--help"], ["models"], ["models", "midjourney"], ["sample", "midjourney"]])
def test_an_output_that_knows_ascii_alone_is_no_error(run: Run, arguments: list[str]) -> None:
    done = run(*arguments, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.code, done.err) == (0, "")
    assert done.out.isascii()


def test_what_an_output_cannot_show_is_escaped(run: Run) -> None:
    line = run("sample", "midjourney", "--curl", "--url", "http://🦊.test", PYTHONIOENCODING="cp1252")
    assert (line.code, line.err) == (0, "")
    assert "'http://\\U0001f98a.test/v2/images/generate'" in line.out
    assert run("sample", "🦊", PYTHONIOENCODING="cp1252").err == (
        'mockserver: there is no model "\\U0001f98a"; mockserver models lists them\n'
    )
