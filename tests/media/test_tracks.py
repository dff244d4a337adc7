"""Tracks: they play, last as long as was asked for, and are the same bytes each time."""

import hashlib
import math

import pytest

from mockserver.media.mp3 import GRANULE, RATE, Granule, frames
from mockserver.media.tracks import Track, play
from tests.media.decoding import heard

SONG = Track("a1b2c3d4-e5f6-7890-abcd-ef1234567890", 0, "Neon Skyline", "some-model", 2)
UNIT_HZ = RATE / (2 * GRANULE)
LOUDEST = 210


def strength(samples: list[float], hertz: float) -> float:
    """How loud a tone of this frequency is: 1 for one at full scale."""
    turns = [2 * math.pi * hertz * place / RATE for place in range(len(samples))]
    real = sum(sample * math.cos(turn) for sample, turn in zip(samples, turns, strict=True))
    imaginary = sum(sample * math.sin(turn) for sample, turn in zip(samples, turns, strict=True))
    return 2 * math.hypot(real, imaginary) / len(samples)


@pytest.mark.parametrize("seconds", [1, 3, 6])
def test_a_track_plays_for_as_long_as_was_asked_for(seconds: int) -> None:
    content = play(SONG._replace(seconds=seconds))
    track = heard(content)
    assert track._replace(samples=[], seconds=0) == (
        "mp3",
        RATE,
        1,
        0,
        {"title": "Neon Skyline", "artist": "some-model"},
        [],
    )
    assert track.seconds == pytest.approx(seconds, abs=0.04)
    assert len(track.samples) / RATE == pytest.approx(seconds, abs=0.04)
    assert 0.3 < max(map(abs, track.samples)) < 0.9
    assert len(content) < 30_000


def test_the_same_track_is_the_same_bytes_everywhere_and_every_other_sounds_other() -> None:
    songs = [SONG._replace(job_id=job, number=number) for job in ("one", "two") for number in (0, 1)]
    contents = [play(song) for song in songs]
    assert [play(song) for song in songs] == contents
    assert len({tuple(heard(content).samples) for content in contents}) == 4
    assert hashlib.sha256(contents[0]).hexdigest()[:16] == "a0b2a493f02a112b"


@pytest.mark.parametrize("tone", [2, 8, 17, 18, 19, 27, 32, 53, 100])
def test_a_line_of_the_spectrum_is_a_pure_tone(tone: int) -> None:
    samples = heard(frames([Granule((tone,), LOUDEST - 8)] * 12)).samples[4 * GRANULE : 8 * GRANULE]
    assert strength(samples, tone * UNIT_HZ) == pytest.approx(0.25, rel=0.02)
    rest = sum(sample**2 for sample in samples) / len(samples) - 0.25**2 / 2
    assert rest < 0.25**2 / 2 / 80


def test_tones_sound_together_and_silence_is_silent() -> None:
    chord, silence = Granule((8, 10, 12), LOUDEST - 12), Granule((), 0)
    samples = heard(frames([chord] * 12 + [silence] * 7)).samples
    strengths = [strength(samples[4 * GRANULE : 8 * GRANULE], tone * UNIT_HZ) for tone in (8, 9, 10, 11, 12)]
    assert strengths == pytest.approx([0.125, 0, 0.125, 0, 0.125], abs=0.005)
    assert len(samples) == 20 * GRANULE
    assert max(map(abs, samples[-3 * GRANULE :])) == 0


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("", None),
        ("Ein Lied 🦊", "Ein Lied 🦊"),
        ("a\x00\n\ud800b", "ab"),
        ("x" * 5000, "x" * 200),
        ("ÿ" * 90, "ÿ" * 90),
    ],
)
def test_any_title_can_be_told(title: str, shown: str | None) -> None:
    assert heard(play(SONG._replace(title=title, seconds=1))).tags.get("title") == shown
