"""The connection of a Control: kept, shared by threads, closed quietly, with errors that say what to do."""

import gc
import pickle
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mockserver import Control, ControlError, MockServer
from mockserver.app import App
from mockserver.hosted import Hosted
from mockserver.settings import Settings
from tests.client.conftest import asked


class Other(BaseHTTPRequestHandler):
    """A server that is no mock: it counts connections, knows no path, and closes when it is told."""

    protocol_version = "HTTP/1.1"
    connections = 0
    closes = False
    prefix = ""

    def setup(self) -> None:
        type(self).connections += 1
        super().setup()

    def do_GET(self) -> None:
        type(self).prefix = self.path
        found = self.path == "/base/_mock/clock"
        body = b'{"now": "2026-01-01T00:00:00.000Z"}' if found else b"<html>not here</html>"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.closes

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own signature
        pass


@pytest.fixture
def other() -> Iterator[tuple[type[Other], str]]:
    handler = type("Handler", (Other,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_one_connection_carries_all_calls_of_a_thread(other: tuple[type[Other], str]) -> None:
    handler, url = other
    with Control(f"{url}/base/") as control:
        assert control.url == f"{url}/base"
        assert [control.clock.now.year for _ in range(5)] == [2026] * 5
        assert handler.connections == 1


def test_a_connection_that_the_server_has_closed_is_replaced(other: tuple[type[Other], str]) -> None:
    handler, url = other
    handler.closes = True
    with Control(f"{url}/base") as control:
        assert [control.clock.now.year for _ in range(5)] == [2026] * 5
        assert handler.connections == 5


def test_threads_share_a_control(mock: MockServer) -> None:
    with Control(mock.url) as control, ThreadPoolExecutor(8) as pool:
        ids = {fault.id for fault in pool.map(lambda _: control.faults.add(respond=503, times=1), range(100))}
    assert len(ids) == len(mock.faults) == 100


def test_forgotten_it_closes_its_connections_without_a_word(mock: MockServer) -> None:
    control = Control(mock.url)
    assert control.clock.now
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        del control
        gc.collect()
    assert told == []


def test_after_its_end_it_can_be_used_again(mock: MockServer) -> None:
    with Control(mock.url) as control:
        assert control.clock.now
    assert control.clock.now
    control.close()


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1", "http://", "http://127.0.0.1/?x=1", "http://127.0.0.1:port"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises((ValueError, RuntimeError)):
        Control(url).clock.freeze()


def test_the_scheme_may_be_left_out(mock: MockServer) -> None:
    with Control(mock.url.removeprefix("http://")) as control:
        assert control.url == mock.url
        assert control.clock.now


def test_where_nothing_listens_it_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ControlError, match=rf"GET http://127.0.0.1:{port}/_mock/clock: .*; is the mock running\?"):
        Control(f"127.0.0.1:{port}").clock.freeze()


def test_what_is_no_mock_is_told(other: tuple[type[Other], str]) -> None:
    with Control(other[1]) as control, pytest.raises(ControlError) as raised:
        control.clock.freeze()
    where = f"GET {other[1]}/_mock/clock was answered 404 <html>not here</html>"
    assert str(raised.value) == f"{where}; is this a mock, and without --no-control?"


def test_a_mock_without_levers_is_told() -> None:
    hosted = Hosted(App(Settings(port=0, no_control=True)), "test")
    try:
        with Control(hosted.start().url) as control, pytest.raises(ControlError, match="without --no-control"):
            control.reset()
    finally:
        hosted.stop()


def test_the_token_opens_the_levers() -> None:
    with MockServer(admin_token="sesame") as mock:
        assert mock.clock.now
        with Control(mock.url, token="sesame") as control:
            assert control.clock.now
        with Control(mock.url) as control, pytest.raises(ControlError, match=r"Token required: .*X-Mock-Token"):
            control.clock.freeze()


def test_an_error_has_its_status_and_problem(mock: MockServer) -> None:
    with pytest.raises(ControlError) as raised:
        mock.new_key(rate_limit="often")
    assert raised.value.status == 400
    assert raised.value.title == raised.value.problem["title"] == "Invalid body"
    assert str(raised.value) == f"Invalid body: {raised.value.detail}"
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)  # noqa: S301 - as xdist sends it


def test_a_proxy_of_the_environment_is_passed_by(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert mock.clock.now


def test_the_package_alone_imports_next_to_nothing() -> None:
    program = "import sys, mockserver; print(*sorted({'asyncio', 'aiohttp', 'http.client'} & set(sys.modules)))"
    control = "import sys, mockserver; mockserver.Control; print('asyncio' in sys.modules, 'aiohttp' in sys.modules)"
    for words, said in ((program, ""), (control, "False False")):
        ran = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
        assert ran.stdout.strip() == said


def test_the_package_names_what_it_has() -> None:
    import mockserver  # noqa: PLC0415 - what is tested

    assert [getattr(mockserver, name).__name__ for name in mockserver.__all__ if name[0] != "_"] == [
        "Control",
        "ControlError",
        "MockServer",
        "WebhookInbox",
    ]
    with pytest.raises(AttributeError, match="no attribute 'Mock'"):
        mockserver.Mock  # noqa: B018 - what is tested


def test_two_controls_move_one_server(mock: MockServer) -> None:
    with Control(mock.url) as control:
        control.team.credits = 3
        assert (mock.team.credits, asked(control, "GET", "/v2/me")[1]["team"]["credits"]) == (3, 3)
