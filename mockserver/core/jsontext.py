"""JSON text to values and back, as a JavaScript server reads and writes it."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

import orjson

MAX_SAFE_DIGITS = 15
_LARGE = 10**MAX_SAFE_DIGITS
SHALLOW = 200
"""Levels that are surely not too deep: of as many opening brackets, or of a text twice as long."""
_new = tuple.__new__


class Parsed(NamedTuple):
    """A parsed text and what the schema validator has to know about it."""

    value: Any
    has_astral: bool
    """A string may hold characters that count twice in UTF-16, or lone surrogates."""


def parse(raw: bytes) -> Parsed:
    """Give the value of a JSON text in UTF-8; of a key that stands twice, the last value.

    Equal numbers are equal in type too: 1.0 is the int 1. A number beyond a double's range is infinite, as in
    JavaScript; no schema takes it.

    Raises:
        ValueError: not JSON, not UTF-8, a byte order mark, NaN or Infinity as a word, or nested too deeply.
    """
    is_shallow = len(raw) <= 2 * SHALLOW or raw.count(b"{") + raw.count(b"[") <= SHALLOW
    value = _quickly(raw) if is_shallow else None
    return _new(Parsed, (decoded(raw) if value is None else value, not raw.isascii() or b"\\u" in raw))


def _quickly(raw: bytes) -> Any:
    """What `decoded` gives, in a third of its time; None for whatever it has to look at itself."""
    try:
        value = orjson.loads(raw)
    except ValueError:  # no JSON, or a lone surrogate, which JavaScript takes
        return None
    values = value.values() if type(value) is dict else (value,)
    return value if _is_alike(values) else None


def _is_alike(values: Iterable[Any]) -> bool:
    """Whether every number in them is the same for all readers: below sixteen digits, whole or with a fraction."""
    for value in values:
        kind = type(value)
        if kind is str:
            continue
        if kind is int:
            if not -_LARGE < value < _LARGE:
                return False
        elif kind is float:
            if not value % 1 > 0:  # a whole number, minus zero, or infinite
                return False
        elif (kind is dict and not _is_alike(value.values())) or (kind is list and not _is_alike(value)):
            return False
    return True


def decoded(raw: bytes) -> Any:
    """The value of any text; it alone says what is refused, and why."""
    text = raw.decode("utf-8")
    try:
        if text.startswith("{"):
            value, end = _DECODER.raw_decode(text)  # a third less than decode, which looks for spaces on either side
            if end == len(text):
                return value
        return _DECODER.decode(text)
    except RecursionError:
        msg = "nested too deeply"
        raise ValueError(msg) from None


def encode(value: Any) -> bytes:
    """Write compact JSON in UTF-8; lone surrogates are escaped, as `JSON.stringify` does."""
    try:
        return b"%b" % orjson.dumps(value)  # a copy: what orjson gives holds 4 kB for as long as it is kept
    except TypeError:  # a lone surrogate, a whole number of more than 64 bits, a named tuple
        return _encoded(value)


def _encoded(value: Any) -> bytes:
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        return _ASCII_ENCODER.encode(value).encode()


def utf16_length(text: str) -> int:
    """Length as JavaScript counts it: characters beyond U+FFFF count twice."""
    return len(text) if text.isascii() else len(text) + sum(char > "\uffff" for char in text)


def well_formed(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD, as JavaScript's `toWellFormed` does; its length stays."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _integer(digits: str) -> int | float:
    """Read a whole number: exact while it fits, else rounded to a double as in JavaScript."""
    return int(digits) if len(digits) <= MAX_SAFE_DIGITS else _rounded(float(digits))


def _fraction(text: str) -> int | float:
    number = float(text)
    return _rounded(number) if number.is_integer() else number


def _rounded(number: float) -> int | float:
    """A whole number below the size from which JavaScript writes exponents is written as JavaScript writes it."""
    return int(Decimal(repr(number))) if abs(number) < 1e21 else number  # noqa: PLR2004 - JavaScript's bound


def _refuse_constant(word: str) -> NoReturn:
    msg = f"{word} is not JSON"
    raise ValueError(msg)


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_fraction, parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)
_ASCII_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)
