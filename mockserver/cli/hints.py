"""What a person may want to know after a run that did not go as it was meant."""

from collections.abc import Mapping
from typing import Any

from mockserver.app import App
from mockserver.intercept.hosts import API
from mockserver.intercept.interception import Interception

UNKNOWN_KEY = 401


def hints(app: App, summary: Mapping[str, Any], interception: Interception) -> list[str]:
    """Lines about a program that did not reach the mock, had another key, or wanted to go elsewhere."""
    lines = []
    if not summary["requests"]:
        lines.append(_unreached(interception))
    refused = sum(1 for entry in app.journal.entries() if entry.status == UNKNOWN_KEY)
    if refused:
        lines.append(f"{refused} answered 401: the fake does not know their key; APIFRAME_API_KEY has one that works")
    if interception.refused:
        hosts = ", ".join(f"{host} ({times})" for host, times in sorted(interception.refused.items()))
        lines.append(f"refused by --offline: {hosts}")
    return lines


def _unreached(interception: Interception) -> str:
    page = "docs/run.md tells what each language needs"
    if interception.vendor_connections:
        return f"the program came to {API} but did not trust the certificate; {page}"
    return f"no request came: does the program look at HTTPS_PROXY or APIFRAME_BASE_URL? {page}"
