"""The fixture of uploads: a small file of each kind, the answer, and its address before and after it expires."""

import base64

import aiohttp

from mockserver.core.instants import instant
from mockserver.recording.loras import PIXEL
from mockserver.recording.studio import KEY, PUBLIC_URL, Answered, Fixture, Studio

PATH = "/v2/uploads"
FILES = {
    "pixel.png": PIXEL,
    "head.mp4": base64.b64encode(bytes.fromhex("00000018") + b"ftypisom\0\0\2\0isommp41").decode(),
    "silence.wav": base64.b64encode(
        b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\2\0\0\0\0\0"
    ).decode(),
}
"""By their names, in Base64. The video is but the head by which a video is known."""


async def upload_fixture(studio: Studio) -> Fixture:
    """All that a client sees of uploads."""
    await studio.start_over()
    uploads = [await _uploaded(studio, name, content) for name, content in FILES.items()]
    shown = [{"name": name, "base64": FILES[name], "answer": answer.shown()} for name, answer in uploads]
    downloads = [_address(answer) for _, answer in uploads]
    kept = [await studio.ask("GET", path, key=None, status=200) for path in downloads]
    await studio.move_to(max(instant(answer.body["expiresAt"]) for _, answer in uploads))
    gone = [await studio.ask("GET", path, key=None, status=404) for path in downloads]
    for upload, path, there, then in zip(shown, downloads, kept, gone, strict=True):
        upload["download"] = {
            "method": "GET",
            "path": path,
            "answer": {"status": there.status, "headers": there.headers},
            "expired": {"status": then.status, "headers": then.headers, "body": then.body},
        }
    head = {"operation": "uploads.create", "method": "POST", "path": PATH, "apiKey": KEY, "part": "file"}
    return {**head, "uploads": shown}


async def _uploaded(studio: Studio, name: str, content: str) -> tuple[str, Answered]:
    studio.draw(f"uploads/{name}")
    form = aiohttp.FormData()
    form.add_field("file", base64.b64decode(content), filename=name)
    return name, await studio.ask("POST", PATH, raw=form, status=201)


def _address(answer: Answered) -> str:
    url: str = answer.body["url"]
    return url.removeprefix(PUBLIC_URL)
