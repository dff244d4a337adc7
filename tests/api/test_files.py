"""Result files: pictures that really download, without a key, as long as they exist."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from PIL import Image
from yarl import URL

from mockserver.api.files import Gallery
from mockserver.app import App
from mockserver.core.results import FileName
from tests.conftest import KEY, Inbox, MakeApp
from tests.driver import Driver

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def anyone() -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a key."""
    async with aiohttp.ClientSession() as http:
        yield http


async def finished(driver: Driver, prompt: str = "a fox [[instant]]", **more: Any) -> dict[str, Any]:
    """The result of a job that is completed."""
    job = await driver.job(await driver.submit(prompt, **more))
    assert job["status"] == "COMPLETED"
    result: dict[str, Any] = job["result"]
    return result


async def picture(http: aiohttp.ClientSession, address: str) -> Image.Image:
    async with http.get(address) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/png")
        image = Image.open(io.BytesIO(await answer.read()))
        image.load()
        assert image.format == "PNG"
        return image


async def test_a_picture_downloads_without_a_key(driver: Driver, anyone: aiohttp.ClientSession) -> None:
    [address] = (await finished(driver))["images"]
    async with anyone.get(address) as answer:
        content = await answer.read()
        assert {name: answer.headers[name] for name in ("Content-Type", "Cache-Control", "Content-Length")} == {
            "Content-Type": "image/png",
            "Cache-Control": "public, max-age=86400",
            "Content-Length": str(len(content)),
        }
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "etag" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["x-request-id"]
        Image.open(io.BytesIO(content)).verify()


async def test_head_says_what_get_would_and_sends_no_body(driver: Driver, anyone: aiohttp.ClientSession) -> None:
    [address] = (await finished(driver))["images"]
    shown = []
    for method in ("HEAD", "GET", "HEAD"):
        async with anyone.request(method, address) as answer:
            own = ("date", "x-request-id")
            headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in own}
            shown.append((answer.status, headers, bool(await answer.read())))
    head, get = shown[0], shown[1]
    assert head == (get[0], get[1], False)
    assert shown[2] == head
    assert get[2]


async def test_a_picture_that_is_known_is_not_sent_again(driver: Driver, anyone: aiohttp.ClientSession) -> None:
    [address] = (await finished(driver))["images"]
    async with anyone.get(address) as answer:
        etag = answer.headers["ETag"]
    assert (etag[0], etag[-1], len(etag)) == ('"', '"', 34)
    for known, status in (
        (etag, 304),
        (f"W/{etag}", 304),
        (f'"other", {etag}', 304),
        ("*", 304),
        ('"other"', 200),
        ("", 200),
        (etag.strip('"'), 200),
    ):
        async with anyone.get(address, headers={"If-None-Match": known}) as answer:
            assert (known, answer.status, answer.headers["ETag"]) == (known, status, etag)
            assert bool(await answer.read()) == (status == 200)


async def test_every_picture_of_a_job_is_another(driver: Driver, anyone: aiohttp.ClientSession) -> None:
    result = await finished(driver, model="midjourney")
    addresses = [*result["images"], result["gridUrl"]]
    pictures = [(await picture(anyone, address)).tobytes() for address in addresses]
    assert len(set(pictures)) == 5


async def test_the_same_seed_and_request_give_the_same_bytes(make_app: MakeApp) -> None:
    contents = []
    for seed in (7, 7, 8):
        app = await make_app(seed=seed)
        async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
            [address] = (await finished(Driver(http)))["images"]
            contents.append(await (await http.get(address)).read())
    assert (contents[0] == contents[1], contents[0] == contents[2]) == (True, False)


async def test_after_a_reset_the_same_address_can_be_another_picture(
    driver: Driver, anyone: aiohttp.ClientSession
) -> None:
    shown = []
    for ratio in ("1:1", "16:9"):
        [address] = (await finished(driver, fluxParams={"aspect_ratio": ratio}))["images"]
        shown.append((address, (await picture(anyone, address)).size))
        await driver.pull("POST", "reset")
    assert shown[0][0] == shown[1][0]
    assert shown[0][1] != shown[1][1]


@pytest.mark.parametrize(
    ("body", "ratio"),
    [
        ({}, 1),
        ({"fluxParams": {"aspect_ratio": "16:9"}}, 16 / 9),
        ({"fluxParams": {"aspect_ratio": "9:16"}}, 9 / 16),
        ({"model": "midjourney", "midjourneyParams": {"aspect_ratio": "3:2"}}, 3 / 2),
        ({"model": "nano-banana", "nanoBananaParams": {"aspect_ratio": "4:5"}}, 4 / 5),
        ({"fluxParams": {"aspect_ratio": "0:0"}}, 1),
        ({"fluxParams": {"aspect_ratio": "1:0"}}, 1),
        ({"fluxParams": {"aspect_ratio": "9" * 400 + ":1"}}, 1),
        ({"model": "nano-banana", "nanoBananaParams": {"aspect_ratio": "match_input_image"}}, 1),
        ({"model": "nano-banana", "nanoBananaParams": {"aspect_ratio": "a:b\x00\ud800"}}, 1),
    ],
)
async def test_a_picture_has_the_aspect_ratio_that_was_asked_for(
    driver: Driver, anyone: aiohttp.ClientSession, body: dict[str, Any], ratio: float
) -> None:
    address = (await finished(driver, **body))["images"][0]
    width, height = (await picture(anyone, address)).size
    assert width / height == pytest.approx(ratio, rel=0.02)


@pytest.mark.parametrize(("width", "height"), [(512, 4096), (1024, 768), (2000, 999), (513, 512)])
async def test_a_picture_has_the_width_and_height_that_were_asked_for(
    driver: Driver, anyone: aiohttp.ClientSession, width: int, height: int
) -> None:
    parameters = {"width": width, "height": height, "aspect_ratio": "1:1"}
    [address] = (await finished(driver, model="seedream-4", seedreamParams=parameters))["images"]
    assert (await picture(anyone, address)).size == (width, height)


@pytest.mark.parametrize(
    "prompt",
    [
        "[[instant]]",
        "[[instant]] " + "x" * 1900,
        "[[instant]] " + "word " * 380,
        "[[instant]] 🦊 狐 \u202e fox \x00 \n\n\t",
        "[[instant]] \ud800",
    ],
)
async def test_any_prompt_can_be_drawn(driver: Driver, anyone: aiohttp.ClientSession, prompt: str) -> None:
    [address] = (await finished(driver, prompt, fluxParams={"aspect_ratio": "1:999"}))["images"]
    await picture(anyone, address)


@pytest.mark.parametrize("ratio", ["1:1", "16:9", "2:3"])
async def test_the_grid_is_the_four_pictures_in_two_rows(
    driver: Driver, anyone: aiohttp.ClientSession, ratio: str
) -> None:
    result = await finished(driver, model="midjourney", midjourneyParams={"aspect_ratio": ratio})
    pictures = [await picture(anyone, address) for address in result["images"]]
    grid = await picture(anyone, result["gridUrl"])
    width, height = pictures[0].size
    assert (len(pictures), grid.size) == (4, (2 * width, 2 * height))
    for place, single in enumerate(pictures):
        left, top = place % 2 * width, place // 2 * height
        assert grid.crop((left, top, left + width, top + height)).tobytes() == single.tobytes()


async def refused(http: aiohttp.ClientSession, address: str) -> None:
    async with http.get(URL(address, encoded=True)) as answer:
        assert (answer.status, await answer.json()) == (404, {"error": "Not found"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "part",
    [
        "0.png",
        "2.png",
        "5.png",
        "01.png",
        "1",
        "1.jpg",
        "1.PNG",
        "1.png.png",
        "1.png/",
        "1.png%00",
        "1.png%0a",
        "+1.png",
        "%D9%A1.png",
        "-1.png",
        "1e0.png",
        "9999999999999999999.png",
        "grid.png",
        "GRID.png",
        ".png",
        "",
    ],
)
async def test_what_was_never_made_is_a_404(app: App, driver: Driver, anyone: aiohttp.ClientSession, part: str) -> None:
    job_id = (await finished(driver))["images"][0].rpartition("/")[2][:36]
    await refused(anyone, f"{app.url}/images/{job_id}-{part}")


@pytest.mark.parametrize(
    "path",
    [
        "/images",
        "/images/",
        "/images/nothing",
        f"/images/{NOBODY}-1.png",
        f"/images/{NOBODY.replace('-', '')}-1.png",
        "/images/../../etc/passwd",
        "/images/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/images/..%5c..%5cwindows%5cwin.ini",
        "/images/%252e%252e%252fetc",
        "/images//etc/passwd",
        "/images/%00",
        "/images/%ff%fe",
        "/images/" + "a" * 8000,
        "/images/" + "%2e%2e%2f" * 500,
    ],
)
async def test_no_path_leads_out_of_the_results(app: App, anyone: aiohttp.ClientSession, path: str) -> None:
    await refused(anyone, app.url + path)


@pytest.mark.parametrize("written", ["{upper}-1.png", "%20{id}-1.png", "..%2f{id}-1.png", "x/{id}-1.png", "{id}_1.png"])
async def test_only_the_exact_address_leads_to_a_picture(
    app: App, driver: Driver, anyone: aiohttp.ClientSession, written: str
) -> None:
    job_id = (await finished(driver))["images"][0].rpartition("/")[2][:36]
    assert job_id != job_id.upper()
    await refused(anyone, f"{app.url}/images/{written.format(id=job_id, upper=job_id.upper())}")


@pytest.mark.parametrize("prompt", ["[[slow 10s]]", "[[stuck]]", "[[fail]]", "[[cancel]]"])
async def test_there_is_no_picture_before_the_job_is_completed(
    app: App, driver: Driver, anyone: aiohttp.ClientSession, prompt: str
) -> None:
    job_id = await driver.submit(prompt, model="midjourney")
    for _ in range(3):
        for part in ("1", "4", "grid"):
            await refused(anyone, f"{app.url}/images/{job_id}-{part}.png")
        await driver.advance(2)


async def test_a_picture_that_was_seen_is_gone_once_it_has_expired(
    driver: Driver, anyone: aiohttp.ClientSession
) -> None:
    [address] = (await finished(driver))["images"]
    async with anyone.get(address) as answer:
        etag = answer.headers["ETag"]
    await driver.advance("24h")
    await refused(anyone, address)
    async with anyone.get(address, headers={"If-None-Match": etag}) as answer:
        assert answer.status == 404


async def test_a_picture_cannot_be_changed(driver: Driver, anyone: aiohttp.ClientSession) -> None:
    [address] = (await finished(driver))["images"]
    for method in ("POST", "PUT", "DELETE"):
        async with anyone.request(method, address) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_other_requests_are_answered_while_a_large_picture_is_drawn(
    driver: Driver, anyone: aiohttp.ClientSession
) -> None:
    parameters = {"width": 4096, "height": 4096}
    [address] = (await finished(driver, model="seedream-4", seedreamParams=parameters))["images"]
    answered: list[str] = []

    async def draw() -> None:
        async with anyone.get(address) as answer:
            answered.append(f"picture {answer.status}")

    async def look() -> None:
        await driver.balance()
        answered.append("balance")

    drawing = asyncio.create_task(draw())
    for _ in range(5):
        await look()
    await drawing
    assert answered == ["balance"] * 5 + ["picture 200"]


async def test_one_picture_is_drawn_once_however_many_ask_at_the_same_time(app: App, driver: Driver) -> None:
    [address] = (await finished(driver))["images"]
    name = FileName("images", address.rpartition("/")[2][:36], "1", "png")
    job = await app.service.store.job(name.job_id)
    assert job is not None
    gallery = Gallery()
    try:
        pictures = await asyncio.gather(*(gallery.file(name, job) for _ in range(8)))
        later = await gallery.file(name, job)
    finally:
        gallery.close()
    assert {id(each) for each in [*pictures, later]} == {id(later)}


async def test_a_client_that_hangs_up_does_not_spoil_the_picture_for_others(
    app: App, driver: Driver, anyone: aiohttp.ClientSession
) -> None:
    [address] = (await finished(driver, fluxParams={"aspect_ratio": "1:1"}))["images"]
    asking = [asyncio.create_task(picture(anyone, address)) for _ in range(4)]
    await driver.balance()
    asking[0].cancel()
    rest = await asyncio.gather(*asking[1:])
    assert len({each.tobytes() for each in rest}) == 1
    assert app.url in address


@pytest.mark.parametrize("public_url", ["https://mock.example.test", "http://10.9.8.7:81/some/base"])
async def test_a_public_url_stands_in_results_webhooks_and_the_openapi_document(
    make_app: MakeApp, inbox: Inbox, anyone: aiohttp.ClientSession, public_url: str
) -> None:
    app = await make_app(public_url=public_url)
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": KEY}) as http:
        driver = Driver(http)
        job_id = await driver.submit("[[instant]]", model="midjourney", webhookUrl=inbox.url)
        await driver.advance(0)
        result = (await driver.job(job_id))["result"]
        document = await (await http.get("/v2/openapi.json")).json()
    assert result == {
        "images": [f"{public_url}/images/{job_id}-{number}.png" for number in (1, 2, 3, 4)],
        "gridUrl": f"{public_url}/images/{job_id}-grid.png",
    }
    assert f'"result":{{"images":["{public_url}/images/'.encode() in inbox.received[0].body
    assert document["servers"] == [{"url": public_url}]
    for address in [*result["images"], result["gridUrl"]]:
        await picture(anyone, app.url + address.removeprefix(public_url))
