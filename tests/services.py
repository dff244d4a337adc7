"""The service without a server: what its tests submit, and how they make one."""

import json
from typing import Any

from mockserver.clock import Clock
from mockserver.faults import Faults
from mockserver.schemas import catalog
from mockserver.service import Rules, Service
from mockserver.stores.memory import MemoryStore
from mockserver.stores.protocol import Store

GENERATE = catalog().operations["images.generate"]
RULES = Rules(
    speed=1.0, keeps_s=24 * 3600.0, rate_limit=None, obeys_directives=True, public_url="http://127.0.0.1:4010"
)


def make_service(clock: Clock, *, seed: int = 7, store: Store | None = None, **rules: Any) -> Service:
    """A service over an empty store, in memory by default; *rules* are those that differ from RULES."""
    return Service(catalog(), store or MemoryStore(100_000), clock, RULES._replace(**rules), Faults(clock, seed), seed)


def body(prompt: str = "a fox", model: str = "flux-2-pro", **more: Any) -> bytes:
    """A submission as it comes over the wire."""
    return json.dumps({"prompt": prompt, "model": model, **more}).encode()
