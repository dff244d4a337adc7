"""What goes over the wire to receivers, and how their connections are kept."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import yarl

from mockserver.posting import Poster, Said
from mockserver.resolver import AllowedResolver
from tests.webhooks.conftest import Receiver, kept, reply

HEADERS = {"Content-Type": "application/json", "User-Agent": "us"}


@pytest.fixture
async def poster() -> AsyncIterator[Poster]:
    connector = aiohttp.TCPConnector(limit=0, resolver=AllowedResolver(("loopback",)), keepalive_timeout=60.0)
    poster = Poster(connector, 10)
    yield poster
    await poster.close()


async def post(poster: Poster, receiver: Receiver) -> Said:
    return await poster.post(yarl.URL(receiver.url), b"{}", HEADERS)


async def test_a_request_carries_what_was_asked_for_and_asks_for_no_compression(
    poster: Poster, receiver: Receiver
) -> None:
    await post(poster, receiver)
    [arrived] = receiver.received
    assert (arrived.method, arrived.target, arrived.body) == ("POST", "/hook", b"{}")
    assert arrived.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "accept": "*/*",
        "content-type": "application/json",
        "user-agent": "us",
        "content-length": "2",
    }


async def test_name_and_password_of_an_address_become_a_header(poster: Poster, receiver: Receiver) -> None:
    await poster.post(yarl.URL(f"http://me:secret@127.0.0.1:{receiver.port}/hook?a=1"), b"{}", HEADERS)
    [arrived] = receiver.received
    assert (arrived.target, arrived.headers["authorization"]) == ("/hook?a=1", "Basic bWU6c2VjcmV0")


async def test_a_connection_serves_one_request_after_the_other(poster: Poster, receiver: Receiver) -> None:
    receiver.keeps = True
    receiver.script.extend([kept(200, b"one"), kept(500, b"two"), kept(204)])
    assert [await post(poster, receiver) for _ in range(3)] == [Said(200, b"one"), Said(500, b"two"), Said(204, b"")]
    assert receiver.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        reply(200),
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        kept(200) + kept(200),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
    ids=["says-close", "http-1.0", "two-answers", "half-a-body", "upgraded"],
)
async def test_a_connection_that_cannot_be_trusted_is_not_used_again(
    poster: Poster, receiver: Receiver, answer: bytes
) -> None:
    receiver.keeps = True
    receiver.script.extend([answer, kept(299)])
    await post(poster, receiver)
    assert (await post(poster, receiver)).status == 299
    assert (receiver.connections, len(receiver.received)) == (2, 2)


async def test_a_connection_that_the_receiver_has_closed_meanwhile_is_not_used_again(
    poster: Poster, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.script.extend([kept(200)])
    await post(poster, receiver)
    await asyncio.gather(*receiver.tasks)
    await post(poster, other_receiver)
    assert (await post(poster, receiver)).status == 204
    assert (receiver.connections, len(receiver.received)) == (2, 2)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + reply(201), Said(201, b"")),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + reply(404, b"no"), Said(404, b"no")),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", Said(200, b"abc")),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", Said(200, b"until the ")),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", Said(200, b"abc")),
        (reply(200, b"x" * 100_000), Said(200, b"xxxxxxxxxx")),
    ],
    ids=["continue", "early-hints", "chunks", "no-length", "compressed", "long"],
)
async def test_the_start_of_the_final_answer_is_told(
    poster: Poster, receiver: Receiver, answer: bytes, said: Said
) -> None:
    receiver.script.append(answer)
    assert await post(poster, receiver) == said


async def test_an_answer_before_the_whole_body_has_left_is_taken(poster: Poster) -> None:
    over = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply(413))
        await reader.read()
        writer.close()
        over.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert (await poster.post(yarl.URL(f"http://127.0.0.1:{port}/"), b"x" * 10_000_000, HEADERS)).status == 413
    await over.wait()
    server.close()


async def test_giving_up_closes_the_connection(poster: Poster, receiver: Receiver) -> None:
    receiver.gate, receiver.keeps = asyncio.Event(), True
    posting = asyncio.create_task(post(poster, receiver))
    await receiver.arrivals.get()
    posting.cancel()
    await asyncio.gather(posting, return_exceptions=True)
    receiver.gate.set()
    await asyncio.gather(*receiver.tasks)
    assert receiver.busy == 0
