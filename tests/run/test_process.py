"""The command under `mockserver run` is as if it were alone: exit code, signals, streams; and nothing is left of it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, Run
from tests.run.conftest import PLAIN, PRINTS_ENVIRONMENT, StartUnder, Under

QUIET = ("--quiet",)
NOTHING_CAME = (
    "no request came: does the program look at HTTPS_PROXY or APIFRAME_BASE_URL?"
    " docs/run.md tells what each language needs"
)
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

TELLS_SIGNALS = """
import os, signal
seen = []
def hear(number, _):
    seen.append(str(number))
    os.write(1, f"heard {number}\\n".encode())
def end(*_):
    os.write(1, f"heard in all {' '.join(seen)}\\n".encode())
    os._exit(7)
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, hear)
signal.signal(signal.SIGTERM, end)
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""


@pytest.mark.parametrize(
    ("program", "code"),
    [("exit 3", 3), ("kill -KILL $$", 137), ("kill -TERM $PPID; while :; do :; done", 143)],
    ids=["its own", "killed", "ended by way of mockserver, at its very start"],
)
@posix
def test_the_exit_code_is_the_command_s(under: Under, program: str, code: int) -> None:
    assert under("sh", "-c", program, options=QUIET) == (code, "", "")


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("no-such-program", 127, 'there is no program "no-such-program"; is it installed, and in PATH?'),
        (os.curdir, 126, 'cannot run ".": Permission denied'),
    ],
    ids=["none", "a folder"],
)
def test_what_cannot_be_started_is_told_with_the_exit_code_of_a_shell(
    under: Under, tmp_path: Path, name: str, code: int, said: str
) -> None:
    assert under(name, options=QUIET) == (code, "", f"mockserver: {said}\n")
    assert list(tmp_path.iterdir()) == []


def test_the_streams_are_the_command_s_own(under: Under) -> None:
    echo = "import sys; text = sys.stdin.read(); print(text.upper(), end=''); print(text, end='', file=sys.stderr)"
    assert under(sys.executable, "-c", echo, options=QUIET, stdin="a fox\n") == (0, "A FOX\n", "a fox\n")


def test_everything_behind_the_command_is_its_own(under: Under) -> None:
    shows = (sys.executable, "-c", "import sys; print(sys.argv[1:])", "--port", "x", "--", "--help")
    assert under(*shows, options=QUIET).out == "['--port', 'x', '--', '--help']\n"


@posix
def test_a_signal_goes_on_to_the_command_once(start_under: StartUnder, tmp_path: Path) -> None:
    process = start_under(sys.executable, "-c", TELLS_SIGNALS)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        process.send_signal(number)
        assert process.stdout.readline() == f"heard {int(number)}\n"
    process.send_signal(signal.SIGTERM)
    heard = " ".join(str(int(number)) for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1))
    assert process.communicate() == (f"heard in all {heard}\n", "")
    assert process.returncode == 7
    assert list(tmp_path.iterdir()) == []


@posix
def test_a_command_that_a_signal_ends_makes_the_exit_code_of_a_shell(start_under: StartUnder, tmp_path: Path) -> None:
    process = start_under(sys.executable, "-c", "print('ready', flush=True); import signal; signal.pause()")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert (process.wait(), list(tmp_path.iterdir())) == (143, [])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a terminal is taken in another way")
def test_ctrl_c_on_a_terminal_reaches_the_command_once(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    takes_terminal = ["sh", "-c", 'terminal=$1; shift; exec "$@" <"$terminal"', "sh", os.ttyname(theirs)]
    line = [*takes_terminal, *COMMAND, "run", "--quiet", "--", sys.executable, "-c", TELLS_SIGNALS]
    with subprocess.Popen(
        line,
        cwd=tmp_path,
        env={**PLAIN, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.write(ours, b"\x03")
        assert process.stdout.readline() == f"heard {int(signal.SIGINT)}\n"
        process.send_signal(signal.SIGTERM)  # passed on behind all that came before
        assert process.communicate() == (f"heard in all {int(signal.SIGINT)}\n", "")
    assert process.returncode == 7
    assert list(tmp_path.iterdir()) == []
    os.close(ours)
    os.close(theirs)


SHOWS_FOLDER = """
import json, os, pathlib
files = [pathlib.Path(os.environ[name]) for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")]
folder = files[0].parent
print(json.dumps({
    "files": sorted(path.name for path in folder.iterdir()),
    "mode": oct(folder.stat().st_mode & 0o777),
    "keys": [path.name for path in folder.iterdir() if "PRIVATE" in path.read_text()],
    "is_in": folder.parent == pathlib.Path(os.environ["TMPDIR"]),
}))
"""


@posix
def test_the_folder_of_certificates_is_this_user_s_alone_without_a_key_and_gone_afterwards(
    under: Under, tmp_path: Path
) -> None:
    done = under(sys.executable, "-c", SHOWS_FOLDER, options=QUIET)
    assert json.loads(done.out) == {
        "files": ["mockserver.pem", "trusted.pem"],
        "mode": "0o700",
        "keys": [],
        "is_in": True,
    }
    assert list(tmp_path.iterdir()) == []


def test_the_command_is_told_where_the_mock_is_and_gets_a_key_of_it(under: Under) -> None:
    done = under(
        *PRINTS_ENVIRONMENT, APIFRAME_API_KEY="afk_a_real_one_that_costs_money", all_proxy="http://127.0.0.1:1"
    )
    told = json.loads(done.out)
    first, *rest = done.err.splitlines()
    assert first == f"mockserver: https://api.apiframe.ai is {told['APIFRAME_BASE_URL']} for this command"
    assert rest == [
        "mockserver: 0 requests, 0 jobs, 0 credits that the real API would have taken",
        f"mockserver: {NOTHING_CAME}",
    ]
    assert (told["APIFRAME_API_KEY"], told.get("all_proxy")) == ("afk_test", None)


def test_a_server_s_settings_do_not_hold_for_a_run(under: Under, tmp_path: Path) -> None:
    settings = 'host = "0.0.0.0"\nport = 1\npublic-url = "https://mock.example.com"\nready-file = "ready"\n'
    (tmp_path / "mockserver.toml").write_text(settings, encoding="utf-8")
    told = json.loads(under(*PRINTS_ENVIRONMENT, options=QUIET, MOCKSERVER_ADMIN_TOKEN="x").out)
    assert told["APIFRAME_BASE_URL"].startswith("http://127.0.0.1:")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mockserver.toml"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["run"], "run: what is to be run? Put it behind --, as in mockserver run -- npm test"),
        (["run", "--offline", "--"], "run: what is to be run? Put it behind --, as in mockserver run -- npm test"),
        (["run", "--port", "x", "--", "true"], '--port: "x" will not do: want a whole number from 0 to 65535'),
        (["run", "--host", "::1", "--", "true"], "No such option '--host'. "),
    ],
    ids=["nothing", "nothing behind --", "a wrong port", "no option of run"],
)
def test_what_is_mistyped_is_told_in_one_line_with_exit_2(here: Run, typed: list[str], said: str) -> None:
    done = here(*typed)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"mockserver: {said}")
