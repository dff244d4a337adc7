"""The files for CI and containers: valid, of one mind with the command line, and linted."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mockserver.cli.main import root
from mockserver.settings import ENVIRONMENT, SETTINGS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
SCHEMAS = {
    "examples/ci/github-actions.yml": "vendor.github-workflows",
    "examples/ci/gitlab-ci.yml": "vendor.gitlab-ci",
    "compose.yaml": "vendor.compose-spec",
}
FILES = [*SCHEMAS, "Dockerfile"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_file_fits_the_schema_of_its_kind(name: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[name], str(ROOT / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


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


def options_of(command: str) -> set[str]:
    known: Any = root.get_command(root.make_context("mockserver", ["--version"], resilient_parsing=True), command)
    return {option for parameter in known.params for option in parameter.opts}


@pytest.mark.parametrize("text", [*((ROOT / name).read_text(encoding="utf-8") for name in FILES), PAGE])
def test_every_option_and_variable_shown_exists(text: str) -> None:
    lines = re.findall(r"mockserver (serve|run|wait|scenarios)\b([^\n`|]*)", text.replace("\\\n", " "))
    for command, rest in lines:
        own = rest.partition(" -- ")[0].partition("&")[0].partition("> ")[0]
        assert set(re.findall(r"--[a-z-]+[a-z]", own)) <= options_of(command), (command, own)
    variables = {row.variable for row in SETTINGS} | {"MOCKSERVER_PACKAGE"}
    assert set(re.findall(rf"{ENVIRONMENT}[A-Z_]+", text)) <= variables


def test_every_file_named_on_the_page_is_there() -> None:
    named = re.findall(r"\]\(([^)#]+)", PAGE)
    assert len(named) > 4
    assert [name for name in named if not (ROOT / "docs" / name).exists()] == []
