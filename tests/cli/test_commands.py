"""`models`, `sample`, `listen`, `demo` and the help, as a user types them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mockserver.cli.main import COMMANDS
from mockserver.core.jsontext import parse
from mockserver.core.signing import key_digest, signature
from mockserver.core.validation import BodyValidator
from mockserver.schemas import catalog
from tests.cli.conftest import ENVIRONMENT, Run, Start, url_of

MODELS = [model.id for model in catalog().all_models()]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_shows_examples(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"\n    mockserver {command}" in done.out


def test_the_command_alone_teaches(run: Run) -> None:
    done = run()
    assert done.code == 2
    assert [name for name in COMMANDS if f"  {name} " not in done.out] == []


def test_a_mistyped_command_is_one_line_and_exit_2(run: Run) -> None:
    done = run("srve")
    assert (done.code, done.out) == (2, "")
    assert done.err == "mockserver: No such command 'srve'. (see mockserver --help)\n"


def test_models_lists_all_with_prices_uncut_in_a_pipe(run: Run) -> None:
    lines = run("models").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == MODELS
    assert next(line for line in lines if line.startswith("stable-diffusion-3.5-large-turbo ")).split()[-3:] == [
        "7",
        "suggested",
        "30",
    ]


def test_models_as_json_has_the_whole_request_schema(run: Run) -> None:
    listed = json.loads(run("models", "--json").out)
    assert [model["id"] for model in listed] == MODELS
    assert listed[0]["request"] == catalog().all_models()[0].body_schema


def test_one_model_shows_its_parameters(run: Run) -> None:
    out = run("models", "flux-lora").out
    assert "fluxLoraParams." in out
    assert "loraId *" in out
    assert '"png" | "jpg" | "webp"' in out


def test_an_unknown_model_names_those_that_look_alike(run: Run) -> None:
    done = run("models", "flux-2-por")
    assert (done.code, done.out) == (2, "")
    assert 'there is no model "flux-2-por"; did you mean flux-2-pro' in done.err


def test_a_reader_that_goes_away_is_no_error(run: Run, tmp_path: Path) -> None:
    assert run("models").code == 0
    line = f"{sys.executable} -m mockserver models --json | head -n 1"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S607 - sh
    assert (done.stdout, done.stderr) == ("[\n", "")


@pytest.mark.parametrize("options", [[], ["--all-parameters"]], ids=["few", "all"])
@pytest.mark.parametrize("model", ["midjourney", "ideogram-character", "flux-lora", "gpt-image-2"])
def test_a_sample_is_a_valid_request(run: Run, model: str, options: list[str]) -> None:
    done = run("sample", model, "--seed", "7", "--webhook", "http://127.0.0.1:1/hook", *options)
    assert BodyValidator(catalog()).model_of("images.generate", parse(done.out.encode())).id == model
    assert json.loads(done.out)["webhookUrl"] == "http://127.0.0.1:1/hook"


def test_the_same_seed_gives_the_same_sample(run: Run) -> None:
    first, again, other = (run("sample", "midjourney", "--seed", seed).out for seed in ("7", "7", "8"))
    assert first == again
    assert first != other


@pytest.mark.skipif(sys.platform == "win32", reason="the line is written for a POSIX shell")
def test_a_sampled_curl_line_runs_in_a_shell(run: Run, start: Start, tmp_path: Path) -> None:
    assert shutil.which("curl"), "curl is what the line calls"
    url = url_of(start("serve", "--port", "0"))
    line = run("sample", "--curl", "--url", url, "flux-2-pro").out
    done = subprocess.run(["sh"], input=line, cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S607 - sh
    assert json.loads(done.stdout)["status"] == "QUEUED"


def post(url: str, body: bytes, signed: str) -> int:
    headers = {"X-Webhook-Signature": signed, "X-Webhook-Event": "completed"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:  # noqa: S310 - our own
            status: int = answer.status
            return status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_listen_tells_true_signatures_from_false_ones(start: Start) -> None:
    process = start("listen", "--port", "0", "--key", "afk_other", "--key", "afk_test", "--json")
    url, body = url_of(process), b'{"event": "completed"}'
    true = [signature(key_digest("afk_test"), body, scheme) for scheme in ("hex", "raw")]
    assert [post(url, body, signed) for signed in [*true, "sha256=00", ""]] == [200, 200, 401, 401]
    assert process.stdout is not None
    said = [json.loads(process.stdout.readline())["signature"] for _ in range(4)]
    assert said == [
        {"valid": True, "scheme": "hex"},
        {"valid": True, "scheme": "raw"},
        {"valid": False, "scheme": None},
        {"valid": False, "scheme": None},
    ]
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 0


def test_listen_answers_with_the_status_that_was_asked_for(start: Start) -> None:
    url, body = url_of(start("listen", "--port", "0", "--status", "503")), b"{}"
    assert post(url, body, signature(key_digest("afk_test"), body, "hex")) == 503


def test_the_demo_walks_the_whole_path_in_a_pipe(run: Run, tmp_path: Path) -> None:
    done = run("demo", "--model", "imagen-4", "--prompt", 'a "fox"', "--out", "fox.png")
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "fox.png").read_bytes().startswith(b"\x89PNG")
    lines = done.out.splitlines()
    assert [line for line in lines if line.startswith("  QUEUED")] == ["  QUEUED 0%"]
    assert "  COMPLETED 100%" in lines
    assert any(line.startswith("webhook: completed") and line.endswith("signature true (hex)") for line in lines)
    assert "\x1b" not in done.out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
def test_the_demo_draws_a_bar_on_a_terminal(tmp_path: Path) -> None:
    import pty  # noqa: PLC0415 - POSIX only

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "mockserver", "demo", "--model", "imagen-4"]
    environment = {**ENVIRONMENT, "TERM": "xterm"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # how Linux says that the other side has closed
        pass
    os.close(ours)
    assert process.wait() == 0
    assert b"100%" in shown
    assert b"\x1b[" in shown
    assert "━".encode() in shown


def test_the_demo_says_when_it_cannot_write(run: Run, tmp_path: Path) -> None:
    done = run("demo", "--model", "imagen-4", "--out", str(tmp_path / "none" / "x.png"))
    assert done.code == 2
    assert done.err.startswith("mockserver: --out: cannot write ")


@pytest.mark.parametrize("command", [["models"], ["sample", "midjourney"], ["models", "midjourney"]])
def test_a_terminal_without_unicode_is_no_error(run: Run, command: list[str]) -> None:
    done = run(*command, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert (done.code, done.err) == (0, "")


def test_no_colour_is_sent_where_none_is_wanted(run: Run) -> None:
    assert "\x1b" not in run("models", NO_COLOR="1", TERM="dumb").out


def test_a_modality_without_models_is_an_empty_table(run: Run) -> None:
    done = run("models", "--modality", "video")
    assert (done.code, len(done.out.splitlines())) == (0, 1)
