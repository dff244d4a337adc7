"""Instants as the wire writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.instants import instant, iso, whole_ms


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_773_568_832.0, "2026-03-15T10:00:32.000Z"),
        (1_773_568_832.0009, "2026-03-15T10:00:32.000Z"),
        (1_773_568_832.999, "2026-03-15T10:00:32.999Z"),
        (1_773_568_832.9999, "2026-03-15T10:00:32.999Z"),
        (-0.001, "1969-12-31T23:59:59.999Z"),
        (-62_000_000_000.0, "0005-04-19T09:46:40.000Z"),
        (8.6e16, "9999-12-31T23:59:59.999Z"),
        (-8.6e16, "0001-01-01T00:00:00.000Z"),
    ],
)
def test_an_instant_is_written_in_utc_with_milliseconds(at: float, text: str) -> None:
    assert iso(at) == text


@given(ms=st.integers(0, 4_000_000_000_000))
def test_an_instant_of_whole_milliseconds_survives_the_wire(ms: int) -> None:
    assert instant(iso(ms / 1000)) == ms / 1000
    assert whole_ms(ms / 1000) == ms / 1000


@given(at=st.floats(0, 4e9))
def test_the_wire_shows_the_millisecond_that_has_begun(at: float) -> None:
    assert iso(whole_ms(at)) == iso(at)
    assert -2e-6 <= at - whole_ms(at) < 0.001 + 2e-6


@pytest.mark.parametrize("text", ["2026-03-15T10:00:32", "2026-03-15T10:00:32Z", "2026-03-15T11:00:32+01:00"])
def test_an_instant_without_a_zone_counts_as_utc(text: str) -> None:
    assert instant(text) == 1_773_568_832.0


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "1773568832.5", "\ud800"])
def test_what_is_no_instant_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"Invalid isoformat string|must be in"):
        instant(text)
