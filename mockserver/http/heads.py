"""Header lines that were parsed before: a client sends the same ones with request after request.

Only the first line and the body of such a request are new, and the idempotency key, which belongs to one request alone.
What is remembered is what aiohttp's parser made of exactly the other bytes, and nothing is remembered whose end in the
stream of bytes could be in doubt (docs/decisions/0013).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, EmptyStreamReader, StreamReader
from aiohttp.typedefs import RawHeaders
from multidict import CIMultiDictProxy
from yarl import URL

MAX_KNOWN = 256
"""Sets of header lines. With one more, all are forgotten: clients that send new ones each time gain nothing anyway."""
MAX_HEAD_BYTES = 4_096
MAX_BYTES = 0x8000
"""Of a whole request; the parsing of a larger one is no part of its cost worth speaking of."""
UNKNOWN = -1

_PLAIN_LINE = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) ((?:/[\w.~-]+)+)(?:\?([\w.~=&-]*))? HTTP/1\.1", re.ASCII)
_KEY_NAME = b"idempotency-key: "
_IN_KEY_NAME = b"dempotency-"
"""What clients that write its first letter small and those that do not have in common."""
_PLAIN_KEY = re.compile(rb"[!-~]{1,255}")
_LENGTH = re.compile("[0-9]{1,12}")
_PLAIN = False, None, False, False
"""Whether the connection closes, how the body is compressed, whether it is upgraded or chunked."""
_MAKE_ENDS_DOUBTFUL = ("Content-Encoding", "Expect", "Transfer-Encoding", "Upgrade")


class Arrived(EmptyStreamReader):
    """A body that came whole, with its head."""

    __slots__ = ("_whole",)

    def __init__(self, whole: bytes) -> None:
        super().__init__()
        self._whole, self.total_bytes = whole, len(whole)

    def read_nowait(self, n: int = -1) -> bytes:
        """All of it, once."""
        del n
        whole, self._whole = self._whole, b""
        return whole

    async def readany(self) -> bytes:
        """All of it, once."""
        return self.read_nowait()


class _Lines(NamedTuple):
    """The header lines of a request."""

    but_key: bytes
    """Without the value of the idempotency key."""
    name: bytes
    """Of its header, in the letters in which it was sent."""
    key: bytes
    """Empty, as the name, where there is none."""


class _Known(NamedTuple):
    headers: CIMultiDictProxy[str]
    raw_headers: RawHeaders
    body_bytes: int
    key_at: int
    """Where among them the idempotency key is; -1 for none."""


class Heads:
    """The header lines that clients of one server send again and again."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

    def message(self, data: bytes) -> tuple[RawRequestMessage, StreamReader] | None:
        """Head and body, as aiohttp parses them, of *data* that starts with a request and is just that.

        None if its header lines are new, or if there is anything about it that is not plain.
        """
        if len(data) > MAX_BYTES:
            return None
        start = data.find(b"\r\n")
        end = data.find(b"\r\n\r\n", start)
        lines = None
        if data.find(_IN_KEY_NAME, start, end) < 0:
            known = self._known.get(data[start:end])
        else:
            lines = _lines(data, start, end)
            known = lines and self._known.get(lines.but_key)
        if known is None or len(data) != end + 4 + known.body_bytes:
            return None
        line = _plain_line(data[:start])
        if line is None:
            return None
        method, path, url = line
        headers, raw_headers, body_bytes, _ = known
        if lines is not None:
            headers, raw_headers = _with_key(known, lines.key)
        head = RawRequestMessage(method, path, HttpVersion11, headers, raw_headers, *_PLAIN, url)
        return head, Arrived(data[end + 4 :]) if body_bytes else EMPTY_PAYLOAD

    def learn(self, data: bytes, head: RawRequestMessage, body: StreamReader) -> int:
        """How many bytes of the request that starts *data* are still to come; `UNKNOWN` if that is in doubt.

        *head* and *body* are what aiohttp made of it; the header lines are remembered where they are of use.
        """
        start = data.find(b"\r\n")
        end = data.find(b"\r\n\r\n", start)
        length = _body_bytes(head)
        if start < 0 or end < 0 or length is None:
            return UNKNOWN
        missing = length - (len(data) - end - 4)
        if missing < 0 or body.is_eof() != (missing == 0):
            return UNKNOWN
        lines = _lines(data, start, end)
        if lines is not None and end <= MAX_HEAD_BYTES and _may_come_again(head.headers, lines, length):
            key_at = head.raw_headers.index((lines.name, lines.key)) if lines.key else -1
            if len(self._known) == MAX_KNOWN:
                self._known.clear()
            self._known[lines.but_key] = _Known(head.headers, head.raw_headers, length, key_at)
        return missing


def _lines(data: bytes, start: int, end: int) -> _Lines | None:
    """The header lines that stand there; none where an idempotency key is there that is not plain."""
    at = data.find(_IN_KEY_NAME, start, end) - 1
    if at < 0:
        return _Lines(data[start:end], b"", b"")
    from_ = at + len(_KEY_NAME)
    if data[at - 2 : at] != b"\r\n" or data[at:from_].lower() != _KEY_NAME:
        return None
    to = data.find(b"\r\n", from_, end)
    to = end if to < 0 else to
    key, is_folded = data[from_:to], data[to + 2 : to + 3] in {b" ", b"\t"}
    if is_folded or _PLAIN_KEY.fullmatch(key) is None:
        return None
    return _Lines(data[start:from_] + data[to:end], data[at : from_ - 2], key)


def _with_key(known: _Known, key: bytes) -> tuple[CIMultiDictProxy[str], RawHeaders]:
    """The headers of a request with another idempotency key."""
    raw_headers, at = known.raw_headers, known.key_at
    name = raw_headers[at][0]
    headers = known.headers.copy()
    headers[name.decode()] = key.decode()
    return CIMultiDictProxy(headers), (*raw_headers[:at], (name, key), *raw_headers[at + 1 :])


@lru_cache(maxsize=1024)
def _plain_line(line: bytes) -> tuple[str, str, URL] | None:
    plain = _PLAIN_LINE.fullmatch(line)
    if plain is None:
        return None
    method, path, query = (part.decode() for part in plain.groups(b""))
    url = URL.build(path=path, query_string=query, encoded=True)
    return method, line[len(method) + 1 : -9].decode(), url


def _may_come_again(headers: CIMultiDictProxy[str], lines: _Lines, length: int) -> bool:
    """Whether its like may come, for no file or form, and nothing but the one idempotency key is its own."""
    if len(headers.getall("Idempotency-Key", ())) != bool(lines.key):
        return False
    kind = headers.get("Content-Type", "").partition(";")[0]
    return not length or "json" in kind.lower()


def _body_bytes(head: RawRequestMessage) -> int | None:
    """What the header lines say, if nothing else could decide on it."""
    headers = head.headers
    if head.should_close or any(name in headers for name in _MAKE_ENDS_DOUBTFUL):
        return None
    lengths = headers.getall("Content-Length", ["0"])
    return int(lengths[0]) if len(lengths) == 1 and _LENGTH.fullmatch(lengths[0]) else None
