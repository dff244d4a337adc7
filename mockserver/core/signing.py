"""The signature of a webhook, over the exact bytes sent. Source: facts.md section 9."""

import hashlib
import hmac
from functools import lru_cache
from typing import Literal

Scheme = Literal["hex", "raw"]
HEADER = "X-Webhook-Signature"
EVENT_HEADER = "X-Webhook-Event"


@lru_cache(maxsize=1024)
def key_digest(api_key: str) -> str:
    """SHA-256 of an API key as 64 hex digits: how keys are kept, and what signatures are made from."""
    return hashlib.sha256(api_key.encode("utf-8", "surrogatepass")).hexdigest()


def signature(digest: str, body: bytes, scheme: Scheme) -> str:
    """Value of the signature header, `sha256=<64 hex digits>`.

    The HMAC key is the digest's hex text (`hex`) or its 32 bytes (`raw`).
    """
    key = digest.encode() if scheme == "hex" else bytes.fromhex(digest)
    return "sha256=" + hmac.digest(key, body, "sha256").hex()


def matching_scheme(api_key: str, body: bytes, header: str) -> Scheme | None:
    """Which scheme makes *header* a true signature of *body*; none where it is false. The prefix may be missing."""
    digest = key_digest(api_key)
    sent = header.strip().lower().removeprefix("sha256=").encode("utf-8", "surrogatepass")
    schemes: tuple[Scheme, ...] = ("hex", "raw")
    for scheme in schemes:
        if hmac.compare_digest(signature(digest, body, scheme).removeprefix("sha256=").encode(), sent):
            return scheme
    return None
