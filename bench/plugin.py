"""What the pytest fixture `apiframe` adds to a test: sessions of 200 tests with it and without, by turns."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = 200
WITH, WITHOUT = "apiframe", "tmp_path_factory"
"""The latter is a fixture of pytest's own that costs nothing."""
FILE = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_it({fixture}, number):
    pass
"""
OPTIONS = ("-q", "-p", "mockserver.pytest_plugin", "-p", "no:cacheprovider")


def added_ms(rounds: int) -> float:
    """Milliseconds a test, the start of the server and all imports included; the quickest session of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        took = [(session_s(folder, WITH), session_s(folder, WITHOUT)) for _ in range(rounds)]
    return 1000 * (min(w for w, _ in took) - min(w for _, w in took)) / TESTS


def session_s(folder: str, fixture: str) -> float:
    path = Path(folder, f"test_{fixture}.py")
    path.write_text(FILE.format(count=TESTS, fixture=fixture), encoding="utf-8")
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    began = time.perf_counter()
    words = [sys.executable, "-m", "pytest", *OPTIONS, path.name]
    subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    print(f"{added_ms(7):.1f} ms a test")
