"""Ending what another thread waits for."""

import threading
from collections.abc import Callable


class Cutter:
    """Goes along with some work that blocks; `cut`, from any other thread, makes it end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self.is_cut = False

    def hold(self, end: Callable[[], None]) -> None:
        """From now on, *end* is what makes the work end; it may be called even after the work has ended.

        Raises:
            ConnectionAbortedError: it was to end already.
        """
        with self._lock:
            self._end = end
            if self.is_cut:
                msg = "given up"
                raise ConnectionAbortedError(msg)

    def cut(self) -> None:
        """Make the work end, or not begin."""
        with self._lock:
            self.is_cut, end = True, self._end
        if end is not None:
            end()
