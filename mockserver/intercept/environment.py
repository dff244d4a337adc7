"""The environment in which a program reaches the mock at the vendor's addresses."""

from collections.abc import Mapping
from typing import NamedTuple

from mockserver.core.accounts import ready_made
from mockserver.core.signing import key_digest
from mockserver.intercept.hosts import HOSTS, covers, entries
from mockserver.intercept.trust import ADDING, REPLACING

KEY = "afk_test"
DIRECT = ("localhost", "127.0.0.1", "::1")
"""What is always reached without the proxy: the mock itself, and the program's own servers."""


class Places(NamedTuple):
    """What the program is told."""

    mock_url: str
    proxy_url: str
    bundle: str
    """File of all that is trusted."""
    extra: str
    """File of what is trusted beside the system's own."""


def for_program(base: Mapping[str, str], places: Places) -> dict[str, str]:
    """The variables of *base*, with those changed that lead a program to the mock.

    A key in *base* that the mock does not make itself is replaced: it may be a real one, and the mock would refuse it.
    """
    environment = {name: value for name, value in base.items() if name.lower() != "all_proxy"}
    proxied = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), places.proxy_url)
    direct = _no_proxy(base.get("no_proxy") or base.get("NO_PROXY", ""))
    return {
        **environment,
        **proxied,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "NODE_USE_ENV_PROXY": "1",
        **dict.fromkeys(REPLACING, places.bundle),
        **dict.fromkeys(ADDING, places.extra),
        "APIFRAME_BASE_URL": places.mock_url,
        "APIFRAME_API_KEY": _key(base.get("APIFRAME_API_KEY", "")),
    }


def _no_proxy(given: str) -> str:
    """The user's own entries but those that would lead past the mock, and this machine's names."""
    kept = [entry for entry in entries(given) if not any(covers(entry, host) for host in HOSTS)]
    return ",".join(dict.fromkeys([*DIRECT, *kept]))


def _key(given: str) -> str:
    _, keys = ready_made()
    return given if key_digest(given) in {key.digest for key in keys} else KEY
