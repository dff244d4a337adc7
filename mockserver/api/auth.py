"""Where a request carries its key."""

from collections.abc import Awaitable

from mockserver.http.request import Request
from mockserver.service import Service
from mockserver.stores.protocol import Caller

_BEARER = "bearer "


def caller_of(service: Service, request: Request) -> Awaitable[Caller]:
    """The caller by `X-API-Key`, or else by `Authorization: Bearer`, where the mock takes an API key for a token.

    Raises:
        MissingKey, UnknownKey, InactiveKey, RateLimited: as named.
    """
    headers = request.headers
    key = headers.get("X-API-Key", "")
    if not key:
        authorization = headers.get("Authorization", "")
        if authorization[: len(_BEARER)].lower() == _BEARER:
            key = authorization[len(_BEARER) :].strip()
    return service.caller(key)
