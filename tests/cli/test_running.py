"""Signals, as `Stop` hears them."""

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, os, signal, threading
from mockserver.cli.running import Stop, run_loop

async def main():
    stop = Stop()
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # in this thread: another gets it
    await stop.wait()
    print("stopped")

RUN(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no masks of signals, and looks twice a second")
@pytest.mark.parametrize("run", ["asyncio.run", "run_loop"])
def test_a_signal_that_does_not_interrupt_the_wait_is_heard(run: str) -> None:
    """As one that comes just before the loop begins to wait, which a test cannot time."""
    program = [sys.executable, "-c", PROGRAM.replace("RUN", run)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")
