"""Durations as people write them: `30s`, `500ms`, `2m`, `1h`, `24h`, `90d`."""

import re

_FORM = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(ms|s|m|h|d)", re.IGNORECASE | re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
FORM_HINT = 'want a number and a unit, as in "500ms", "30s", "2m", "1h" or "90d"'


def duration_s(text: str) -> float:
    """Seconds in *text*.

    Raises:
        ValueError: the text has another form.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        msg = f'"{text[:40]}" is no duration: {FORM_HINT}'
        raise ValueError(msg)
    return float(match[1]) * _SECONDS[match[2].lower()]
