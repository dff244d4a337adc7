"""What a repeated Idempotency-Key means. Source: facts.md section 6."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

LIFETIME_S = 24 * 3600.0
MAX_LENGTH = 255


class Claim(NamedTuple):
    """A key with the request that it stands for."""

    key: str
    fingerprint: bytes


class Record(NamedTuple):
    """What is kept of a key once a job was made with it."""

    job_id: str
    fingerprint: bytes
    expires_at: float
    final_status: str | None = None
    """Set when the job itself has left the store."""


def fingerprint(operation: str, body: Mapping[str, Any]) -> bytes:
    """Sixteen bytes that are the same for equal JSON values sent to one operation, however they are spelled.

    *body* is as `jsontext.parse` gives it, with one spelling for each number.
    """
    try:
        text = orjson.dumps([operation, body], option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a lone surrogate, a whole number of more than 64 bits
        text = json.dumps([operation, body], sort_keys=True, separators=(",", ":")).encode()
    return hashlib.blake2b(text, digest_size=16).digest()
