"""What tracks are called, and how long they are."""

from typing import Any

import pytest

from mockserver.core.songs import GENRES, notes_of, track_of

JOB = "c3d4e5f6-a7b8-9012-cdef-345678901234"
DRAWN = {"seconds": {"least": 120, "most": 240}}


def notes(songs: dict[str, Any], body: dict[str, Any] | None = None, **more: Any) -> list[dict[str, Any]]:
    return notes_of({**DRAWN, **songs}, body or {}, more.pop("prompt", "neon lights over a city"), JOB, 2, **more)


def test_a_track_is_called_what_was_asked_for() -> None:
    found = notes({"title": "p.title", "tags": "p.style"}, {"p": {"title": "Fox", "style": "folk"}})
    assert [(note["title"], note["tags"]) for note in found] == [("Fox", "folk")] * 2


def test_without_a_title_it_is_called_by_the_first_words_of_the_prompt() -> None:
    first = notes({})[0]
    assert first["title"] == "Neon Lights Over A"
    assert first["tags"] in GENRES
    assert notes({}, prompt="")[0]["title"] == "Untitled"
    assert len(notes({}, prompt="x" * 5000)[0]["title"]) == 80


def test_what_is_acted_on_hands_on_title_and_tags() -> None:
    source = {"title": "Fox", "tags": "folk", "duration": 100.5}
    kept = notes({"title": "title"}, {}, source=source)[0]
    assert (kept["title"], kept["tags"]) == ("Fox", "folk")
    assert notes({"title": "title"}, {"title": "Wolf"}, source=source)[0]["title"] == "Wolf"


@pytest.mark.parametrize(
    ("rule", "body", "low", "high"),
    [
        ({"least": 120, "most": 240}, {}, 120, 240),
        ({"least": 30, "most": 30}, {}, 30, 30),
        ({"param": "p.ms", "default": 60000, "per": 1000}, {}, 60, 60),
        ({"param": "p.ms", "default": 60000, "per": 1000}, {"p": {"ms": 12500}}, 12.5, 12.5),
        ({"after": "continueAt", "least": 30, "most": 60}, {}, 130.5, 160.5),
        ({"after": "continueAt", "least": 30, "most": 60}, {"continueAt": 10}, 40, 70),
        ({"after": "", "param": "output_length", "default": 32, "per": 1}, {"output_length": 5}, 105.5, 105.5),
    ],
)
def test_it_lasts_as_long_as_the_row_says(rule: dict[str, Any], body: dict[str, Any], low: float, high: float) -> None:
    source = {"title": None, "tags": None, "duration": 100.5}
    for note in notes({"seconds": rule}, body, source=source):
        assert low <= note["duration"] <= high
        assert round(note["duration"], 1) == note["duration"]


def test_whole_seconds_and_counted_ids_where_the_row_says_so() -> None:
    found = notes({"ids": "numbered", "seconds": {"least": 120, "most": 200, "whole": True}})
    assert all(isinstance(note["duration"], int) for note in found)
    assert [note["id"].rpartition("-")[2] for note in found] == ["0", "1"]


def test_two_tracks_differ_and_the_same_job_has_the_same_again() -> None:
    found = notes({})
    assert found[0]["id"] != found[1]["id"]
    assert found == notes({})


def test_words_are_those_given_or_made_of_the_prompt() -> None:
    assert notes({"words": "lyrics"}, {"lyrics": "la"}) == [{"lyrics": "la", "instrumental": False}]
    assert notes({"words": "lyrics"})[0]["lyrics"] == "[Verse]\nneon lights over a city"


@pytest.mark.parametrize(
    ("body", "place"),
    [({"index": 1}, 0), ({"index": 2}, 1), ({"index": 3}, None), ({"trackId": "b"}, 1), ({"trackId": "c"}, None)],
)
def test_a_track_is_named_by_number_or_id(body: dict[str, Any], place: int | None) -> None:
    tracks = [{"id": "a"}, {"id": "b"}]
    assert track_of(tracks, body) == (None if place is None else tracks[place])
