"""What tracks are called, how long they are, and which words are written: decided once, when the job is accepted.

Which parameters say so is told by the row's `songs`; what nobody asked for is drawn from the job's id. Source: facts.md
sections 13 and 15.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.core.ids import uuid_from
from mockserver.core.pricing import value_of

Note = Mapping[str, Any]
TITLE_WORDS, TITLE_LENGTH = 4, 80
GENRES = (
    "acoustic, folk",
    "ambient, piano",
    "electronic, synthwave",
    "indie rock, guitar",
    "jazz, late night",
    "lo-fi, hip hop",
    "orchestral, cinematic",
    "pop, upbeat",
)


def notes_of(  # noqa: PLR0913, PLR0917 - all that a track depends on
    songs: Mapping[str, Any],
    body: Mapping[str, Any],
    prompt: str,
    job_id: str,
    outputs: int,
    source: Note | None = None,
) -> list[dict[str, Any]]:
    """One note an output: id, title, tags and duration in seconds, or the words; *source* is the track acted on."""
    if "words" in songs:
        return [{"lyrics": body.get(songs["words"]) or f"[Verse]\n{prompt}", "instrumental": False}]
    drawn = [hashlib.sha256(f"{job_id}/{place}".encode()).digest() for place in range(outputs)]
    source = source or {}
    title = _stated(songs, "title", body) or source.get("title") or _titled(prompt)
    tags = _stated(songs, "tags", body) or source.get("tags") or GENRES[drawn[0][0] % len(GENRES)]
    return [
        {
            "id": _id(songs, place, draw),
            "title": title,
            "tags": tags,
            "duration": _seconds(songs["seconds"], body, source, int.from_bytes(draw[2:6]) / 2**32),
        }
        for place, draw in enumerate(drawn)
    ]


def track_of(notes: Sequence[Note], body: Mapping[str, Any]) -> Note | None:
    """The track that an action names by `trackId` or by `index`, from 1; none where there is no such track."""
    if "trackId" in body:
        return next((note for note in notes if note["id"] == body["trackId"]), None)
    place = int(body.get("index", 1)) - 1
    return notes[place] if place < len(notes) else None


def _stated(songs: Mapping[str, Any], name: str, body: Mapping[str, Any]) -> Any:
    return value_of({"param": songs[name], "default": None}, body) if name in songs else None


def _titled(prompt: str) -> str:
    words = prompt.split()[:TITLE_WORDS]
    return " ".join(word[:1].upper() + word[1:] for word in words)[:TITLE_LENGTH] or "Untitled"


def _id(songs: Mapping[str, Any], place: int, draw: bytes) -> str:
    if songs.get("ids") == "numbered":
        return f"{1_000_000 + int.from_bytes(draw[6:10]) % 9_000_000}-{place}"
    return uuid_from(int.from_bytes(draw[6:22]))


def _seconds(rule: Mapping[str, Any], body: Mapping[str, Any], source: Note, chance: float) -> float:
    if "param" in rule:
        seconds = float(value_of(rule, body)) / float(rule["per"])
    else:
        seconds = float(rule["least"]) + (rule["most"] - rule["least"]) * chance
    if "after" in rule:
        seconds += float(body.get(rule["after"], source.get("duration") or 0))
    return round(seconds) if rule.get("whole") else round(seconds, 1)
