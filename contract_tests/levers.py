"""What a mock lets the checks do beside its API: move time, make users, end jobs. All of it over HTTP, under /_mock."""

import json
from typing import Any

from contract_tests.exchange import Exchange
from contract_tests.outcome import Inconclusive
from contract_tests.wire import Wire

HAS_ENDED = 409


class Levers:
    """The control plane of a mock."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @classmethod
    def found(cls, wire: Wire) -> "Levers | None":
        """The control plane of this server, if it has one that is open."""
        health = wire.send("GET", "/_mock/health")
        return cls(wire) if health.status == 200 and health.fields.get("status") == "ok" else None  # noqa: PLR2004

    def close(self) -> None:
        """Let go of its connection."""
        self._wire.close()

    def about(self) -> str:
        """Name and version of the mock."""
        health = self._wire.send("GET", "/_mock/health").fields
        return f"mock {health.get('version', '')}".strip()

    def pull(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The lever's answer.

        Raises:
            Inconclusive: the lever did not work, so that nothing can be said of the API.
        """
        return dict(self._pulled(method, path, body).fields)

    def _pulled(self, method: str, path: str, body: dict[str, Any] | None) -> Exchange:
        raw = None if body is None else json.dumps(body).encode()
        exchange = self._wire.send(method, f"/_mock{path}", [("Content-Type", "application/json")], raw)
        if exchange.status not in (200, 201, 204, HAS_ENDED):
            msg = f"the control plane refused {method} /_mock{path}: {exchange.summary}"
            raise Inconclusive(msg)
        return exchange

    def freeze(self) -> None:
        """Time stands still until it is moved."""
        self.pull("POST", "/clock", {"freeze": True})

    def thaw(self) -> None:
        """Time runs again."""
        self.pull("POST", "/clock", {"freeze": False, "speed": 1})

    def advance(self, seconds: float) -> None:
        """Move time; returns when every webhook that fell due was attempted."""
        self.pull("POST", "/clock", {"advance": seconds})

    def new_key(self, **wanted: Any) -> dict[str, Any]:
        """A key, of a team of its own unless *wanted* says otherwise."""
        return self.pull("POST", "/keys", wanted)

    def change_key(self, key: str, **wanted: Any) -> None:
        """Another role, limit or state."""
        self.pull("PATCH", f"/keys/{key}", wanted)

    def set_credits(self, team_id: str, balance: int) -> None:
        """Another balance."""
        self.pull("PATCH", f"/teams/{team_id}", {"credits": balance})

    def end_job(self, job_id: str, **how: Any) -> bool:
        """Complete, fail, cancel or expire it; whether it had not ended before."""
        return self._pulled("POST", f"/jobs/{job_id}", how).status != HAS_ENDED
