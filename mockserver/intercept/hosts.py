"""The vendor's hosts, and which hosts a `NO_PROXY` leaves to themselves."""

import ipaddress
import re

API = "api.apiframe.ai"
FILES = "cdn2.apiframe.ai"
"""Where result addresses point today."""
HOSTS = (API, FILES, "cdn.apiframe.ai")
"""The hosts that the mock answers for; the last stands in older result addresses."""

_SEPARATOR = re.compile(r"[,\s]+")
_PORT = re.compile(r":\d+$")


def plain_name(host: str) -> str:
    """A host's name as it is compared: in lower case, without the dot of the root at its end."""
    return host.lower().rstrip(".")


def is_loopback(host: str) -> bool:
    """Whether the name or address is this machine's own."""
    name = plain_name(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def entries(no_proxy: str) -> list[str]:
    """The parts of a `NO_PROXY`, which commas or spaces separate."""
    return [entry for entry in _SEPARATOR.split(no_proxy) if entry]


def covers(entry: str, host: str) -> bool:
    """Whether a part of a `NO_PROXY` is about this host: its name, a domain above it, its network, or `*`.

    A port in the entry is not looked at.
    """
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        name = plain_name(_PORT.sub("", entry)).lstrip("*.")
        return bool(name) and f".{plain_name(host)}".endswith(f".{name}")
