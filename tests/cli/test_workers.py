"""`mockserver serve --workers`: several processes on one port, and what becomes of them."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from mockserver.cli.main import Misuse
from mockserver.cli.workers.crew import Crew
from mockserver.cli.workers.process import starter
from mockserver.http.listening import listen
from tests.cli.conftest import Run, Start, stopped, url_of
from tests.cli.test_serve import BODY, fetch, half_sent, wait_until_refused

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")

Serve = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def serve(start: Start) -> Serve:
    """Start two workers on a free port, with other options as given."""
    common = ("serve", "--port", "0", "--workers", "2", "--store", "sqlite:mock.db")

    def serve(*options: str) -> "subprocess.Popen[str]":
        return start(*common, *(options or ("--quiet",)))

    return serve


def workers_of(process: "subprocess.Popen[str]") -> set[int]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
    return {int(pid) for pid in text.split()}


def answering(url: str) -> str:
    """Which worker answers on a new connection: its own start of request ids."""
    with urlopen(f"{url}/v2/models", timeout=5) as answer:  # noqa: S310 - our own server
        name: str = answer.headers["x-request-id"]
        return name[:-8]


def all_answering(process: "subprocess.Popen[str]", url: str) -> set[str]:
    """Who answers where only one of the workers can, for each of them."""
    names = set()
    for pid in workers_of(process):
        others, name = workers_of(process) - {pid}, ""
        while not name:
            for other in others:
                os.kill(other, signal.SIGSTOP)
            with contextlib.suppress(OSError):  # one that was stopped while it wrote keeps the others waiting
                name = answering(url)
            for other in others:
                os.kill(other, signal.SIGCONT)
        names.add(name)
    return names


def wait_for_the_end(pid: int) -> None:
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([watched], [], [], 20)[0]
    finally:
        os.close(watched)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--workers", "2"],
            "--workers: 2 processes share nothing in memory; add --store sqlite:PATH or redis://HOST:PORT",
        ),
        (
            ["--workers", "2", "--store", "sqlite:mock.db", "--exit-after-idle", "1s"],
            "--exit-after-idle: 2 processes do not know of each other's requests; leave out it or --workers",
        ),
        (["--workers", "0"], '--workers: "0" will not do: want a whole number from 1 to 64'),
        (["--workers", "65"], '--workers: "65" will not do: want a whole number from 1 to 64'),
    ],
)
def test_what_several_processes_cannot_do_is_one_line_and_exit_2(here: Run, options: list[str], said: str) -> None:
    assert here("serve", *options) == (2, "", f"mockserver: {said}\n")


def test_the_first_line_comes_when_all_workers_answer_and_each_of_them_does(serve: Serve) -> None:
    process = serve()
    url = url_of(process)
    assert len(workers_of(process)) == 2
    assert len(all_answering(process, url)) == 2
    assert stopped(process) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_request_under_way_is_answered_before_the_end(serve: Serve, number: signal.Signals) -> None:
    process = serve()
    url = url_of(process)
    with half_sent(url) as client:
        process.send_signal(number)
        wait_until_refused(url)
        client.send(BODY)
        answer = client.getresponse()
        assert (answer.status, json.load(answer)["status"]) == (202, "QUEUED")
    assert process.communicate() == ("", "")
    assert process.returncode == 0


def test_a_second_signal_ends_all_at_once(serve: Serve) -> None:
    process = serve()
    url = url_of(process)
    workers = workers_of(process)
    with half_sent(url):
        process.send_signal(signal.SIGINT)
        wait_until_refused(url)
        assert stopped(process, signal.SIGINT) == (-signal.SIGINT, "", "")
        for pid in workers:
            wait_for_the_end(pid)


def test_a_worker_that_dies_is_replaced(serve: Serve) -> None:
    process = serve()
    url = url_of(process)
    before = workers_of(process)
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    assert process.stderr is not None
    said = process.stderr.readline()
    while len(now := workers_of(process)) < 2:
        with contextlib.suppress(OSError):
            answering(url)
    assert said.endswith(f" warning worker {killed} was ended by SIGKILL; another takes its place\n")
    assert (len(now), len(now & before)) == (2, 1)
    assert len(all_answering(process, url)) == 2
    assert stopped(process).code == 0  # it may have warned of the file that a stopped worker kept busy


def test_a_parent_that_is_killed_leaves_nobody_behind(serve: Serve) -> None:
    process = serve()
    url_of(process)
    workers = workers_of(process)
    process.kill()
    for pid in workers:
        wait_for_the_end(pid)


def test_what_keeps_workers_from_starting_is_said_once(serve: Serve) -> None:
    process = serve("--scenario", "nosuch")
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert err.startswith('mockserver: --scenario: there is no scenario "nosuch"; ')
    assert err.count("\n") == 1


def test_the_ready_file_is_there_as_long_as_all_serve(serve: Serve, tmp_path: Path) -> None:
    process = serve("--ready-file", "url.txt")
    url = url_of(process)
    assert (tmp_path / "url.txt").read_text(encoding="utf-8") == f"{url}\n"
    stopped(process)
    assert not (tmp_path / "url.txt").exists()


def test_a_ready_file_that_cannot_be_written_ends_all(serve: Serve) -> None:
    process = serve("--ready-file", "none/url.txt")
    said = 'mockserver: --ready-file: cannot write "none/url.txt": No such file or directory\n'
    assert (*process.communicate(), process.returncode) == ("", said, 2)


def test_what_one_worker_stores_the_others_see(serve: Serve) -> None:
    process = serve()
    url = url_of(process)
    for _ in range(8):  # with a connection each, of which both workers have some
        accepted = fetch(f"{url}/v2/images/generate", json.loads(BODY))[1]
        assert isinstance(accepted, dict)
        assert fetch(f"{url}/v2/jobs/{accepted['jobId']}")[0] == 200
    assert stopped(process) == (0, "", "")


def test_a_run_ends_with_what_came_of_it_told_once(serve: Serve) -> None:
    process = serve("--fail-on-findings")
    url = url_of(process)
    for _ in range(3):
        assert fetch(f"{url}/v2/images/generate", {"model": "flux-2-pro", "promt": "a fox"})[0] == 400
    done = stopped(process)
    assert done.code == 1
    assert done.err.count("3 requests, 0 jobs, 0 credits that the real API would have taken\n") == 1
    assert done.err.count("finding: REFUSAL-RETRIED, 2 times") == 1


async def test_a_program_that_never_answers_is_given_up() -> None:
    with listen("127.0.0.1", 0) as listener:
        crew = Crew(2, starter(listener, {}, (sys.executable, "-S", "-c", "import sys; sys.exit(3)")))
        with pytest.raises(Misuse) as raised:
            await crew.run()
    assert str(raised.value) == "--workers: of 3 workers none came to answer; the last ended with exit code 3"
