"""What is uploaded downloads byte for byte until its time is over; what is refused leaves nothing."""

import asyncio
import io
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.core.filekinds import KINDS
from mockserver.schemas import catalog
from mockserver.spool import Spool
from mockserver.stores.memory import MemoryStore
from tests.api.wire import asked, connected
from tests.conftest import MakeApp
from tests.driver import Driver

PNG = b"\x89PNG\r\n\x1a\n"
MP4 = b"\0\0\0\x10ftypisom\0\0\2\0"
MB = 1024 * 1024
TYPES = "|".join(f'"{kind.content_type}"' for kind in KINDS.values())


def names(spool: Spool) -> list[str]:
    return sorted(path.name for path in spool.folder.iterdir())


async def until_files_are(app: App, wanted: int) -> None:
    async with asyncio.timeout(10):
        while len(names(app.spool)) != wanted:  # noqa: ASYNC110 - nothing rings when a file comes or goes
            await asyncio.sleep(0)


def form(*contents: bytes, name: str = "file", filename: str = "a.png") -> aiohttp.FormData:
    data = aiohttp.FormData()
    for content in contents:
        data.add_field(name, io.BytesIO(content), filename=filename, content_type="text/nonsense")
    return data


def body(*parts: bytes, end: bytes = b"--B--\r\n") -> bytes:
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    return b"".join(head + part + b"\r\n" for part in parts) + end


def sent(content: bytes, *, length: int | None = None) -> bytes:
    head = b"POST /v2/uploads HTTP/1.1\r\nHost: mock\r\nX-API-Key: afk_test\r\n"
    said = len(content) if length is None else length
    return head + b"Content-Type: multipart/form-data; boundary=B\r\nContent-Length: %d\r\n\r\n%b" % (said, content)


async def uploaded(client: aiohttp.ClientSession, content: bytes, **more: Any) -> dict[str, Any]:
    async with client.post("/v2/uploads", data=form(content, **more)) as answer:
        assert answer.status == 201, await answer.text()
        told: dict[str, Any] = await answer.json()
        return told


async def refused(client: aiohttp.ClientSession, data: Any) -> list[str]:
    async with client.post("/v2/uploads", data=data) as answer:
        told = await answer.json()
        assert (answer.status, told["error"], list(told["details"])) == (400, "Validation error", ["file"]), told
        texts: list[str] = told["details"]["file"]
        return texts


async def test_an_upload_downloads_byte_for_byte_without_a_key(app: App, client: aiohttp.ClientSession) -> None:
    content = PNG + bytes(range(256)) * 3000
    told = await uploaded(client, content)
    Draft202012Validator(catalog().schemas["answers/upload.json"]).validate(told)
    assert told == {
        "id": told["id"],
        "url": f"{app.url}/uploads/{told['id']}.png",
        "kind": "image",
        "contentType": "image/png",
        "byteSize": len(content),
        "expiresAt": "2026-01-01T02:00:00.000Z",
    }
    async with aiohttp.ClientSession() as anybody:
        async with anybody.get(told["url"]) as answer:
            assert (answer.status, answer.content_type, await answer.read()) == (200, "image/png", content)
        async with anybody.head(told["url"]) as answer:
            assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(content)))
        etag = answer.headers["ETag"]
        async with anybody.get(told["url"], headers={"Range": "bytes=300000-599999"}) as answer:
            assert (answer.status, await answer.read()) == (206, content[300_000:600_000])
            assert answer.headers["Content-Range"] == f"bytes 300000-599999/{len(content)}"
        async with anybody.get(told["url"], headers={"If-None-Match": etag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        async with anybody.get(told["url"].replace(".png", ".gif")) as answer:
            assert answer.status == 404


async def test_an_upload_is_gone_after_its_time(client: aiohttp.ClientSession, app: App, clock: Clock) -> None:
    url = (await uploaded(client, PNG))["url"]
    clock.advance(2 * 3600 - 1)
    async with client.get(url) as answer:
        assert answer.status == 200
    clock.advance(1)
    async with client.get(url) as answer:
        assert (answer.status, await answer.json()) == (404, {"error": "Not found"})
    assert names(app.spool) == []


async def test_the_file_of_an_upload_is_removed_when_its_time_is_over(make_app: MakeApp, clock: Clock) -> None:
    app = await make_app(upload_keeps=60.0)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": "afk_test"}) as client:
        await uploaded(client, PNG)
        clock.advance(60)
        await until_files_are(app, 0)


async def test_the_same_seed_gives_the_same_ids_and_a_reset_forgets_uploads(
    client: aiohttp.ClientSession, app: App, driver: Driver
) -> None:
    first = await uploaded(client, PNG)
    await driver.pull("POST", "reset")
    assert names(app.spool) == []
    async with client.get(first["url"]) as answer:
        assert answer.status == 404
    assert (await uploaded(client, PNG))["id"] == first["id"]


async def test_many_uploads_at_once_stay_apart(client: aiohttp.ClientSession) -> None:
    contents = [PNG + bytes([number]) * 300_000 for number in range(20)]
    told = await asyncio.gather(*[uploaded(client, content) for content in contents])
    for one, content in zip(told, contents, strict=True):
        async with client.get(one["url"]) as answer:
            assert await answer.read() == content


@pytest.mark.parametrize("name", [b"../../../etc/passwd", b"a" * 4000, b"nul\0", b"", b"CON", b"\xc3\xbc.exe", b"a\\"])
async def test_what_a_file_is_called_means_nothing(app: App, name: bytes) -> None:
    reply = await asked(app.url, sent(body(PNG).replace(b'"f"', b'"%b"' % name)))
    assert re.fullmatch(rf"{app.url}/uploads/[0-9a-f-]{{36}}\.png", reply.json["url"])
    assert names(app.spool) == [reply.json["id"]]


async def test_a_file_may_be_as_large_as_its_kind_allows_and_no_larger(client: aiohttp.ClientSession, app: App) -> None:
    most = 25 * MB
    rest = bytes(most - 16)
    told = [await uploaded(client, PNG + bytes(8) + rest), await uploaded(client, MP4 + rest + b"x")]
    assert [each["byteSize"] for each in told] == [most, most + 1]
    text = f"Too big: expected file to have <={most} bytes"
    assert await refused(client, form(PNG + bytes(8) + rest + b"x")) == [text]
    assert names(app.spool) == sorted(each["id"] for each in told)


MISSING = "Invalid input: expected file, received undefined"
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no part": (lambda: aiohttp.FormData({"other": "x"}, default_to_multipart=True), MISSING),
    "a file of another name": (lambda: form(PNG, name="image"), MISSING),
    "a text": (
        lambda: aiohttp.FormData({"file": "x"}, default_to_multipart=True),
        "Invalid input: expected file, received string",
    ),
    "two files": (lambda: form(PNG, PNG), "Invalid input: expected file, received array"),
    "an empty file": (lambda: form(b""), "Too small: expected file to have >=1 bytes"),
    "an unknown type": (lambda: form(b"%PDF-1.7", filename="a.png"), f"Invalid option: expected one of {TYPES}"),
    "JSON": (
        lambda: b"{}",
        'Invalid content type "application/octet-stream": expected multipart/form-data with a boundary',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_form_without_one_good_file_is_refused(client: aiohttp.ClientSession, app: App, case: str) -> None:
    make, text = REFUSED[case]
    assert await refused(client, make()) == [text]
    assert names(app.spool) == []


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (body(PNG, end=b""), "Malformed form: it ends before its last boundary"),
        (body(PNG).replace(b"B", b"C"), "Malformed form: it ends before its last boundary"),
        (b"no form at all", "Malformed form: it ends before its last boundary"),
        (body(PNG, end=b"--BX\r\n"), "Malformed form: Unexpected bytes after boundary"),
    ],
)
async def test_a_form_that_is_not_whole_leaves_nothing(app: App, content: bytes, text: str) -> None:
    reply = await asked(app.url, sent(content))
    assert (reply.status, reply.json) == (400, {"error": "Validation error", "details": {"file": [text]}})
    assert names(app.spool) == []


async def test_a_client_that_goes_away_half_way_leaves_nothing(app: App) -> None:
    async with connected(app.url) as wire:
        await wire.send(sent(body(PNG + bytes(3 * MB), end=b""), length=9 * MB))
        await until_files_are(app, 1)
    await until_files_are(app, 0)


async def test_the_journal_keeps_no_files(client: aiohttp.ClientSession, driver: Driver) -> None:
    await uploaded(client, PNG + bytes(1000))
    entry = (await driver.pull("GET", "requests"))["requests"][-1]
    assert (entry["operation"], entry["answer"]["status"]) == ("uploads.create", 201)
    assert entry["request"]["body"] is None
    assert entry["request"]["bytes"] > 1000


async def test_key_and_faults_come_before_the_body(client: aiohttp.ClientSession, app: App, driver: Driver) -> None:
    async with client.post("/v2/uploads", headers={"X-API-Key": "no"}, data=form(b"")) as answer:
        assert (answer.status, await answer.json()) == (401, {"error": "Invalid API key"})
    await driver.pull("POST", "faults", {"match": {"operation": "uploads.*"}, "respond": {"status": 503}}, status=201)
    async with client.post("/v2/uploads", data=form(PNG)) as answer:
        assert answer.status == 503
    assert names(app.spool) == []


async def test_faults_reach_downloads(client: aiohttp.ClientSession, driver: Driver) -> None:
    url = (await uploaded(client, PNG + bytes(1000)))["url"]
    rule = {"match": {"path": "/uploads/*"}, "truncate": 10, "times": 1}
    await driver.pull("POST", "faults", rule, status=201)
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.get(url) as answer:
            await answer.read()
    async with client.get(url) as answer:
        assert await answer.read() == PNG + bytes(1000)
    entry = (await driver.pull("GET", "requests?path=/uploads/*"))["requests"][-1]
    assert (entry["answer"]["bytes"], entry["answer"]["body"]) == (1008, None)


async def test_a_disk_that_fails_is_a_bad_gateway(
    client: aiohttp.ClientSession, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    folder = app.spool.folder
    folder.rmdir()
    folder.write_bytes(b"in the way")
    async with client.post("/v2/uploads", data=form(PNG)) as answer:
        assert (answer.status, await answer.json()) == (502, {"error": "Upload failed"})
    assert "an upload failed" in caplog.text
    folder.unlink()
    await uploaded(client, PNG)


async def test_the_oldest_leave_when_the_room_is_taken(clock: Clock) -> None:
    room = Spool(clock, MemoryStore(1), 60.0, most_bytes=100)
    kept = []
    for number in range(3):
        with room.incoming() as incoming:
            await incoming.write(b"x" * 40)
            await incoming.finish()
            kept.append(await room.keep(incoming, KINDS["png"], str(number)))
    assert [await room.find(upload.id) for upload in kept] == [None, *kept[1:]]
    assert names(room) == ["1", "2"]
    with room.incoming() as incoming, pytest.raises(OSError, match="arriving at once"):
        await incoming.write(b"x" * 101)
    assert names(room) == ["1", "2"]
    folder = room.folder
    await room.close()
    assert not folder.is_dir()
