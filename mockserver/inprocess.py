"""`MockServer`: the fake in a thread of this program, with every lever."""

import math
import secrets
import warnings
import weakref
from collections.abc import Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from mockserver.app import App
from mockserver.client.control import KEY, Control
from mockserver.client.values import Span, span_text
from mockserver.client.waiting import in_thread
from mockserver.client.wire import Wire
from mockserver.hosted import Hosted
from mockserver.settings import Settings, SettingsError, from_values

OF_COMMANDS = {
    "workers": "the server is a thread of this program",
    "no_control": "the levers need the control plane",
    "fail_on_findings": "look at `mock.findings` instead",
    "ready_file": "the server is ready once it is entered",
    "exit_after_idle": "the server ends where its block ends",
    "log_format": "logging is the program's own",
    "quiet": "logging is the program's own",
}
"""Settings that are for the command line, and why."""

SPANS = ("webhook_timeout", "retention")


class Given(TypedDict, total=False):
    """The settings of docs/settings.md that a server in this program takes; those not given have their defaults."""

    host: str
    port: int
    store: str
    speed: float | str
    seed: int
    public_url: str
    admin_token: str
    webhook_signing: str
    webhook_allow: str | Sequence[str]
    webhook_attempts: str | Sequence[str]
    webhook_timeout: Span
    webhook_concurrency: int
    rate_limit: str
    max_concurrent_jobs: int | str
    max_jobs: int
    max_body_mb: float
    retention: Span
    upload_keeps: Span
    probe_inputs: bool
    spec: str | PathLike[str]
    scenario: str | PathLike[str]
    scenarios: str | PathLike[str]
    journal_requests: int
    journal_mb: float
    no_directives: bool
    verbose: bool


class MockServer(Control):
    """A fake of its own, on a free port unless *port* says which, with the settings that are given.

    It runs from the start of a `with` or `async with` statement to its end, or from `start` to `close`, in a thread
    with an event loop of its own: neither blocking code nor a busy loop of the program keeps it from answering.

    Raises:
        SettingsError: a setting will not do; the text says which, and what would.
        TypeError: there is no such setting.
    """

    def __init__(self, *, key: str = KEY, **settings: Unpack[Given]) -> None:
        self._hosted: Hosted[App] | None = None
        self._settings = settings_of(settings)
        self._set_up(Wire(), key)

    def start(self) -> str:
        """Run; the address.

        Raises:
            OSError: the port cannot be listened on.
            SettingsError: the scenario will not do.
            RuntimeError: it is running.
        """
        if self._hosted is not None:
            msg = f"{self!r} is running already"
            raise RuntimeError(msg)
        hosted = Hosted(App(self._settings), "mockserver")
        url = hosted.start().url
        self._hosted = hosted
        self._finalizer = weakref.finalize(self, hosted.stop)  # for the end of a program that has not closed it
        self._wire.open(url, self._settings.admin_token)
        return url

    def close(self) -> None:
        """Finish the requests under way, then stop: no thread and no socket stays."""
        if self._hosted is not None:
            hosted, self._hosted = self._hosted, None
            self._finalizer.detach()
            self._wire.close()
            self._wire.url = ""
            hosted.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    async def __aenter__(self) -> Self:
        try:
            await in_thread(lambda _: self.start(), is_shielded=True)
        except Exception:
            raise
        except BaseException:  # a task that is cancelled meanwhile leaves nothing running
            await in_thread(lambda _: self.close(), is_shielded=True)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await in_thread(lambda _: self.close(), is_shielded=True)

    def __del__(self) -> None:
        if getattr(self, "_hosted", None) is not None:
            try:
                warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2)
            finally:
                self.close()


def settings_of(values: Mapping[str, Any]) -> Settings:
    """The settings of a server in this program.

    Raises:
        SettingsError, TypeError: as MockServer.
    """
    known = Given.__annotations__
    for name in values:
        if name in OF_COMMANDS:
            msg = f"{name} is for the mockserver command: {OF_COMMANDS[name]}"
            raise SettingsError(msg)
        if name not in known:
            alike = get_close_matches(name, known, n=1)
            hint = f"did you mean {alike[0]}?" if alike else f"there are {', '.join(known)}"
            msg = f'MockServer has no setting "{name[:80]}"; {hint}'
            raise TypeError(msg)
    settings = from_values({"port": 0, **{name: _plain(name, value) for name, value in values.items()}})
    if settings.host in ("localhost", "127.0.0.1", "::1") or settings.admin_token:
        return settings
    return settings._replace(admin_token=secrets.token_hex(20))  # the control plane of other hosts wants one


def _plain(name: str, value: Any) -> Any:
    """A value as a settings file would have it."""
    match value:
        case float() | int() if name in SPANS:
            return span_text(value)
        case float() if math.isinf(value):
            return "instant"
        case timedelta():
            return span_text(value)
        case PathLike():
            return str(value)
        case tuple():
            return list(value)
        case _:
            return value
