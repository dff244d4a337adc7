"""A server that others wait for, that ends by itself, and that says what came of its run."""

import asyncio
import json
import subprocess
from pathlib import Path

import aiohttp

from mockserver.cli.serving import idle
from tests.cli.conftest import COMMAND, ENVIRONMENT, Run, Start, stopped, url_of
from tests.cli.test_serve import fetch
from tests.conftest import MakeApp


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


async def test_a_server_is_not_idle_while_it_answers(make_app: MakeApp) -> None:
    app = await make_app()
    ending = asyncio.create_task(idle(app, 0.1))
    async with aiohttp.ClientSession(app.url) as http, http.get("/_mock/requests?wait=300ms") as answer:
        assert (await answer.json())["timedOut"]
        assert not ending.done()
    await ending


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
