"""A program that runs in our place: the terminal, signals and the exit code are its own."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

NOT_RUNNABLE, NOT_FOUND = 126, 127
"""The exit codes of shells for programs that cannot be started."""
DIED = 128
"""Plus the number of a signal: the exit code of shells for a program that it ended."""

_PASSED_ON = ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGBREAK")
_FROM_TERMINALS = ("SIGINT", "SIGQUIT", "SIGBREAK")
"""Sent by keys to all programs of the terminal's foreground at once: the child has these already."""


class NotStarted(Exception):
    """The program cannot be started; the text says why, `code` is what a shell would exit with."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Child:
    """One program, and from its making on the signals that are meant for it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early = 0
        for number in [getattr(signal, name) for name in _PASSED_ON if hasattr(signal, name)]:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it; the program is to ignore it as well
                signal.signal(number, self._on_signal)

    async def run(self, words: Sequence[str], environment: Mapping[str, str]) -> int:
        """Start it, and wait for its exit code; one from a signal is given as shells do.

        Raises:
            NotStarted: there is no such program, or it is none.
        """
        if self._early:
            return DIED + self._early
        self._process = process = _started(words, environment)
        if self._early:  # came while the program was started
            process.send_signal(self._early)
        code = await asyncio.to_thread(process.wait)
        return DIED - code if code < 0 else code

    def _on_signal(self, number: int, _: object) -> None:
        if self._process is None:
            self._early = number
        elif not (signal.Signals(number).name in _FROM_TERMINALS and _is_in_foreground()):
            self._process.send_signal(number)


def _started(words: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    program, *arguments = words
    if sys.platform == "win32":  # finds npm.cmd where npm is asked for
        program = shutil.which(program, path=environment.get("PATH")) or program
    try:
        return subprocess.Popen([program, *arguments], env=environment)  # noqa: S603 - what the person typed
    except FileNotFoundError:
        text = f'there is no program "{words[0]}"; is it installed, and in PATH?'
        raise NotStarted(NOT_FOUND, text) from None
    except (OSError, ValueError) as error:  # the latter for a name that cannot be one
        reason = getattr(error, "strerror", None) or error
        raise NotStarted(NOT_RUNNABLE, f'cannot run "{words[0]}": {reason}') from None


def _is_in_foreground() -> bool:
    """Whether we, and so the child, are among the programs that the terminal's keys reach."""
    if sys.platform == "win32":  # a console reaches all of its programs, and nobody else sends these
        return True
    try:
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
