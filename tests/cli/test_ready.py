"""A server that others wait for, that ends by itself, and that says what came of its run."""

import json
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, ENVIRONMENT, Run, Start, stopped, url_of
from tests.cli.test_serve import fetch


def wait(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, "wait", *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False)


def test_waiting_ends_when_the_server_answers_and_prints_where(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "url.txt"
    process = start("serve", "--port", "0", "--ready-file", str(file), "--quiet")
    done = wait("--ready-file", str(file))
    url = url_of(process)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{url}\n", "")
    assert file.read_text(encoding="utf-8") == f"{url}\n"
    assert wait(url, "--quiet").stdout == ""
    assert stopped(process).code == 0
    assert not file.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_server_without_a_control_plane_is_waited_for_as_well(start: Start) -> None:
    url = url_of(start("serve", "--port", "0", "--no-control"))
    assert wait(url).returncode == 0


@pytest.mark.parametrize("content", [None, "http://127.0.0.1:{port}\n"])
def test_what_was_seen_last_is_said(here: Run, tmp_path: Path, content: str | None) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        file = tmp_path / "url.txt"
        if content is not None:
            file.write_text(content.format(port=port), encoding="utf-8")
        done = here("wait", "--timeout", "1ms", "--ready-file", str(file))
    assert (done.code, done.out) == (1, "")
    seen = f"http://127.0.0.1:{port}: Connection refused" if content else f'cannot read "{file}": No such file'
    assert done.err.startswith(f"mockserver: not ready after 1ms: {seen}")


def test_another_server_is_not_taken_for_ours(here: Run, tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert other.stdout is not None
    port = other.stdout.readline().split(" port ")[1].split(" ")[0]
    done = here("wait", "--timeout", "10ms", f"http://127.0.0.1:{port}")
    other.kill()
    other.communicate()
    assert (done.code, done.err) == (
        1,
        f"mockserver: not ready after 10ms: http://127.0.0.1:{port} answers 404, as no mock server does\n",
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ([], "want the URL of a server"),
        (["localhost:4010"], '"localhost:4010" is no address; want one such as http://127.0.0.1:4010'),
        (["http://x:port"], "is no address"),
        (["http://x", "--timeout", "soon"], '--timeout: "soon" is no duration'),
        (["http://x", "--ready-file", "y"], "want the URL of a server"),
    ],
)
def test_a_misuse_is_told(here: Run, typed: list[str], said: str) -> None:
    done = here("wait", *typed)
    assert done.code == 2
    assert said in done.err


def test_a_ready_file_that_cannot_be_written_ends_the_start(run: Run) -> None:
    done = run("serve", "--port", "0", "--ready-file", "none/url.txt")
    assert (done.code, done.out) == (2, "")
    assert done.err == 'mockserver: --ready-file: cannot write "none/url.txt": No such file or directory\n'


def test_a_server_that_nobody_asks_ends_by_itself(start: Start) -> None:
    process = start("serve", "--port", "0", "--exit-after-idle", "300ms")
    url_of(process)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "no request for 0.3 s: stopping, as --exit-after-idle says" in err


def test_a_run_ends_with_what_came_of_it(start: Start) -> None:
    process = start("serve", "--port", "0")
    url = url_of(process)
    assert fetch(f"{url}/v2/images/generate", {"model": "flux-2-pro", "prompt": "a fox"})[0] == 202
    done = stopped(process)
    assert done.code == 0
    assert "1 request, 1 job, 6 credits that the real API would have taken\n" in done.err


def test_findings_can_fail_a_run(start: Start) -> None:
    process = start("serve", "--port", "0", "--fail-on-findings", "--quiet")
    url = url_of(process)
    for _ in range(3):
        assert fetch(f"{url}/v2/images/generate", {"model": "flux-2-pro", "promt": "a fox"})[0] == 400
    summary = fetch(f"{url}/_mock/summary")[1]
    done = stopped(process)
    assert json.loads(json.dumps(summary))["findings"] == {"REFUSAL-RETRIED": 2}
    assert done.code == 1
    assert "finding: REFUSAL-RETRIED" in done.err
