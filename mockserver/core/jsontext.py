"""JSON text to values and back, as a JavaScript server reads and writes it."""

import json
import math
import re
from typing import Any, NamedTuple, NoReturn

MAX_SAFE_DIGITS = 15
_HUGE = re.compile(r"[eE]\+?\d{3}|\d{200}")
"""Stands in every text with a number beyond a double's range, and in some others."""


class Parsed(NamedTuple):
    """A parsed text and what the schema validator has to know about it."""

    value: Any
    has_infinity: bool
    """A number overflowed (`1e400`, 5,000 digits); JavaScript reads it as Infinity."""
    has_astral: bool
    """A string may hold characters that count twice in UTF-16, or lone surrogates."""


def parse(raw: bytes) -> Parsed:
    """Give the value of a JSON text in UTF-8; of a key that stands twice, the last value.

    Raises:
        ValueError: not JSON, not UTF-8, a byte order mark, NaN or Infinity as a word, or nested too deeply.
    """
    text = raw.decode("utf-8")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        msg = "nested too deeply"
        raise ValueError(msg) from None
    is_plain = text.isascii() and "\\u" not in text
    may_overflow = _HUGE.search(text) is not None
    return Parsed(value, may_overflow and _holds_infinity(value), not is_plain)


def encode(value: Any) -> bytes:
    """Write compact JSON in UTF-8; lone surrogates are escaped, as `JSON.stringify` does."""
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        return _ASCII_ENCODER.encode(value).encode()


def utf16_length(text: str) -> int:
    """Length as JavaScript counts it: characters beyond U+FFFF count twice."""
    return len(text) if text.isascii() else len(text) + sum(char > "\uffff" for char in text)


def canonical(value: Any) -> Any:
    """The same JSON value with one spelling for each number: 1.0 becomes 1; True stays True."""
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _integer(digits: str) -> int | float:
    """Read a whole number: exact while it fits, else rounded to a double as in JavaScript."""
    return int(digits) if len(digits) <= MAX_SAFE_DIGITS else _rounded(float(digits))


def _rounded(number: float) -> int | float:
    return int(number) if math.isfinite(number) and abs(number) < 1e21 else number  # noqa: PLR2004 - JavaScript's bound


def _refuse_constant(word: str) -> NoReturn:
    msg = f"{word} is not JSON"
    raise ValueError(msg)


def _holds_infinity(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_infinity, value.values()))
    if isinstance(value, list):
        return any(map(_holds_infinity, value))
    return isinstance(value, float) and not math.isfinite(value)


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)
_ASCII_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)
