"""The proxy: where it leads, what it refuses, and that nothing of it stays behind."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from mockserver.intercept.authority import issue
from mockserver.intercept.outside import Outside
from mockserver.intercept.proxy import Proxy
from mockserver.intercept.streams import Address, Listener, Stream, connected
from tests.run.conftest import NOW
from tests.run.wire import NOWHERE, MakeProxy, Serve, asked, body_of, echo, opened, tell_head


async def test_a_tunnel_passes_bytes_on_unread(proxy: MakeProxy, serve: Serve) -> None:
    host, port = await serve(echo)
    client = await opened(await proxy(), f"{host}:{port}")
    sent = bytes(range(256)) * 4000
    client.writer.write(sent)
    client.writer.write_eof()
    assert await client.reader.read(-1) == sent
    client.writer.close()


async def test_a_tunnel_to_another_host_shows_that_host_s_own_certificate(
    proxy: MakeProxy, stack: contextlib.AsyncExitStack, tmp_path: Path
) -> None:
    others = issue(("localhost",), tmp_path, NOW)
    server = Listener(echo, others.context)
    _, port = await server.start()
    stack.push_async_callback(server.close)
    host, proxy_port = await proxy()
    trusting = ssl.create_default_context(cadata=others.authority_pem.decode())

    def see() -> bytes:
        with socket.create_connection((host, proxy_port)) as plain:
            plain.sendall(f"CONNECT localhost:{port} HTTP/1.1\r\n\r\n".encode())
            assert plain.recv(1000).startswith(b"HTTP/1.1 200 ")
            with trusting.wrap_socket(plain, server_hostname="localhost") as secure:
                secure.sendall(b"hello")
                return secure.recv(100)

    assert await asyncio.to_thread(see) == b"hello"


async def test_a_plain_request_to_another_host_arrives_without_what_was_for_the_proxy(
    proxy: MakeProxy, serve: Serve
) -> None:
    host, port = await serve(tell_head)
    head = (
        f"GET http://{host}:{port}/a?b=c HTTP/1.1\r\nHost: {host}:{port}\r\nProxy-Connection: keep-alive\r\n"
        "Proxy-Authorization: Basic eA==\r\nConnection: keep-alive\r\nX-Own: 1\r\n\r\n"
    )
    answer = await asked(await proxy(), head.encode())
    assert body_of(answer) == (
        f"GET /a?b=c HTTP/1.1\r\nHost: {host}:{port}\r\nX-Own: 1\r\nConnection: close\r\n\r\n".encode()
    )


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400 Bad Request", b"this is a proxy for HTTP/1.1, and that was none"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400 Bad Request", b"it wants CONNECT HOST:PORT, or an address with http"),
        (b"GET ftp://example.com:21/ HTTP/1.1\r\n\r\n", b"400 Bad Request", b'not "ftp://example.com:21/"'),
        (b"CONNECT example.com HTTP/1.1\r\n\r\n", b"400 Bad Request", b'not "example.com"'),
        (b"CONNECT [::1:443 HTTP/1.1\r\n\r\n", b"400 Bad Request", b'not "[::1:443"'),
        (b"CONNECT a:99999 HTTP/1.1\r\n\r\n", b"400 Bad Request", b'not "a:99999"'),
        (b"CONNECT http://a:1 HTTP/1.1\r\n\r\n", b"400 Bad Request", b'not "http://a:1"'),
        (b"GET http://a/ HTTP/1.1\r\nX: " + 200_000 * b"x", b"431 Request Header Fields Too Large", b"is too large"),
        (b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n", b"502 Bad Gateway", b'cannot reach "127.0.0.1:1": '),
        (b"GET http://127.0.0.1:1/ HTTP/1.1\r\n\r\n", b"502 Bad Gateway", b'cannot reach "127.0.0.1:1": '),
        (b"CONNECT a..b:443 HTTP/1.1\r\n\r\n", b"502 Bad Gateway", b'cannot reach "a..b:443": '),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_what_is_no_request_or_leads_nowhere_is_answered_in_words(
    proxy: MakeProxy, text: bytes, status: bytes, said: bytes
) -> None:
    answer = await asked(await proxy(), text)
    assert answer.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert body_of(answer).startswith(b"mockserver run: ")
    assert said in body_of(answer)


async def test_a_client_that_says_nothing_in_time_is_told_and_let_go(proxy: MakeProxy) -> None:
    client = await connected(await proxy(head_timeout_s=0.05))
    client.writer.write(b"CONNECT exam")
    assert (await client.reader.readuntil(b"\r\n")).rstrip() == b"HTTP/1.1 408 Request Timeout"
    client.writer.close()


async def test_a_refused_client_can_finish_sending_and_reads_the_answer(proxy: MakeProxy) -> None:
    client = await connected(await proxy(is_offline=True))
    client.writer.write(b"POST http://example.com/ HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n")
    for _ in range(30):
        client.writer.write(100_000 * b"x")
        await client.writer.drain()
    client.writer.write_eof()
    answer = await client.reader.read()
    assert answer.startswith(b"HTTP/1.1 403 Refused by mockserver run --offline\r\n")
    client.writer.close()


@pytest.mark.parametrize(
    "request_line", ["CONNECT example.com:443", "GET http://EXAMPLE.com./", "GET https://example.com/"]
)
async def test_offline_other_hosts_are_refused_in_words(proxy: MakeProxy, request_line: str) -> None:
    answer = await asked(await proxy(is_offline=True), f"{request_line} HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 Refused by mockserver run --offline\r\n")
    assert body_of(answer) == (
        b'mockserver run: --offline: "example.com" is not reached; without --offline it would be\n'
    )


async def test_offline_this_machine_s_own_servers_are_reached(proxy: MakeProxy, serve: Serve) -> None:
    _, port = await serve(tell_head)
    where = await proxy(is_offline=True)
    assert (await asked(where, f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n".encode())).startswith(b"HTTP/1.1 200")
    (await opened(where, f"127.0.0.1:{port}")).writer.close()


async def test_a_client_that_goes_away_takes_its_tunnel_with_it(proxy: MakeProxy, serve: Serve) -> None:
    ended = asyncio.Event()

    async def wait_for_end(stream: Stream) -> None:
        try:
            await stream.reader.read()
        finally:
            ended.set()

    host, port = await serve(wait_for_end)
    client = await opened(await proxy(), f"{host}:{port}")
    client.writer.transport.abort()
    await ended.wait()


async def test_a_server_that_goes_away_takes_the_tunnel_with_it(proxy: MakeProxy, serve: Serve) -> None:
    async def hang_up(stream: Stream) -> None:
        stream.writer.write(b"bye")

    host, port = await serve(hang_up)
    client = await opened(await proxy(), f"{host}:{port}")
    assert await client.reader.read() == b"bye"
    client.writer.close()


async def test_closing_ends_open_tunnels_and_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    server, proxy = Listener(echo), Proxy(NOWHERE, Outside({}))
    host, port = await server.start()
    where = Address("127.0.0.1", int((await proxy.start()).rpartition(":")[2]))
    clients = [await opened(where, f"{host}:{port}") for _ in range(3)] + [await connected(where)]
    await proxy.close()
    for client in clients:
        with contextlib.suppress(ConnectionResetError):
            assert await client.reader.read() == b""
        client.writer.close()
    with pytest.raises(OSError, match=r"(?i)connect"):
        await connected(where)
    await server.close()
    assert asyncio.all_tasks() == before
