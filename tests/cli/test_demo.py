"""`mockserver demo`."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run, Start, url_of

ADDRESS = r"http://127\.0\.0\.1:\d+"
JOB = r"[0-9a-f-]{36}"
INSTANT = "a fox [[instant]]"


def test_the_demo_walks_the_whole_path_in_a_pipe(run: Run, tmp_path: Path) -> None:
    done = run("demo", "--model", "grok-imagine-image", "--out", "fox.png", MOCKSERVER_PORT="none")
    assert (done.code, done.err) == (0, "")
    picture = (tmp_path / "fox.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    shape = [
        rf"the fake listens on {ADDRESS}",
        rf'POST /v2/images/generate -> 202 {{"jobId": "{JOB}", "status": "QUEUED"}}',
        r"(?:  QUEUED 0%\n)?(?:  PROCESSING \d+%\n)+  COMPLETED 100%",  # on a busy machine the first look may come late
        r"webhook: completed, sha256=[0-9a-f]{16}\.\.\., signature true \(hex\)",
        rf"picture: {ADDRESS}/images/{JOB}-1\.png",
        rf"  -> fox\.png \({len(picture):,} bytes, image/png\)",
        r"credits: 2 spent, 999,998 left",
        r"",
        r"now start it with:  .*mockserver serve",
        r"and try:            curl .*",
    ]
    assert re.fullmatch("\n".join(shape) + "\n", done.out), done.out


@pytest.mark.parametrize(
    ("model", "what", "ending", "magic"),
    [
        ("ideogram-character", "picture", "png", b"\x89PNG"),
        ("flux-fill-pro", "picture", "png", b"\x89PNG"),
        ("kling-3.0-motion-control", "video", "mp4", b"\0\0\0"),
        ("suno", "track", "mp3", b"ID3"),
    ],
)
def test_the_demo_runs_models_of_every_kind_and_such_as_need_more_than_a_prompt(
    run: Run, tmp_path: Path, model: str, what: str, ending: str, magic: bytes
) -> None:
    done = run("demo", "--model", model, "--prompt", INSTANT)
    assert (done.code, done.err) == (0, "")
    content = (tmp_path / f"apiframe-demo.{ending}").read_bytes()
    assert content.startswith(magic)
    address = rf"{ADDRESS}/(images|videos|audio)/{JOB}[-0-9]*\.{ending}"
    told = rf"{what}: {address}\n  -> apiframe-demo\.{ending} \({len(content):,} bytes, "
    assert re.search(told, done.out), done.out
    assert ("and 3 more of its files" in done.out) == (model == "suno")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("flux-lora", "--model: flux-lora needs a LoRA that is READY (fluxLoraParams.loraId), and the demo has none; "),
        ("suno-stems", '"suno-stems" is an action of suno, and no model; mockserver sample suno-stems shows a request'),
        ("suna", 'there is no model "suna"; did you mean suno'),
    ],
)
def test_a_demo_that_cannot_be_given_says_why(here: Run, model: str, said: str) -> None:
    done = here("demo", "--model", model)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"mockserver: {said}")


@pytest.mark.skipif(sys.platform == "win32", reason="the line is written for a POSIX shell")
def test_the_curl_line_that_the_demo_ends_with_runs_whatever_the_prompt(run: Run, start: Start) -> None:
    prompt = """[[instant]] it's "quoted" $HOME `id` \\n"""
    line = run("demo", "--prompt", prompt).out.splitlines()[-1].partition("curl ")[2]
    server = url_of(start("serve", "--port", "0"))
    command = "curl " + line.replace("http://127.0.0.1:4010", server)
    said = subprocess.run(["sh", "-c", command], capture_output=True, encoding="utf-8", check=True).stdout  # noqa: S607 - sh
    assert json.loads(said)["status"] == "QUEUED"
    assert json.loads(shlex.split(command)[-1]) == {"model": "midjourney", "prompt": prompt}


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("[[fail: no foxes]]", ["error: no foxes", "webhook: failed, ", "credits: given back, 1,000,000 left"]),
        ("[[cancel]]", ["  CANCELLED ", "credits: given back, 1,000,000 left"]),
    ],
    ids=["fail", "cancel"],
)
def test_a_demo_whose_job_fails_says_why_and_exits_1(run: Run, order: str, said: list[str]) -> None:
    done = run("demo", "--prompt", f"[[instant]] {order}")
    assert (done.code, done.err) == (1, "")
    assert [text for text in said if text not in done.out] == []


def test_a_demo_whose_webhook_is_not_signed_well_exits_1(run: Run) -> None:
    done = run("demo", "--prompt", "[[instant]] [[webhook: bad-signature]]")
    assert done.code == 1
    assert "signature FALSE\n" in done.out
    assert done.err.endswith(": answered 401; only 2xx counts as received\n")


def test_a_demo_does_not_wait_for_ever(run: Run) -> None:
    done = run("demo", "--prompt", "[[stuck]]", "--patience", "0.3")
    assert (done.code, done.err) == (1, "")
    assert re.fullmatch(r"the job is still (QUEUED|PROCESSING) after 0\.3 s \(--patience\)", done.out.splitlines()[-1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--prompt", "[[status 503]]"], 'the fake refused the request: 503 {"error": "Service unavailable"}'),
        (["--prompt", ""], 'the fake refused the request: 400 {"error": "Validation error", '),
        (["--model", "flux-2-por"], 'there is no model "flux-2-por"; did you mean flux-2-pro'),
        (["--patience", "0"], "Invalid value for '--patience': "),
        (["--prompt", INSTANT, "--out", "none/x.png"], '--out: cannot write "'),
        (["--prompt", INSTANT, "--out", "."], '--out: cannot write "."'),
    ],
    ids=["503", "empty", "model", "patience", "folder", "directory"],
)
def test_a_demo_that_cannot_be_is_told_in_one_line_with_exit_2(run: Run, arguments: list[str], said: str) -> None:
    done = run("demo", *arguments)
    assert done.code == 2
    assert done.err.startswith(f"mockserver: {said}")
    assert done.err.count("\n") == 1
    if "--out" in arguments:
        assert done.err.endswith("; name a file elsewhere, as in --out ~/demo.png\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups")
def test_a_demo_leaves_no_process_and_ctrl_c_is_no_error(start: Start) -> None:
    process = start("demo", "--prompt", "[[stuck]]")
    assert process.stdout is not None
    while "PROCESSING" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err.strip()) == (130, "")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
