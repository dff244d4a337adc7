"""As many workers as are wanted, always: one that ends is replaced."""

import asyncio
import contextlib
import logging

from mockserver.cli.main import Misuse
from mockserver.cli.workers.link import Word
from mockserver.cli.workers.process import Start, Worker, told

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""Before the next try, where a worker ended before it answered; twice as long each time."""
FIRST_TRIES = 3
"""Of one place in the crew; what has not answered by then never will."""


class Crew:
    """Places for workers, each of which a task keeps filled."""

    def __init__(self, number: int, start: Start) -> None:
        self._number, self._start = number, start
        self._running: list[Worker] = []
        self._teller: Worker | None = None
        self._answered: set[int] = set()
        self._stopping = asyncio.Event()
        self.all_answer = asyncio.Event()
        """Set once each place has had a worker that answers."""

    async def run(self) -> int:
        """Work until `stop`; the highest exit code of the workers then, as that of the one that tells of the run.

        Raises:
            Misuse: the settings will not do, or a place never gets a worker that answers.
        """
        keepers = [asyncio.create_task(self._keep(place)) for place in range(self._number)]
        await asyncio.wait(keepers, return_when=asyncio.FIRST_EXCEPTION)
        self.stop()
        await asyncio.wait(keepers)
        return max(await asyncio.gather(*keepers))

    def stop(self) -> None:
        """Let all workers finish what is under way and end; the last of them tells of the run."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._teller = self._running[0] if self._running else None
            for worker in self._running:
                self._dismiss(worker)
            self._let_tell()

    def _dismiss(self, worker: Worker) -> None:
        worker.hear(Word.STOP.line())
        if worker is not self._teller:
            worker.hear(Word.LEAVE.line())

    def _let_tell(self) -> None:
        """Let the teller speak, once nobody else is left."""
        if self._teller is not None and self._running == [self._teller]:
            self._teller.hear(Word.TELL.line())

    async def _keep(self, place: int) -> int:
        """Keep one place filled; the exit code of the last worker there."""
        tries, pause_s = 0, FIRST_PAUSE_S
        while not self._stopping.is_set():
            worker = await self._begun()
            news = await worker.news()
            if news.is_ready:
                tries, pause_s = 0, FIRST_PAUSE_S
                self._note(place)
            code = await worker.ended()
            self._running.remove(worker)
            if self._stopping.is_set():
                self._let_tell()
                return max(code, 0)
            if news.is_ready:
                log.warning("worker %d %s; another takes its place", worker.pid, told(code))
                continue
            tries += 1
            if place not in self._answered and (news.why or tries == FIRST_TRIES):
                raise Misuse(news.why or f"--workers: of {tries} workers none came to answer; the last {told(code)}")
            log.warning("worker %d %s before it answered: %s", worker.pid, told(code), news.why or "it did not say why")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return 0

    async def _begun(self) -> Worker:
        worker = await self._start()
        self._running.append(worker)
        if self._stopping.is_set():  # since it was started
            self._dismiss(worker)
        return worker

    def _note(self, place: int) -> None:
        self._answered.add(place)
        if len(self._answered) == self._number:
            self.all_answer.set()
