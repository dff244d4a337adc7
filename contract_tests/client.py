"""A user of the API: one key, and the requests of a caller in a form that reads like the contract."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from contract_tests.exchange import KEY_HEADER, Exchange

if TYPE_CHECKING:
    from contract_tests.session import Session

JSON = ("Content-Type", "application/json")
GENERATE = "/v2/images/generate"
_OWN = "\0own key"


def encoded(value: Any) -> bytes:
    """JSON as most clients send it; lone surrogates stay escapes."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


class Client:
    """Requests with one key. Nothing here judges an answer."""

    def __init__(self, session: "Session", key: str, team_id: str = "") -> None:
        self._session, self.key, self.team_id = session, key, team_id

    def send(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        *,
        value: Any = None,
        body: bytes | Iterable[bytes] | None = None,
        headers: Iterable[tuple[str, str]] = (),
        key: str | None = _OWN,
    ) -> Exchange:
        """One exchange. *value* goes as JSON, *body* as it is; a *key* of none sends no key at all."""
        used = self.key if key == _OWN else key
        sent = list(headers)
        if used is not None:
            sent.insert(0, (KEY_HEADER, used))
        if value is not None:
            body = encoded(value)
        if body is not None and not any(name.lower() == "content-type" for name, _ in sent):
            sent.append(JSON)
        return self._session.exchange(method, path, sent, body, used or "")

    def submit(self, value: Any, key: str | None = None, *, path: str = "") -> Exchange:
        """Ask for a job, where its model is offered unless a path is given, with an idempotency key if there is one."""
        return self.send(
            "POST",
            path or self._offered_at(value),
            value=value,
            headers=[] if key is None else [("Idempotency-Key", key)],
        )

    def _offered_at(self, value: Any) -> str:
        name = value.get("model") if isinstance(value, dict) else None
        return self._session.contract.path_of(name) if isinstance(name, str) else GENERATE

    def submit_and_hang_up(self, value: Any, key: str, *, waits: bool = False) -> None:
        """Send a submission and read no answer; *waits* until there is one, and throws it away."""
        wire, body = self._session.target.wire, encoded(value)
        path = f"{wire.prefix}{self._offered_at(value)}"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {wire.authority}\r\n{KEY_HEADER}: {self.key}\r\n"
            f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._session.note(f"submit with the key {key} and hang up", "no answer was read")
        with suppress(OSError), wire.open_socket() as sock:
            sock.sendall(head.encode() + body)
            if waits:
                sock.recv(1)

    def job(self, job_id: str) -> Exchange:
        """Look at a job."""
        return self.send("GET", f"/v2/jobs/{quote(job_id, safe='')}")

    def jobs(self, **query: Any) -> Exchange:
        """A page of the list."""
        return self.send("GET", "/v2/jobs" + ("?" + urlencode(query) if query else ""))

    def me(self) -> Exchange:
        """Who is calling, and the balance."""
        return self.send("GET", "/v2/me")

    def pages(self, **query: Any) -> Iterator[Exchange]:
        """The pages of the list, following the cursors: to the end of a mock's user, five of somebody's real list."""
        for _ in range(1000 if self._session.target.levers else 5):
            page = self.jobs(**query)
            yield page
            cursor = page.fields.get("nextCursor")
            if not isinstance(cursor, str):
                return
            query["cursor"] = cursor
