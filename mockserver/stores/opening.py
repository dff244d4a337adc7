"""From the setting `--store` to a store."""

from pathlib import Path

from mockserver.settings import SettingsError
from mockserver.stores.memory import MemoryStore
from mockserver.stores.protocol import Store


async def opened(place: str, max_jobs: int) -> Store:
    """The store at a place: `memory`, `sqlite:PATH`, or the URL of a Redis.

    Raises:
        SettingsError: there is none, or it cannot be used; the text says why.
    """
    scheme, _, path = place.partition(":")
    if scheme == "memory":
        return MemoryStore(max_jobs)
    if scheme == "sqlite":
        from mockserver.stores.sqlite.store import SqliteStore  # noqa: PLC0415 - only who uses it loads it

        return await SqliteStore.opened(Path(path), max_jobs)
    try:
        from mockserver.stores.redis.store import RedisStore  # noqa: PLC0415 - an extra
    except ImportError:
        msg = 'store: Redis needs an extra: pip install "apiframe-mockserver[redis]"'
        raise SettingsError(msg) from None
    return await RedisStore.opened(place, max_jobs)
