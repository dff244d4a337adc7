"""A dict that forgets what has not been used for long."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps the last *size* keys that were put in or asked for, and at most twice as many.

    The rest leaves all at once, which costs less than a queue of uses.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def __setitem__(self, key: K, value: V) -> None:
        self._young[key] = value
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}

    def get(self, key: K) -> V | None:
        """The value, unless it was never there or is forgotten."""
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self[key] = value
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old = {}, {}
