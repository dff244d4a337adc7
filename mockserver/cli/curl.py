"""Requests as curl lines."""

import json
import shlex
from collections.abc import Mapping
from typing import Any


def curl_line(url: str, key: str, body: Mapping[str, Any]) -> str:
    """A line for a POSIX shell that submits *body* and shows the answer."""
    words = ("-H", f"X-API-Key: {key}", "-H", "Content-Type: application/json", "-d", json.dumps(body))
    return " ".join(["curl -sS -w '\\n'", shlex.quote(url), *map(shlex.quote, words)])
