"""The files for CI and containers: valid, of one mind with the command line, and linted."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import check_jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from mockserver.cli.main import root
from mockserver.settings import ENVIRONMENT, SETTINGS
from tests.examples.conftest import ended

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
SCHEMAS = {
    "examples/ci/github-actions.yml": "vendor.github-workflows",
    "examples/ci/gitlab-ci.yml": "vendor.gitlab-ci",
    "compose.yaml": "vendor.compose-spec",
    "examples/shared/compose.yaml": "vendor.compose-spec",
}
FILES = [*SCHEMAS, "Dockerfile"]
STUB = """#!/bin/sh
[ "$1" = test ] || exit 9
for body in $BODIES; do
    curl -s -H "X-API-Key: $APIFRAME_API_KEY" -H 'Content-Type: application/json' -d "$body" \\
        "$APIFRAME_BASE_URL/v2/images/generate"
done
exit "$CODE"
"""
"""Stands for npm."""
GOOD, BAD = '{"model":"flux-2-pro","prompt":"a"}', '{"model":"flux-2-pro","promt":"a"}'


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_file_fits_the_schema_of_its_kind(name: str) -> None:
    done = CliRunner().invoke(check_jsonschema.main, ["--builtin-schema", SCHEMAS[name], str(ROOT / name)])
    assert done.exit_code == 0, done.output


def test_the_dockerfile_is_linted() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_gets_what_the_build_needs_and_nothing_else() -> None:
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    copied = set()
    for line in re.findall(r"^COPY (.+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE):
        copied |= set(line.split()[:-1])
    assert copied == let_in
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(build["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]) <= let_in
    assert all((ROOT / name).exists() for name in let_in)


def content_of(name: str) -> Any:
    return YAML(typ="safe").load(ROOT / "examples" / "ci" / name)


def script() -> str:
    """What the GitHub file runs beside the mock."""
    [text] = (
        step["run"] for step in content_of("github-actions.yml")["jobs"]["beside-the-tests"]["steps"] if "env" in step
    )
    return str(text)


def test_github_and_gitlab_run_the_same_script() -> None:
    assert content_of("gitlab-ci.yml")["beside-the-tests"]["script"] == [script().replace("npm test", "pytest")]


def on_the_page(about: str) -> str:
    """The one block of commands of the page that has this in it."""
    [text] = (block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if about in block)
    return str(text)


async def script_run(folder: Path, text: str, bodies: str, code: int) -> tuple[int | None, str]:
    """The exit code and the output of a script with tests that send such bodies and end so."""
    commands = folder / "bin"
    commands.mkdir(parents=True)
    (commands / "npm").write_text(STUB, encoding="utf-8")
    (commands / "mockserver").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mockserver "$@"\n', encoding="utf-8")
    for command in commands.iterdir():
        command.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if not name.startswith((ENVIRONMENT, "APIFRAME_"))}
    env |= {"PATH": f"{commands}:{env['PATH']}", "PYTHONPATH": str(ROOT), "APIFRAME_API_KEY": "afk_test"}
    process = await asyncio.create_subprocess_exec(
        *("bash", "-e", "-c", text),
        cwd=folder,
        env=env | {"BODIES": bodies, "CODE": str(code)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        out, _ = await process.communicate()
        return process.returncode, out.decode()
    finally:
        await ended(process)


@pytest.mark.skipif(sys.platform == "win32", reason="the script is for runners with a shell")
async def test_the_script_fails_for_failed_tests_and_for_findings_and_keeps_what_happened(tmp_path: Path) -> None:
    runs = {"good": (GOOD, 0), "failed": (GOOD, 3), "found": (f"{BAD} {BAD}", 0)}
    done = await asyncio.gather(*(script_run(tmp_path / name, script(), *run) for name, run in runs.items()))
    outputs = dict(zip(runs, (output for _, output in done), strict=True))
    assert [code for code, _ in done] == [0, 3, 1], outputs
    assert "1 request, 1 job, 6 credits" in outputs["good"]
    assert "finding: REFUSAL-RETRIED" in outputs["found"]
    assert kept(tmp_path / "found") == (["REFUSAL-RETRIED"], [400, 400])


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a shell")
@pytest.mark.parametrize(("bodies", "found"), [(GOOD, []), (f"{BAD} {BAD}", ["REFUSAL-RETRIED"])], ids=["good", "bad"])
async def test_the_commands_of_the_page_end_as_it_says(tmp_path: Path, bodies: str, found: list[str]) -> None:
    texts = (on_the_page("mockserver serve"), on_the_page("mockserver run"))
    beside, around = await asyncio.gather(
        *(script_run(tmp_path / name, text, bodies, 0) for name, text in zip(("serve", "run"), texts, strict=True))
    )
    assert (beside[0], around[0]) == (len(found), len(found)), (beside, around)
    assert kept(tmp_path / "serve")[0] == found
    assert ["REFUSAL-RETRIED"] * len(found) == re.findall(r"finding: ([A-Z-]+)", around[1])


def kept(folder: Path) -> tuple[list[str], list[int]]:
    """What a run left behind: findings, and statuses of requests; and nothing of the server."""
    assert not (folder / "mock.url").exists()
    findings = json.loads((folder / "findings.json").read_text(encoding="utf-8"))["findings"]
    entries = json.loads((folder / "requests.har").read_text(encoding="utf-8"))["log"]["entries"]
    return [finding["id"] for finding in findings], [entry["response"]["status"] for entry in entries]


def test_compose_asks_for_health_as_the_image_does() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    [asked] = re.findall(r"^HEALTHCHECK .*\n +CMD (.+)$", text, re.MULTILINE)
    service = YAML(typ="safe").load(ROOT / "compose.yaml")["services"]["apiframe"]
    assert service["healthcheck"]["test"] == ["CMD", *json.loads(asked)]


def test_the_page_shows_prometheus_the_address_of_the_metrics() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    [job] = YAML(typ="safe").load(text)["scrape_configs"]
    assert (job["metrics_path"], job["static_configs"]) == ("/_mock/metrics", [{"targets": ["127.0.0.1:4010"]}])


def options_of(command: str) -> set[str]:
    known: Any = root.get_command(root.make_context("mockserver", ["--version"], resilient_parsing=True), command)
    return {option for parameter in known.params for option in parameter.opts}


@pytest.mark.parametrize("text", [*((ROOT / name).read_text(encoding="utf-8") for name in FILES), PAGE])
def test_every_option_and_variable_shown_exists(text: str) -> None:
    lines = re.findall(r"mockserver (serve|run|wait|scenarios)\b([^\n`|]*)", text.replace("\\\n", " "))
    for command, rest in lines:
        own = rest.partition(" -- ")[0].partition("&")[0].partition("> ")[0]
        assert set(re.findall(r"--[a-z-]+[a-z]", own)) <= options_of(command), (command, own)
    variables = {row.variable for row in SETTINGS} | {"MOCKSERVER_PACKAGE", "MOCKSERVER_GIT"}
    assert set(re.findall(rf"{ENVIRONMENT}[A-Z_]+", text)) <= variables


def test_every_file_named_on_the_page_is_there() -> None:
    named = re.findall(r"\]\(([^)#]+)", PAGE)
    assert len(named) > 4
    assert [name for name in named if not (ROOT / "docs" / name).exists()] == []
