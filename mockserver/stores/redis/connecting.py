"""From the URL of a server to a client, and every way in which that can fail told without the password."""

import asyncio
import contextlib
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis import exceptions
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from mockserver.settings import SettingsError, without_password

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 5.0
Client = Redis | RedisCluster
DEFAULT_PREFIX = "apiframe"
OPTIONS: dict[str, Any] = {
    "socket_connect_timeout": CONNECT_TIMEOUT_S,
    "socket_timeout": None,  # line.py has one time-out for a handful of commands
    "retry": Retry(NoBackoff(), 0),
    "protocol": 2,
}


def split_prefix(url: str) -> tuple[str, str]:
    """The URL as the library reads it, and what all keys begin with: `?prefix=` of the URL."""
    place, _, query = url.partition("?")
    asked = parse_qsl(query, keep_blank_values=True)
    prefix = dict(asked).get("prefix") or DEFAULT_PREFIX
    rest = urlencode([pair for pair in asked if pair[0] != "prefix"])
    return f"{place}?{rest}" if rest else place, prefix


async def connected(url: str) -> Client:
    """A client that has reached the server and may use it: a node alone, or a cluster.

    Commands are never sent again by the library: nobody knows whether a submission without answer was carried out.

    Raises:
        SettingsError: the URL is none, or nothing there takes us.
    """
    place = f'store "{without_password(url)}"'
    parts = urlsplit(url)
    if parts.scheme != "unix" and not parts.path.strip("/").isdecimal() and parts.path.strip("/"):
        msg = f'{place}: the database "{parts.path[1:]}" is no number'
        raise SettingsError(msg)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S + ANSWER_TIMEOUT_S):
            return await _open(url)
    except (ValueError, TypeError) as error:
        msg = f"{place}: {error}; want redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// or unix://"
        raise SettingsError(msg) from None
    except (exceptions.RedisError, OSError) as error:
        msg = f"{place}: {_why(error)}"
        raise SettingsError(msg) from None


def _why(error: Exception) -> str:
    refused = (exceptions.AuthenticationError, exceptions.NoPermissionError)
    if isinstance(error, refused) or isinstance(error.__cause__, refused):
        return f"the server does not let us in: {error} Check user and password in the URL"
    if isinstance(error, exceptions.ResponseError):
        return f"the server answers: {error}"
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    return f"cannot reach the server: {error}"


async def _open(url: str) -> Client:
    client = Redis.from_url(url, **OPTIONS)
    try:
        about = await client.info("cluster")
        if not about.get("cluster_enabled"):
            return client
    except BaseException:
        await _let_go(client)
        raise
    await _let_go(client)
    cluster = RedisCluster.from_url(url, **OPTIONS)
    try:
        await cluster.initialize()
    except BaseException:
        await _let_go(cluster)
        raise
    return cluster


async def _let_go(client: Client) -> None:
    with contextlib.suppress(exceptions.RedisError, OSError):
        await client.aclose()
