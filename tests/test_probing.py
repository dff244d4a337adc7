"""Inputs are assumed to be of one size, or measured where that can be done without the internet."""

import asyncio
import io
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from mockserver.app import App
from mockserver.core.errors import InputUnreadable
from mockserver.probing import MOST_BYTES, ONLY_LOOPBACK, Prober
from tests.conftest import MakeApp
from tests.driver import Driver
from tests.test_measuring import head, movie, picture

IMAGE = picture("PNG", (640, 480))
KEY = {"X-API-Key": "afk_test"}


@pytest.fixture
async def app(make_app: MakeApp) -> App:
    return await make_app(probe_inputs=True, public_url="https://mock.example.com/at", speed=1e6)


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A server of inputs: each path a way to answer."""
    over = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/image.png":
                return web.Response(body=IMAGE)
            case "/video":
                return web.Response(body=movie(head(10, 65)))
            case "/empty":
                return web.Response()
            case "/moved":
                return web.Response(status=302, headers={"Location": "/image.png"})
            case "/slow":
                await over.wait()
            case "/endless":
                endless = web.StreamResponse()
                await endless.prepare(request)
                while True:
                    await endless.write(bytes(1 << 20))
            case _:
                pass
        return web.Response(status=404)

    served = web.Application()
    served.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(served, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    over.set()
    await runner.cleanup()


async def refused(prober: Prober, url: str) -> str:
    with pytest.raises(InputUnreadable) as caught:
        await prober.image(url, "topazUpscaleParams.image")
    assert caught.value.place == "topazUpscaleParams.image"
    return caught.value.reason.removeprefix("Cannot be read: ")


async def test_without_the_setting_every_input_is_the_same(make_app: MakeApp) -> None:
    prober = (await make_app()).prober
    assert await prober.image("https://example.com/a.png", "a.b") == (1024, 1024)
    assert await prober.seconds("https://example.com/a.mp4", "a.b") == 5


async def test_an_upload_is_measured_by_the_address_that_it_was_given(app: App) -> None:
    urls = []
    async with aiohttp.ClientSession(app.url, headers=KEY) as client:
        for content, name in ((IMAGE, "image"), (movie(head(4, 9)), "video")):
            data = aiohttp.FormData()
            data.add_field("file", io.BytesIO(content), filename=name)
            async with client.post("/v2/uploads", data=data) as answer:
                told = await answer.json()
            assert (answer.status, told["kind"]) == (201, name)
            urls.append(told["url"])
    image, video = urls
    assert image.startswith("https://mock.example.com/at/uploads/")
    assert await app.prober.image(image, "image") == (640, 480)
    assert await app.prober.image(image.replace("https://mock.example.com/at", app.url), "image") == (640, 480)
    assert await app.prober.seconds(video, "video") == 2.25
    assert await refused(app.prober, video) == "no PNG, JPEG, WebP or GIF, or a broken one"
    app.clock.advance(2 * 3600)
    assert await refused(app.prober, image) == "there is no such upload, or its time is over"


async def test_a_result_of_this_server_is_measured(app: App) -> None:
    async with aiohttp.ClientSession(app.url, headers=KEY) as client:
        driver = Driver(client)
        job_id = await driver.submit()
        app.clock.advance(60)
        (url,) = (await driver.job(job_id))["result"]["images"]
        assert url.startswith("https://mock.example.com/at/images/")
        assert await app.prober.image(url, "image") == (1024, 1024)


async def test_a_loopback_address_is_measured(app: App, site: str) -> None:
    assert await app.prober.image(f"{site}/image.png", "image") == (640, 480)
    assert await app.prober.image(f"{site}/image.png".replace("127.0.0.1", "localhost"), "image") == (640, 480)
    assert await app.prober.seconds(f"{site}/video", "video") == 6.5
    assert list(app.spool.folder.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/a.png",
        "http://10.0.0.1/a.png",
        "http://169.254.169.254/latest/meta-data",
        "http://[2001:db8::1]/a.png",
        "http://0.0.0.0/a.png",
        "http://0x0a000001/a.png",
        "http://no-such-host.invalid/a.png",
        "https://127.0.0.1/a.png",
        "https://mock.example.com.evil.invalid/at/images/a.png",
        "https://mock.example.com/elsewhere/a.png",
        "ftp://127.0.0.1/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,iVBORw0KGgo=",
        "asset://kie-asset-123",
    ],
)
async def test_no_other_address_is_asked(app: App, url: str) -> None:
    assert await refused(app.prober, url) == ONLY_LOOPBACK


async def test_what_does_not_come_is_told(app: App, site: str) -> None:
    assert {
        path: await refused(app.prober, f"{site}/{path}") for path in ("gone", "moved", "empty", "video", "endless")
    } == {
        "gone": "the address answered 404",
        "moved": "the address answered 302",
        "empty": "it is empty",
        "video": "no PNG, JPEG, WebP or GIF, or a broken one",
        "endless": f"it has more than {MOST_BYTES} bytes",
    }
    assert await refused(app.prober, "http://127.0.0.1:1/a.png") == "it cannot be fetched"
    hasty = Prober(app.spool, app.url, app.url, is_on=True, patience_s=0.05)
    assert await refused(hasty, f"{site}/slow") == "it did not come within 0.05 s"
    await hasty.close()
    assert list(app.spool.folder.iterdir()) == []
