"""Cursors of the job list: opaque to clients, bound to their owner, so that none can be forged or borrowed."""

import base64
import binascii
import hmac
import json
from typing import NamedTuple


class Place(NamedTuple):
    """The last entry of a page; the next page begins behind it. Compares as the list is sorted."""

    created_at: float
    job_id: str


def cursor(place: Place, owner: str, secret: bytes) -> str:
    """Base64url text of a place, signed for *owner* (a user, or a team)."""
    fields = {"id": place.job_id, "createdAt": place.created_at, "check": _check(place, owner, secret)}
    return base64.urlsafe_b64encode(json.dumps(fields, separators=(",", ":")).encode()).rstrip(b"=").decode()


def place_of(text: str, owner: str, secret: bytes) -> Place | None:
    """The place that a cursor names; none for a cursor that was not given to *owner*."""
    try:
        raw = text.encode("ascii")
        fields = json.loads(base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True))
        place = Place(float(fields["createdAt"]), str(fields["id"]))
        is_ours = hmac.compare_digest(cursor(place, owner, secret), text)  # to the letter: base64 has more spellings
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None
    return place if is_ours else None


def _check(place: Place, owner: str, secret: bytes) -> str:
    return hmac.new(secret, f"{place.created_at!r} {place.job_id} {owner}".encode(), "sha256").hexdigest()[:24]
