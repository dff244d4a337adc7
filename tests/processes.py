"""Processes that a test started, and their end."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable


def end_all(started: Iterable["subprocess.Popen[str]"]) -> None:
    """Kill each, which has a session of its own, with all that it started: a child would keep the pipes open."""
    for process in started:
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.communicate()
