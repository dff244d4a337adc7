"""`mockserver sample`."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver.cli.catalogue import NO_JOB, everything
from mockserver.core.jsontext import parse
from mockserver.core.validation import BodyValidator
from mockserver.schemas import catalog
from tests.cli.conftest import Run, Start, url_of

VALIDATOR = BodyValidator(catalog())
NOBODY = "a1b2c3d4-e5f6-4890-abcd-ef1234567890"
QUOTES = """it's "quoted" $HOME `id` \\n \\ !x % é 🦊"""


@pytest.mark.parametrize("options", [[], ["--all-parameters"]], ids=["few", "all"])
def test_a_sample_of_any_model_or_action_is_a_valid_request(here: Run, options: list[str]) -> None:
    for name, row in everything().items():
        prompt = ["--prompt", "a fox"] if row.prompt_at else []  # one that is invented takes ten times as long
        done = here("sample", name, *prompt, "--seed", "7", "--webhook", "http://127.0.0.1:1/hook", *options)
        assert VALIDATOR.model_of(row.operation, parse(done.out.encode())) == row, name
        assert json.loads(done.out)["webhookUrl"] == "http://127.0.0.1:1/hook", name


def test_the_same_seed_gives_the_same_sample_and_no_seed_a_new_one(run: Run, here: Run) -> None:
    first, again, other = (here("sample", "midjourney", "--seed", seed).out for seed in ("7", "7", "8"))
    assert first == again == run("sample", "midjourney", "--seed", "7").out
    assert len({first, other, here("sample", "midjourney").out, here("sample", "midjourney").out}) == 4


def test_a_prompt_of_one_s_own_is_taken_as_it_is(run: Run) -> None:
    assert json.loads(run("sample", "imagen-4", "--prompt", QUOTES).out)["prompt"] == QUOTES


def test_a_prompt_goes_where_the_model_has_it_and_nowhere_where_it_has_none(here: Run) -> None:
    assert json.loads(here("sample", "flux-fill-pro", "--prompt", QUOTES).out)["fluxFillParams"]["prompt"] == QUOTES
    refused = here("sample", "topaz-image-upscale", "--prompt", QUOTES)
    assert refused == (2, "", "mockserver: --prompt: topaz-image-upscale takes none\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["suno-extend"],
            "parentJobId is a placeholder; --set parentJobId=JOBID names a finished job of suno",
        ),
        (
            ["flux-lora"],
            "fluxLoraParams.loraId is a placeholder; --set fluxLoraParams.loraId=ID names a LoRA that is READY",
        ),
        (["suno-extend", "--set", f"parentJobId={NO_JOB}"], ""),
        (["udio-lyrics"], ""),
    ],
    ids=["action", "LoRA", "given", "none"],
)
def test_what_has_to_be_there_beforehand_is_said_beside_the_sample(here: Run, words: list[str], said: str) -> None:
    done = here("sample", *words)
    assert (done.code, done.err) == (0, f"mockserver: {said}\n" if said else "")
    assert json.loads(done.out).get("parentJobId", NO_JOB) == NO_JOB


def test_an_action_is_sent_to_its_own_path(here: Run) -> None:
    words = shlex.split(here("sample", "--curl", "suno-stems", "--set", f"parentJobId={NOBODY}").out)
    assert words[4] == "http://127.0.0.1:4010/v2/music/suno/action"
    assert json.loads(words[-1]) == {"action": "stems", "parentJobId": NOBODY, "index": 1}


def test_fields_are_set_as_json_or_as_text(here: Run) -> None:
    fields = [
        "--set",
        "sunoParams.title=a fox",
        "--set",
        "sunoParams.style_weight=0.5",
        "--set",
        'webhookEvents=["failed"]',
    ]
    body = json.loads(here("sample", "suno", "--prompt", "x", *fields).out)
    body["sunoParams"] = {name: body["sunoParams"][name] for name in ("title", "style_weight")}
    params = {"title": "a fox", "style_weight": 0.5}
    assert body == {"model": "suno", "prompt": "x", "sunoParams": params, "webhookEvents": ["failed"]}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--prompt", ""], "prompt: Too small: expected string to have >=1 characters"),
        (["--prompt", "🦊" * 1001], "prompt: Too big: expected string to have <=2000 characters"),
        (["--webhook", "hooks"], "webhookUrl: Invalid URL"),
        (["--set", "midjourneyParams.x=1"], 'midjourneyParams: Unrecognized key: "x"'),
        (["--webhook", "hooks", "--prompt", ""], "prompt: Too small: expected string to have >=1 characters; webhook"),
    ],
    ids=["empty", "long", "webhook", "unknown", "both"],
)
def test_a_request_that_the_server_would_refuse_is_not_printed(here: Run, options: list[str], said: str) -> None:
    done = here("sample", "midjourney", *options)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"mockserver: midjourney takes no such request: {said}")


@pytest.mark.parametrize("field", ["x", "=1", "prompt.x=1"])
def test_a_field_that_cannot_be_set_is_told(here: Run, field: str) -> None:
    done = here("sample", "midjourney", "--set", field)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        f'mockserver: --set: "{field.removesuffix("=1") if "." in field else field}" will not do; '
    )


def test_a_curl_line_is_one_line_with_address_key_and_body(run: Run) -> None:
    where = ["--url", "http://127.0.0.1:9/", "--key", "afk_mine"]
    done = run("sample", "--curl", "imagen-4", "--seed", "7", "--prompt", QUOTES, *where)
    words = shlex.split(done.out)
    *start, body = words
    assert done.out.count("\n") == 1
    assert start == [
        *("curl", "-sS", "-w", "\\n", "http://127.0.0.1:9/v2/images/generate"),
        *("-H", "X-API-Key: afk_mine", "-H", "Content-Type: application/json", "-d"),
    ]
    assert json.loads(body) == json.loads(run("sample", "imagen-4", "--seed", "7", "--prompt", QUOTES).out)


@pytest.mark.skipif(sys.platform == "win32", reason="the line is written for a POSIX shell")
@pytest.mark.parametrize("prompt", [None, QUOTES], ids=["invented", "quotes"])
def test_a_curl_line_runs_in_a_shell(run: Run, start: Start, tmp_path: Path, prompt: str | None) -> None:
    assert shutil.which("curl"), "curl is what the line calls"
    url = url_of(start("serve", "--port", "0", "--speed", "instant"))
    own = [] if prompt is None else ["--prompt", prompt]
    line = run("sample", "--curl", "--url", url, "flux-2-pro", *own).out
    done = subprocess.run(["sh"], input=line, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True)  # noqa: S607 - sh
    assert done.stdout.endswith("}\n")
    accepted = json.loads(done.stdout)
    assert (accepted["status"], done.stderr) == ("QUEUED", "")
    read = ["curl", "-sS", "-H", "X-API-Key: afk_test", f"{url}/v2/jobs/{accepted['jobId']}"]
    job = subprocess.run(read, capture_output=True, encoding="utf-8", check=True).stdout
    sent = json.loads(shlex.split(line)[-1])
    assert json.loads(job)["input"] == sent
