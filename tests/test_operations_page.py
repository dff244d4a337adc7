"""docs/operations.md: names every operation, and its lines work from top to bottom."""

import asyncio
import re
import shutil
import sys
from pathlib import Path

import pytest

from mockserver.app import App
from mockserver.schemas import catalog
from tests.driver import Driver

PAGE = (Path(__file__).parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")


def test_the_page_names_every_operation_with_its_path_and_answer() -> None:
    rows = re.findall(r"^\| `([a-z.-]+)` \| `([A-Z]+) (/\S+)` \| (\d+) \|", PAGE, re.MULTILINE)
    known = catalog().operations.values()
    assert sorted(rows) == sorted((op.id, op.method, op.path, min(op.answers)) for op in known)


@pytest.mark.skipif(sys.platform == "win32", reason="the lines are written for a POSIX shell")
async def test_every_line_works_and_meets_every_operation(app: App, driver: Driver, tmp_path: Path) -> None:
    assert shutil.which("curl"), "curl is what the lines call"
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    lines = script.replace("http://127.0.0.1:4010", app.url)
    pipe = asyncio.subprocess.PIPE
    shell = await asyncio.create_subprocess_exec("sh", "-eu", stdin=pipe, stdout=pipe, stderr=pipe, cwd=tmp_path)
    _, errors = await shell.communicate(lines.encode())
    assert (shell.returncode, errors) == (0, b"")
    entries = (await driver.pull("GET", "requests?limit=1000"))["requests"]
    met = {(entry["operation"], str(entry["answer"]["status"])) for entry in entries}
    assert met == {(op.id, min(op.answers)) for op in catalog().operations.values()} | {("files", "200")}
    assert len(entries) == script.count("curl -s")
    assert (await driver.pull("GET", "findings"))["findings"] == []
