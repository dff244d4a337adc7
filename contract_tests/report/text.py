"""Text from a server that nobody trusts, made fit to be shown: visible, short, and indented when it is JSON."""

import json
import re
from typing import NamedTuple

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\U000e0000-\U000e007f]"
)
"""What a terminal obeys, XML forbids, or a reader cannot see; a tab and a newline stay."""
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')
_LONGEST_TO_INDENT = 200_000


class Cut(NamedTuple):
    """The beginning of a text, and how many characters of it are left out."""

    text: str
    left_out: int


def visible(text: str) -> str:
    r"""*text* with control characters, bidirectional overrides and lone surrogates written as `\x1b` or `\u202e`."""
    return _UNSEEN.sub(_escaped, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """*text*, visible, with each run of white space as one blank."""
    return " ".join(visible(text).split())


def cut(text: str, limit: int) -> Cut:
    """At most *limit* characters of *text*, visible."""
    return Cut(visible(text[:limit]), max(0, len(text) - limit))


def shortened(text: str, limit: int) -> str:
    """As `cut`, with a note at the end about what is left out."""
    head, left_out = cut(text, limit)
    return f"{head} … ({left_out:,} more characters in report.json)" if left_out else head


def indented(text: str) -> str:
    """*text* with line breaks and indents when it is a JSON array or object, else as it is.

    Not parsed and printed again: repeated keys and the spelling of numbers are often what a failure is about.
    """
    if len(text) > _LONGEST_TO_INDENT or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _laid_out(_TOKENS.findall(text))


def _laid_out(tokens: list[str]) -> str:
    parts: list[str] = []
    depth = 0
    for before, now in zip(["", *tokens], tokens, strict=False):
        is_empty = before + now in {"{}", "[]"}
        depth -= now in {"}", "]"}
        if (before in {"{", "[", ","} or now in {"}", "]"}) and not is_empty:
            parts.append("\n" + "  " * depth)
        parts.append(": " if now == ":" else now)
        depth += now in {"{", "["}
    return "".join(parts)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    width, letter = (2, "x") if found.group() <= "\xff" else (4, "u") if found.group() <= "\uffff" else (8, "U")
    return f"\\{letter}{code:0{width}x}"
