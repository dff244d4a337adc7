"""Cursors of the job list."""

import base64
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mockserver.core.paging import Place, cursor, place_of

SECRET = b"s" * 32
PLACE = Place(1_800_000_000.123, "a1b2c3d4-e5f6-7890-abcd-ef1234567890")
places = st.builds(Place, st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1000), st.uuids().map(str))


@given(place=places, owner=st.text(max_size=8), secret=st.binary(max_size=40))
def test_a_cursor_leads_back_to_its_place(place: Place, owner: str, secret: bytes) -> None:
    text = cursor(place, owner, secret)
    assert place_of(text, owner, secret) == place
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(place=places, owner=st.text(max_size=8), other=st.text(max_size=8))
def test_a_borrowed_cursor_leads_nowhere(place: Place, owner: str, other: str) -> None:
    assume(owner != other)
    assert place_of(cursor(place, owner, SECRET), other, SECRET) is None
    assert place_of(cursor(place, owner, SECRET), owner, b"another") is None


@given(data=st.data())
def test_a_cursor_with_one_character_changed_leads_nowhere(data: st.DataObject) -> None:
    text = cursor(PLACE, "me", SECRET)
    at = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.characters() | st.sampled_from("ABab01-_+/= "))
    assume(character != text[at])
    assert place_of(text[:at] + character + text[at + 1 :], "me", SECRET) is None


def test_the_last_character_of_a_cursor_counts_although_base64_ignores_some_of_its_bits() -> None:
    text = cursor(PLACE, "me", SECRET)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert [last for last in alphabet if place_of(text[:-1] + last, "me", SECRET)] == [text[-1]]


@given(data=st.data())
def test_a_truncated_or_padded_cursor_leads_nowhere(data: st.DataObject) -> None:
    text = cursor(PLACE, "me", SECRET)
    assert place_of(text[: data.draw(st.integers(0, len(text) - 1))], "me", SECRET) is None
    assert place_of(text + data.draw(st.text(min_size=1, max_size=4)), "me", SECRET) is None
    assert place_of(text + "=", "me", SECRET) is None


@given(text=st.text(max_size=60))
def test_any_text_leads_nowhere(text: str) -> None:
    assert place_of(text, "me", SECRET) is None


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        1,
        "id",
        {},
        {"id": "x"},
        {"id": "\ud800", "createdAt": 1, "check": "x"},
        {"id": "x", "createdAt": 1, "check": "\ud800"},
        {"id": "x", "createdAt": "1e400", "check": "x"},
        {"id": "x", "createdAt": float("nan"), "check": "x"},
        {"id": "x", "createdAt": 10**400, "check": "x"},
        {"id": "x", "createdAt": 10**4200, "check": "x"},
        {"id": ["x"], "createdAt": [1], "check": "x"},
        {"id": None, "createdAt": None, "check": None},
        {"id": PLACE.job_id, "createdAt": PLACE.created_at, "check": "0" * 24},
    ],
)
def test_a_forged_cursor_leads_nowhere(fields: Any) -> None:
    text = base64.urlsafe_b64encode(json.dumps(fields).encode()).rstrip(b"=").decode()
    assert place_of(text, "me", SECRET) is None


def test_a_deeply_nested_cursor_leads_nowhere() -> None:
    assert place_of(base64.urlsafe_b64encode(b"[" * 100_000).decode(), "me", SECRET) is None


def test_a_genuine_cursor_spelled_otherwise_leads_nowhere() -> None:
    fields = json.loads(base64.urlsafe_b64decode(cursor(PLACE, "me", SECRET) + "=="))
    spelled = base64.urlsafe_b64encode(json.dumps(fields, indent=1).encode()).rstrip(b"=").decode()
    assert place_of(spelled, "me", SECRET) is None
