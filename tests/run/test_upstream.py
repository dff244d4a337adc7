"""What a proxy before ours hears, where this machine has one."""

import pytest

from mockserver.intercept.outside import Outside
from mockserver.intercept.streams import Stream
from tests.run.wire import MakeProxy, Serve, asked, body_of, opened, tell_head


async def upstream(stream: Stream) -> None:
    """A proxy that says yes and then tells the head that it got."""
    head = await stream.reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"CONNECT"):
        stream.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    stream.writer.write(head)


async def test_other_hosts_are_reached_through_the_proxy_that_this_machine_has(proxy: MakeProxy, serve: Serve) -> None:
    _, port = await serve(upstream)
    url = f"http://fox:s%40fe@127.0.0.1:{port}"
    where = await proxy(https_proxy=url, HTTP_PROXY=url, NO_PROXY="intern.example.com")
    tunnel = await opened(where, "example.com:443")
    assert await tunnel.reader.read() == (
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nProxy-Authorization: Basic Zm94OnNAZmU=\r\n\r\n"
    )
    tunnel.writer.close()
    assert await asked(where, b"GET http://example.com/x HTTP/1.1\r\nHost: example.com\r\n\r\n") == (
        b"GET http://example.com/x HTTP/1.1\r\nHost: example.com\r\n"
        b"Proxy-Authorization: Basic Zm94OnNAZmU=\r\nConnection: close\r\n\r\n"
    )


async def test_hosts_of_this_machine_and_of_no_proxy_are_reached_past_it(proxy: MakeProxy, serve: Serve) -> None:
    _, port = await serve(tell_head)
    where = await proxy(all_proxy="http://127.0.0.1:1", NO_PROXY="127.0.0.2")
    for host in ("127.0.0.1", "localhost"):
        answer = await asked(where, f"GET http://{host}:{port}/ HTTP/1.1\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    refused = await asked(where, b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
    assert body_of(refused).startswith(b'mockserver run: cannot reach "example.com:443" through the proxy 127.0.0.1: ')


async def test_a_proxy_before_ours_that_says_no_is_quoted(proxy: MakeProxy, serve: Serve) -> None:
    async def say_no(stream: Stream) -> None:
        await stream.reader.readuntil(b"\r\n\r\n")
        stream.writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    _, port = await serve(say_no)
    answer = await asked(await proxy(https_proxy=f"127.0.0.1:{port}"), b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
    assert body_of(answer) == (
        b'mockserver run: the proxy 127.0.0.1 gave no way to "example.com:443":'
        b" HTTP/1.1 407 Proxy Authentication Required\n"
    )


def test_a_proxy_that_speaks_no_http_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    Outside({"ALL_PROXY": "socks5://fox:secret@127.0.0.1:9050", "https_proxy": "http://127.0.0.1:1"})
    assert [record.getMessage() for record in caplog.records] == [
        '"socks5://..." is no HTTP proxy; other hosts are reached without it'
    ]
