"""The server under test: our own mock, another server on this machine, or the vendor's endpoint."""

import asyncio
import contextlib
import ipaddress
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from contract_tests.levers import Levers
from contract_tests.wire import Wire

PAUSE_S = 0.2
"""Keeps a run below 300 requests a minute; 500 is the only limit that was ever published."""
LEVERS_TIMEOUT_S = 60.0
"""Moving time waits for the deliveries that fall due, whose receivers may hang."""


class Time(Protocol):
    """The clock that the target lives by."""

    is_virtual: bool

    def advance(self, seconds: float) -> None:
        """Let that much time pass for the target."""


class MovedTime:
    """Time of a mock: moved by hand, and due events have happened when the move returns."""

    is_virtual = True

    def __init__(self, levers: Levers) -> None:
        self._levers = levers

    def advance(self, seconds: float) -> None:
        """Move it."""
        self._levers.advance(seconds)


class OwnTime:
    """Time of a server that nobody can move: it is waited for, in steps that grow, up to what a check may take."""

    is_virtual = False

    def __init__(self, shortest_s: float = 0.25, longest_s: float = 3.0) -> None:
        self._shortest_s, self._longest_s = shortest_s, longest_s

    def advance(self, seconds: float) -> None:
        """Wait, a bounded while."""
        time.sleep(min(max(seconds, self._shortest_s), self._longest_s))


@dataclass
class Target:
    """Where the requests go, and what may be done there."""

    kind: str
    """`mock`: time and levers; `plain`: on this machine; `vendor`: anywhere else, where requests may cost money."""
    wire: Wire
    key: str
    second_key: str | None
    time: Time
    levers: Levers | None
    about: str
    pause_s: float = 0.0
    """Between requests: a real endpoint must never be brought to its limit."""

    def close(self) -> None:
        """Let go of every connection."""
        self.wire.close()
        if self.levers is not None:
            self.levers.close()

    @property
    def is_paid(self) -> bool:
        """Whether a job there may cost somebody something."""
        return self.kind == "vendor"


def is_loopback(url: str) -> bool:
    """Whether the address is on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reach(  # noqa: PLR0913 - what is known of a target
    url: str,
    key: str | None,
    second_key: str | None,
    *,
    insecure: bool = False,
    rehearse: bool = False,
    timeout_s: float = 30.0,
) -> Target:
    """The target at that address; its kind is found out. *rehearse* takes any for a real endpoint.

    Raises:
        BadAddress: the address will not do.
    """
    wire = Wire(url, insecure=insecure, timeout_s=timeout_s)
    if not is_loopback(url):
        return Target("vendor", wire, key or "", second_key, OwnTime(2.0, 5.0), None, urlsplit(url).netloc, PAUSE_S)
    if rehearse:
        return Target("vendor", wire, key or "", second_key, OwnTime(), None, f"{urlsplit(url).netloc}, rehearsed")
    control = Wire(url, timeout_s=LEVERS_TIMEOUT_S)
    levers = Levers.found(control)
    if levers is None:
        control.close()
        return Target("plain", wire, key or "", second_key, OwnTime(), None, urlsplit(url).netloc)
    return Target("mock", wire, key or "", second_key, MovedTime(levers), levers, levers.about())


@contextlib.contextmanager
def own_mock(seed: int, **settings: Any) -> Iterator[str]:
    """Start our own mock on a free port, in a thread of this process; gives its address.

    Jobs take their real time, which is moved by hand; *settings* are those of the mock.

    Raises:
        ImportError: the mock is not installed.
    """
    # The one place where the suite knows the mock: everything else goes over HTTP.
    from mockserver.app import App  # noqa: PLC0415
    from mockserver.settings import Settings  # noqa: PLC0415

    app = App(Settings(**{"port": 0, "seed": seed, "speed": 1.0, "webhook_timeout": 1.2, **settings}))
    with _only_errors_are_logged("mockserver"), _loop_in_a_thread() as run:
        url = run(app.start)
        try:
            yield url
        finally:
            run(app.close)


@contextlib.contextmanager
def _only_errors_are_logged(name: str) -> Iterator[None]:
    """What receivers refuse on purpose is no news."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


async def _end_of_tasks() -> None:
    """Let connections that clients have just closed come to their end."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def _loop_in_a_thread() -> Iterator[Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="mock", daemon=True)
    thread.start()

    def run(start: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run_coroutine_threadsafe(start(), loop).result()

    try:
        yield run
    finally:
        asyncio.run_coroutine_threadsafe(_end_of_tasks(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
