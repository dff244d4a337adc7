import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from contract_tests.exchange import Exchange
from contract_tests.wire import Wire


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        said = {"method": self.command, "path": self.path, "headers": self.headers.items(), "body": body.decode()}
        raw = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_DELETE = do_PURGE = do_POST  # noqa: N815 - http.server's own names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's own name
        pass


@contextmanager
def echo() -> Iterator[Wire]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    wire = Wire(f"http://127.0.0.1:{server.server_address[1]}/base/")
    try:
        yield wire
    finally:
        wire.close()
        server.shutdown()
        server.server_close()


def seen(exchange: Exchange) -> dict[str, Any]:
    return dict(exchange.fields)


def test_what_is_sent_arrives_as_it_is_and_nothing_else() -> None:
    with echo() as wire:
        headers = [("X-API-Key", "a b"), ("Idempotency-Key", "one"), ("Idempotency-Key", "schl\u00fcssel")]
        said = seen(wire.send("PURGE", "/v2/x?y=%ff", headers, b'{"a": 1}'))

    assert (said["method"], said["path"], said["body"]) == ("PURGE", "/base/v2/x?y=%ff", '{"a": 1}')
    names = [name for name, _ in said["headers"]]
    assert names == ["Host", "X-API-Key", "Idempotency-Key", "Idempotency-Key", "Content-Length"]


def test_an_iterable_goes_out_in_chunks() -> None:
    with echo() as wire:
        said = seen(wire.send("POST", "/", body=iter([b"abc", b"def"])))

    assert said["body"] == "abcdef"
    assert ["Transfer-Encoding", "chunked"] in said["headers"]


def test_connections_are_kept_and_used_from_any_thread() -> None:
    with echo() as wire:
        results: list[int | None] = []
        threads = [threading.Thread(target=lambda: results.append(wire.send("GET", "/").status)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert results == [200] * 8


def test_a_curl_line_repeats_the_request_and_names_the_variable_of_a_secret() -> None:
    exchange = Exchange("POST", "http://h/v2/x", "/v2/x", (("X-API-Key", "afk_1"), ("X-Odd", "it's")), b'{"p": "a b"}')

    assert exchange.curl({"afk_1": "$APIFRAME_API_KEY"}) == (
        'curl -sS -i -H "X-API-Key: $APIFRAME_API_KEY" -H \'X-Odd: it\'"\'"\'s\' --data-binary \'{"p": "a b"}\' http://h/v2/x'
    )
