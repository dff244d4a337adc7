"""The two values of a difference, as short as they can be and still tell it."""

import json

from mockserver.drift.differences import Difference, Kind
from mockserver.drift.joining import text_of

MOST = 80


def shortened(difference: Difference) -> tuple[str, str]:
    """Ours and theirs; of two long lists of options only what the other one lacks, behind a mark for the rest."""
    ours, theirs = difference.ours, difference.theirs
    if difference.kind is Kind.CHANGED and difference.place.keyword == "enum":
        mine, yours = json.loads(ours), json.loads(theirs)
        ours, theirs = _without(mine, yours), _without(yours, mine)
    return _cut(ours), _cut(theirs)


def _without(options: list[object], others: list[object]) -> str:
    known = {text_of(each) for each in others}
    own = [text_of(each) for each in options if text_of(each) not in known]
    rest = ["…"] if len(own) < len(options) else []
    return f"[{', '.join([*rest, *own])}]"


def _cut(text: str) -> str:
    return text if len(text) <= MOST else text[: MOST - 1] + "…"
