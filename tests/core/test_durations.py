"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.durations import FORM_HINT, duration_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30.0),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("24h", 86_400.0),
        ("90d", 7_776_000.0),
        ("0s", 0.0),
        ("1.5s", 1.5),
        (" 30 S ", 30.0),
        ("500MS", 0.5),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "s", "-1s", "+1s", "1e3s", ".5s", "1.s", "1w", "1 s s", "\uff11s", "30\u017f", "5m\u017f"]
)
def test_any_other_form_is_refused_with_what_is_wanted(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration") as refused:
        duration_s(text)
    assert str(refused.value) == f'"{text}" is no duration: {FORM_HINT}'


@given(text=st.text(max_size=8) | st.from_regex(r"\d{1,3}\s?(?i:ms|s|m|h|d)", fullmatch=True))
def test_every_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        assert duration_s(text) >= 0
    except ValueError as refused:
        assert FORM_HINT in str(refused)  # noqa: PT017 - either outcome is right, and both are checked
