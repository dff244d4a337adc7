"""Requests that arrived together go through their work side by side.

What a processor keeps at hand is small beside what a request needs from its first byte to its last, and large beside
what one part of it needs. So a handler may say where the others are to come as far as it is (docs/decisions/0009).
"""

import asyncio
import types
from collections.abc import Generator

ABREAST = object()
"""What whoever runs handlers is given, instead of something to wait for."""


@types.coroutine
def abreast() -> Generator[object, None, None]:
    """Go on when all others that arrived together have come to such a place or to their end; in a task, go on."""
    if asyncio.current_task() is None:
        yield ABREAST
