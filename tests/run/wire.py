"""Talking to proxies in bytes, and servers for them to reach."""

from collections.abc import Awaitable, Callable

from mockserver.intercept.proxy import Mock
from mockserver.intercept.streams import Address, Stream, connected

NOWHERE = Mock(Address("127.0.0.1", 1), Address("127.0.0.1", 1))
"""For proxies to other hosts."""
MakeProxy = Callable[..., Awaitable[Address]]
Serve = Callable[[Callable[[Stream], Awaitable[None]]], Awaitable[Address]]


async def asked(proxy: Address, text: bytes) -> bytes:
    """All that the proxy answers to these bytes."""
    client = await connected(proxy)
    client.writer.write(text)
    client.writer.write_eof()
    answer = await client.reader.read()
    client.writer.close()
    return answer


async def opened(proxy: Address, place: str) -> Stream:
    """A tunnel."""
    client = await connected(proxy)
    client.writer.write(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
    return client


async def echo(stream: Stream) -> None:
    """Answer what comes, until it ends."""
    while chunk := await stream.reader.read(100_000):
        stream.writer.write(chunk)
        await stream.writer.drain()


async def tell_head(stream: Stream) -> None:
    """Answer with the head of the request, then close."""
    head = await stream.reader.readuntil(b"\r\n\r\n")
    stream.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(head), head))


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]
