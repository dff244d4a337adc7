"""Tracks that stand for music: a short melody of the job's own, with its title."""

from collections.abc import Iterator
from typing import NamedTuple

from mockserver.media import mp3
from mockserver.media.mp3 import GRANULE, RATE, Granule
from mockserver.media.seeds import seed_of

MOST_SECONDS = 6
"""A longer track is stood for by one of this length."""
MOST_TITLE = 200
"""Characters of a title."""
_SCALE = (16, 18, 20, 24, 27, 32)
"""From 444 Hz: a pentatonic scale in just intonation."""
_BASSES = (8, 12, 10, 9)
_STRUCK = 202
_NOTES = 8
"""In a phrase, which then starts again."""


class Track(NamedTuple):
    """What to play."""

    job_id: str
    number: int
    """From 0."""
    title: str
    artist: str
    seconds: int


def play(track: Track) -> bytes:
    """The track as MP3."""
    count = -(-RATE * track.seconds // (2 * GRANULE)) * 2
    return _tag({"TIT2": track.title, "TPE1": track.artist}) + mp3.frames(_melody(track, count))


def _melody(track: Track, count: int) -> Iterator[Granule]:
    """So many granules: notes that are struck and fade, over a bass that changes with every fourth."""
    seed = seed_of(track.job_id, track.number)
    length = 9 + seed[0] % 6
    notes = [_SCALE[chance % len(_SCALE)] for chance in seed[1 : 1 + _NOTES]]
    basses = [_BASSES[chance % len(_BASSES)] for chance in seed[20:22]]
    for place in range(count):
        note = place // length % _NOTES
        faded = place % length // 2 + max(0, 20 - (count - place)) * 2
        yield Granule((basses[note * 2 // _NOTES], notes[note]), _STRUCK - faded)


def _tag(texts: dict[str, str]) -> bytes:
    """An ID3v2.4 tag of text frames."""
    frames = b""
    for name, text in texts.items():
        content = b"\x03" + "".join(filter(str.isprintable, text[:MOST_TITLE])).encode()
        frames += name.encode() + _seven_bits(len(content)) + b"\0\0" + content
    return b"ID3\x04\0\0" + _seven_bits(len(frames)) + frames


def _seven_bits(size: int) -> bytes:
    """A size in four bytes of seven bits each."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
