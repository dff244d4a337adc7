"""Answers that go wrong on their way: dropped, cut, slow."""

import asyncio

from aiohttp import web

from mockserver.http.answers import Answer

DRIPS = 20
"""Pieces of a slow answer, at most."""


def dropped(answer: Answer) -> Answer:
    """The answer, of which nothing goes out: the connection ends instead."""

    async def drop(request: web.BaseRequest, head: bytes, body: bytes) -> None:
        del head, body
        if request.transport is not None:
            request.transport.abort()

    answer.sending, answer.is_dropped = drop, True
    return answer


def shaped(answer: Answer, length: int | None, span_s: float | None) -> Answer:
    """The answer, whose body ends after *length* bytes of those promised, and takes *span_s* real seconds to arrive."""

    async def send(request: web.BaseRequest, head: bytes, body: bytes) -> None:
        sent = body[:length]
        await request.writer.write(head)
        size = max(1, -(-len(sent) // DRIPS)) if span_s else max(1, len(sent))
        pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
        for piece in pieces:
            if span_s:
                await asyncio.sleep(span_s / len(pieces))
            await request.writer.write(piece)
        if len(sent) < len(body) and request.transport is not None:
            request.transport.close()

    answer.sending = send
    return answer
