"""Programs of others, run to their end or ended with all that they started."""

import asyncio
import contextlib
import os
import signal
import sys


async def ended(process: asyncio.subprocess.Process) -> None:
    """Kill a program that leads a session, and what it started: the curl of a shell would keep its pipes open."""
    if process.returncode is None:
        if sys.platform == "win32":
            process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):  # it may end just now
                os.killpg(process.pid, signal.SIGKILL)
    await process.communicate()
