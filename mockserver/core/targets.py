"""Where webhooks may go: this machine alone, unless the person who runs the mock allows more."""

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
GROUPS = ("loopback", "private", "any")
"""Words of the setting that stand for addresses and so for no host of that name."""


def is_allowed(host: str, addresses: Sequence[str], allow: Sequence[str]) -> bool:
    """Whether a webhook may go to *host*, known to live at *addresses*.

    *allow* holds `loopback`, `private`, `any` or host names; whatever it holds, this machine may be reached.
    A host without a known address is allowed only by its name or by `any`.
    """
    names = [name.lower() for name in allow if name not in GROUPS]
    if "any" in allow or host.strip("[]").lower() in names:
        return True
    parsed = [_address(text) for text in addresses]
    if not parsed:
        return False
    with_private = "private" in allow
    return all(address.is_loopback or (with_private and address.is_private) for address in parsed)


def refusal_text(host: str) -> str:
    """What is said of a target that may not be reached."""
    return f'target "{host}" is not allowed by --webhook-allow; allow it with --webhook-allow {host} (or private, any)'


def _address(text: str) -> Address:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
