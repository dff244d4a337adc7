"""Result files of every kind: videos and tracks that play, and parts of files."""

import io
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from PIL import Image

from mockserver.app import App
from mockserver.core.jobs import Job
from mockserver.core.jsontext import encode
from mockserver.stores.protocol import Accepted, Draft
from tests.driver import Driver
from tests.media.decoding import heard, seen

SHAPES = {
    "one-video": {"videoUrl": {"$file": "videos/{job}.mp4"}},
    "videos": {"videos": {"$each": {"$file": "videos/{job}-{n}.mp4"}, "$from": 1}},
    "songs": {
        "tracks": {
            "$each": {"audioUrl": {"$file": "audio/{job}-{n}.mp3"}, "imageUrl": {"$file": "audio/{job}-{n}.jpeg"}},
            "$from": 0,
        }
    },
    "recording": {"url": {"$file": "audio/{job}.mp3"}},
}


@pytest.fixture
async def anyone(app: App) -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a key."""
    async with aiohttp.ClientSession(app.url) as http:
        yield http


async def put(app: App, driver: Driver, result: str, body: Mapping[str, Any], **more: Any) -> Job:
    """A completed job with a result of this shape."""
    app.service.catalog = app.service.catalog._replace(shapes={**app.service.catalog.shapes, **SHAPES})
    made = await app.service.store.job(await driver.submit("[[instant]]"))
    assert made is not None
    own_id = made.id[:-12] + "0" * 12
    job = made._replace(id=own_id, result=result, input_json=encode(body), **{"outputs": 1, **more})
    outcome = await app.service.store.submit(Draft(job, None, None), app.service.clock.now())
    assert isinstance(outcome, Accepted)
    return job


async def got(http: aiohttp.ClientSession, path: str, kind: str) -> bytes:
    async with http.get(path) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["ETag"]
        return await answer.read()


async def statuses(http: aiohttp.ClientSession, *paths: str) -> list[int]:
    found = []
    for path in paths:
        async with http.get(path) as answer:
            found.append(answer.status)
    return found


@pytest.mark.parametrize(
    ("parameters", "size", "seconds"),
    [
        ({"aspect_ratio": "9:16", "duration": 2}, (180, 320), 2),
        ({"aspect_ratio": "adaptive", "duration": 15}, (320, 180), 4),
        ({"resolution": "4k"}, (320, 180), 4),
    ],
)
async def test_a_video_plays_as_it_was_asked_for(
    app: App,
    driver: Driver,
    anyone: aiohttp.ClientSession,
    parameters: dict[str, Any],
    size: tuple[int, int],
    seconds: float,
) -> None:
    job = await put(app, driver, "one-video", {"prompt": "a fox", "soraParams": parameters})
    video = seen(await got(anyone, f"/videos/{job.id}.mp4", "video/mp4"))
    assert (video.size, video.seconds, len(video.pictures)) == (size, seconds, 24 * seconds)
    assert await statuses(anyone, f"/videos/{job.id}-1.mp4", f"/images/{job.id}.mp4", f"/videos/{job.id}.mp3") == [
        404,
        404,
        404,
    ]


async def test_each_of_four_videos_is_another(app: App, driver: Driver, anyone: aiohttp.ClientSession) -> None:
    job = await put(app, driver, "videos", {"prompt": "a fox"}, outputs=4)
    videos = [await got(anyone, f"/videos/{job.id}-{number}.mp4", "video/mp4") for number in (1, 2, 3, 4)]
    assert len(set(videos)) == 4
    others = [f"/videos/{job.id}{part}.mp4" for part in ("-0", "-5", "-01", "", "-grid")]
    assert await statuses(anyone, *others) == [404] * 5


async def test_tracks_play_and_have_covers_and_titles(app: App, driver: Driver, anyone: aiohttp.ClientSession) -> None:
    body = {"elevenlabsParams": {"music_length_ms": 3000, "prompt": "a song"}}
    job = await put(app, driver, "songs", body, outputs=2, notes=b'[{"title":"Neon Skyline"},{"title":null}]')
    tracks = [heard(await got(anyone, f"/audio/{job.id}-{number}.mp3", "audio/mpeg")) for number in (0, 1)]
    covers = [await got(anyone, f"/audio/{job.id}-{number}.jpeg", "image/jpeg") for number in (0, 1)]
    titles = ["Neon Skyline", "a song"]
    assert [track.tags for track in tracks] == [{"title": title, "artist": job.model} for title in titles]
    assert [track.seconds for track in tracks] == pytest.approx([3, 3], abs=0.04)
    assert tracks[0].samples != tracks[1].samples
    for cover in covers:
        assert (Image.open(io.BytesIO(cover)).format, Image.open(io.BytesIO(cover)).size) == ("JPEG", (512, 512))
    others = [f"/audio/{job.id}{name}" for name in ("-2.mp3", ".mp3", ".jpeg", "-2.jpeg", "-0.jpg", "-0.png")]
    assert await statuses(anyone, *others) == [404] * 6


async def test_a_recording_plays(app: App, driver: Driver, anyone: aiohttp.ClientSession) -> None:
    job = await put(app, driver, "recording", {"url": "https://example.com/a.mp3"})
    assert heard(await got(anyone, f"/audio/{job.id}.mp3", "audio/mpeg")).seconds > 1


async def test_a_prompt_inside_the_parameters_is_shown(app: App, driver: Driver, anyone: aiohttp.ClientSession) -> None:
    pictures = []
    for body in ({"prompt": "a fox"}, {"editParams": {"prompt": "a fox"}}, {"editParams": {"prompt": 5}}, {}):
        job = await put(app, driver, "images", body)
        image = Image.open(io.BytesIO(await got(anyone, f"/images/{job.id}-1.png", "image/png")))
        pictures.append(len(image.crop((0, 200, 1024, 800)).getcolors(100_000) or []))
    assert pictures[2] < pictures[0]
    assert [count > pictures[2] * 2 for count in pictures] == [True, True, False, False]


async def test_files_are_gone_once_they_have_expired(app: App, driver: Driver, anyone: aiohttp.ClientSession) -> None:
    video = await put(app, driver, "one-video", {"prompt": "a fox"})
    songs = await put(app, driver, "songs", {"prompt": "a song"})
    paths = [f"/videos/{video.id}.mp4", f"/audio/{songs.id}-0.mp3", f"/audio/{songs.id}-0.jpeg"]
    assert await statuses(anyone, *paths) == [200, 200, 200]
    await driver.advance("24h")
    assert await statuses(anyone, *paths) == [404, 404, 404]


async def test_a_client_gets_the_part_that_it_asks_for(app: App, driver: Driver, anyone: aiohttp.ClientSession) -> None:
    job = await put(app, driver, "songs", {"prompt": "a song"})
    path = f"/audio/{job.id}-0.mp3"
    whole = await got(anyone, path, "audio/mpeg")
    size = len(whole)
    for asked, start, end in (
        ("bytes=0-", 0, size),
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10-", 10, size),
        ("bytes=-7", size - 7, size),
        (f"bytes={size - 1}-{10**17}", size - 1, size),
        (f"bytes=-{10**17}", 0, size),
        ("Bytes=1-2", 1, 3),
    ):
        async with anyone.get(path, headers={"Range": asked}) as answer:
            assert (asked, answer.status, await answer.read()) == (asked, 206, whole[start:end])
            assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
            assert (answer.headers["Content-Type"], answer.content_length) == ("audio/mpeg", end - start)


async def test_a_part_that_is_not_there_is_refused_and_what_is_not_understood_gives_all(
    app: App, driver: Driver, anyone: aiohttp.ClientSession
) -> None:
    job = await put(app, driver, "songs", {"prompt": "a song"})
    path = f"/audio/{job.id}-0.mp3"
    whole = await got(anyone, path, "audio/mpeg")
    size = len(whole)
    for asked in (f"bytes={size}-", f"bytes={size}-{size + 5}", "bytes=-0"):
        async with anyone.get(path, headers={"Range": asked}) as answer:
            assert (asked, answer.status, await answer.read()) == (asked, 416, b"")
            assert answer.headers["Content-Range"] == f"bytes */{size}"
    for asked in ("", "bytes=", "bytes=-", "bytes=5-4", "items=0-1", "bytes=a-b", "bytes=0-1,5-6", "bytes=٣-", "0-1"):
        async with anyone.get(path, headers={"Range": asked}) as answer:
            assert (asked, answer.status, await answer.read()) == (asked, 200, whole)
            assert "Content-Range" not in answer.headers


async def test_a_part_belongs_to_one_version_of_the_file(
    app: App, driver: Driver, anyone: aiohttp.ClientSession
) -> None:
    job = await put(app, driver, "one-video", {"prompt": "a fox"})
    path = f"/videos/{job.id}.mp4"
    async with anyone.get(path) as answer:
        etag = answer.headers["ETag"]
    shown = []
    for more in (
        {"If-Range": etag},
        {"If-Range": '"other"'},
        {"If-Range": f"W/{etag}"},
        {"If-Range": "Thu, 01 Jan 2026 00:00:00 GMT"},
        {"If-None-Match": etag},
        {"If-None-Match": '"other"'},
    ):
        async with anyone.get(path, headers={"Range": "bytes=0-9", **more}) as answer:
            shown.append(answer.status)
    assert shown == [206, 200, 200, 200, 304, 206]


@pytest.mark.parametrize(("asked", "status"), [("", 200), ("bytes=0-9", 206), ("bytes=99999999-", 416)])
async def test_head_says_what_get_would_about_a_part(
    app: App, driver: Driver, anyone: aiohttp.ClientSession, asked: str, status: int
) -> None:
    job = await put(app, driver, "one-video", {"prompt": "a fox"})
    shown = []
    for method in ("HEAD", "GET"):
        async with anyone.request(method, f"/videos/{job.id}.mp4", headers={"Range": asked}) as answer:
            names = ("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "ETag")
            shown.append((answer.status, [answer.headers.get(name) for name in names]))
            assert await answer.read() == b"" or method == "GET"
    assert shown[0] == shown[1]
    assert shown[0][0] == status
