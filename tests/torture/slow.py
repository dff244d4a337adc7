"""A client whose body takes for ever."""

import asyncio

HEAD = (
    b"POST /v2/images/generate HTTP/1.1\r\nHost: here\r\nX-API-Key: afk_test\r\n"
    b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
)
LONGEST_S = 60.0
"""Twice what a server waits for a body."""


async def drip(host: str, port: int) -> int:
    """Send a byte a second; the status of the answer, or 0 where none comes."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(HEAD)
    answer = asyncio.create_task(reader.readline())
    try:
        async with asyncio.timeout(LONGEST_S):
            while not answer.done():
                writer.write(b" ")
                await asyncio.wait([answer], timeout=1.0)
        return int(answer.result().split()[1]) if answer.result() else 0
    except (TimeoutError, ConnectionError):
        return 0
    finally:
        answer.cancel()
        writer.transport.abort()
