"""Which bytes of a file go out when a client asks for a part of it. Source: RFC 9110, sections 13.1.5 and 14."""

import re
from typing import NamedTuple

from mockserver.http.answers import Headers
from mockserver.http.request import Request

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


class Part(NamedTuple):
    """What to answer."""

    status: int
    """200 for all of it, 206 for a part, 416 where the file has no such part."""
    start: int
    length: int
    headers: Headers
    """`Accept-Ranges`, and `Content-Range` with 206 and 416."""


def part_of(request: Request, size: int, etag: str) -> Part:
    """The part of a file of *size* bytes that a request asks for with `Range` and `If-Range`.

    All of it where it asks for several parts, for a part of another version than *etag*, or in words that are not
    understood: a server need not give parts.
    """
    accepts = ("Accept-Ranges", "bytes")
    if request.headers.get("If-Range", etag) != etag:
        return Part(200, 0, size, (accepts,))
    asked = _RANGE.fullmatch(", ".join(request.headers.getall("Range", ())))
    if asked is None or not asked[1] + asked[2] or (asked[1] and asked[2] and int(asked[1]) > int(asked[2])):
        return Part(200, 0, size, (accepts,))
    if asked[1]:
        start = int(asked[1])
        end = min(size, int(asked[2] or size) + 1)
    else:
        start, end = max(0, size - int(asked[2])), size
    if start >= end:
        return Part(416, 0, 0, (accepts, ("Content-Range", f"bytes */{size}")))
    told = ("Content-Range", f"bytes {start}-{end - 1}/{size}")
    return Part(206, start, end - start, (accepts, told))
