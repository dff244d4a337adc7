"""README and docs say what is true: their commands run, their answers are the server's, their links lead somewhere."""

import asyncio
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from contract_tests import catalogue
from mockserver.app import App
from mockserver.cli import verify
from mockserver.clock import Clock
from mockserver.control import area
from mockserver.core import directives
from mockserver.settings import SETTINGS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("schemas/*.md")])


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def shape(value: Any) -> Any:
    """A value's names and types: what a reader of an example relies on."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


async def test_the_curl_of_the_readme_gets_the_answer_shown(
    app: App, clock: Clock, client: aiohttp.ClientSession
) -> None:
    command = next(block for block in blocks("sh") if block.startswith("curl -s http"))
    words = [word.replace("http://127.0.0.1:4010", app.url) for word in shlex.split(command)]
    assert shutil.which("curl"), "curl is what the README uses"
    process = subprocess.Popen(words, stdout=subprocess.PIPE)  # noqa: ASYNC220 - awaited below, in a thread
    said = await asyncio.to_thread(process.communicate)
    accepted = json.loads(said[0])
    shown_accepted, shown_job = map(json.loads, blocks("json"))
    assert shape(accepted) == shape(shown_accepted)
    assert accepted["status"] == shown_accepted["status"]
    clock.advance(60)
    async with client.get(f"/v2/jobs/{accepted['jobId']}") as response:
        job = await response.json()
    assert shape(job) == shape(shown_job)
    varying = ("id", "result", "createdAt", "completedAt")
    assert {k: v for k, v in job.items() if k not in varying} == {
        k: v for k, v in shown_job.items() if k not in varying
    }


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^make ([a-z-]+)", "\n".join(blocks("sh")), re.MULTILINE))
    assert targets == {"demo", "serve", "test", "test-slow", "torture", "bench", "verify", "verify-power"}
    assert targets <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_names_every_directive() -> None:
    shown = re.findall(r"`\[\[([^`]+)\]\]`", README)
    assert len(shown) == 15
    obeyed = [directives.read(f"a fox [[{text}]]") for text in shown]
    assert directives.NONE not in obeyed


async def test_the_control_page_names_every_lever(app: App) -> None:
    page = (ROOT / "docs" / "control.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z]+) (/_mock/[^`]+)` \|", page, re.MULTILINE)
    levers = [
        (route.method, route.path.replace("/webhooks/{id}", "/webhooks/{deliveryId}"))
        for route in area.routes(app.levers)
    ]
    assert sorted(rows) == sorted(levers)


def test_the_fidelity_page_names_every_limit_that_is_off() -> None:
    page = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    off = [row.option for row in SETTINGS if row.shown_default == "off" and not row.is_switch]
    assert [option for option in off if option not in page] == []


def test_the_page_of_clauses_is_printed_from_the_clauses() -> None:
    assert (ROOT / "docs" / "clauses.md").read_text(encoding="utf-8") == catalogue.page()


def test_the_options_of_verify_are_those_of_its_page() -> None:
    page = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"--[a-z][a-z-]+", page))
    known = {option for parameter in verify.command.params for option in parameter.opts}
    elsewhere = {"--port", "--speed", "--pyargs", "--contract-seed"}
    assert shown - known - elsewhere == set()
    assert known - shown == {"--insecure", "--timeout", "--markdown"}
