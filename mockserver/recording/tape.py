"""A row of requests as a fixture tells it: those that lead to an answer, and the one that gets it."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any, NamedTuple

import aiohttp

from mockserver.recording.studio import Fixture, Studio

KEY = "afk_test"
"""Ready-made: the requests of a tape can be sent to any mock that has just begun."""
JSON = {"Content-Type": "application/json"}


class Asking(NamedTuple):
    """One request."""

    method: str
    path: str
    body: Any = None
    """A JSON value."""
    key: str | None = KEY
    """None where none is sent."""
    headers: Mapping[str, str] = {}
    text: str | None = None
    """A body that is sent as it is."""

    def told(self) -> Fixture:
        """As a fixture tells it."""
        known = {} if self.key is None else {"X-API-Key": self.key}
        headers = {**known, **(JSON if self.body is not None else {}), **self.headers}
        bodies = {"body": self.body, "text": self.text}
        given = {name: value for name, value in bodies.items() if value is not None}
        return {"method": self.method, "path": self.path, "headers": headers, **given}


class Tape:
    """Asks the mock, and notes what was asked and what the last answer was."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._requests: list[Fixture] = []
        self._answer: Fixture = {}

    async def ask(self, asking: Asking) -> Any:
        """The JSON value of the answer."""
        method, path, body, key, headers, text = asking
        raw = None if text is None else text.encode()
        answered = await self._studio.ask(method, path, body, key=key, raw=raw, headers=headers)
        self._requests.append(asking.told())
        self._answer = answered.told()
        return answered.body

    async def pull(self, method: str, lever: str, body: Any) -> None:
        """Let a lever of the control plane set the scene."""
        await self._studio.pull(lever, body, method)
        self._requests.append(Asking(method, f"/_mock/{lever}", body, key=None).told())

    async def send(self, path: str, form: aiohttp.FormData, told: Fixture) -> Any:
        """The JSON value of the answer to a form, which the fixture tells as *told*."""
        answered = await self._studio.ask("POST", path, key=KEY, raw=form)
        self._requests.append({**Asking("POST", path).told(), **told})
        self._answer = answered.told()
        return answered.body

    async def announce(self, path: str, size: int, start: str) -> None:
        """Send the head of a request with a JSON body of so many bytes, and no more than the *start* of the body."""
        request = Asking("POST", path, headers={**JSON, "Content-Length": str(size)}, text=start).told()
        lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *map(": ".join, request["headers"].items()), "", start]
        answered = await self._studio.ask_bare("\r\n".join(lines))
        self._requests.append(request)
        self._answer = answered.told()

    def shown(self) -> Fixture:
        """The requests before the last one, with how many times where they are repeated, the last one, its answer."""
        *before, request = self._requests
        runs = [(one, len(list(same))) for one, same in groupby(before)]
        told = [{**one, "times": times} if times > 1 else one for one, times in runs]
        return {**({"before": told} if told else {}), "request": request, "answer": self._answer}
