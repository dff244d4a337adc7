"""MockServer: settings, many at once, quick to start, and nothing left when it is closed."""

import gc
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio

from mockserver import Control, MockServer
from mockserver.inprocess import OF_COMMANDS, Given, settings_of
from mockserver.settings import SETTINGS, SettingsError
from tests.client.conftest import asked, submitted


@pytest.fixture(autouse=True, scope="module")
def few_things() -> Iterator[None]:
    """What was there before is not looked at again at each collection."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No thread, no socket and no warning is left when the test is over."""
    threads = set(threading.enumerate())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(each.message) for each in told] == []
    left = set(threading.enumerate()) - threads
    assert [thread for thread in left if not thread.name.startswith("Trio")] == []  # trio keeps its own for a while


def test_it_runs_within_its_block() -> None:
    mock = MockServer(speed="instant")
    assert (mock.url, repr(mock)) == ("", "<MockServer not running>")
    with mock as entered:
        assert entered is mock
        assert mock.jobs[submitted(mock)].status == "COMPLETED"
        port = int(mock.url.rpartition(":")[2])
    assert mock.url == ""
    with pytest.raises(RuntimeError, match="not running: ask it within"):
        mock.requests[0]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


async def test_it_runs_within_its_asynchronous_block() -> None:
    async with MockServer() as mock:
        with pytest.raises(RuntimeError, match="is running already"):
            await mock.__aenter__()
        assert asked(mock, "GET", "/v2/me")[0] == 200
        await mock.clock.advance("1m")


def test_it_runs_within_a_block_of_trio() -> None:
    async def main() -> None:
        async with MockServer() as mock:
            await mock.clock.advance("1m")

    trio.run(main)


@pytest.mark.parametrize("after_s", [0.0, 0.002, 0.2], ids=["at once", "while it starts", "in its block"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_block_leaves_it_closed(backend: str, after_s: float) -> None:
    mock = MockServer()

    async def main() -> None:
        with anyio.move_on_after(after_s):
            async with mock:
                await anyio.sleep_forever()

    anyio.run(main, backend=backend)
    assert mock.url == ""


def test_it_starts_and_stops_by_word_and_again() -> None:
    mock = MockServer()
    for _ in range(2):
        assert mock.start() == mock.url
        with pytest.raises(RuntimeError, match="is running already"):
            mock.start()
        assert list(mock.requests) == []
        asked(mock, "GET", "/v2/me")
        mock.close()
    mock.close()


def test_many_run_at_once_and_know_nothing_of_each_other() -> None:
    with ExitStack() as stack:
        mocks = [stack.enter_context(MockServer(seed=7)) for _ in range(10)]
        assert len({mock.url for mock in mocks}) == 10
        for number, mock in enumerate(mocks):
            for _ in range(number):
                submitted(mock)
        assert [len(mock.jobs) for mock in mocks] == list(range(10))
        mocks[0].clock.advance("1h")
        assert mocks[0].clock.now - mocks[1].clock.now > timedelta(minutes=59)


def test_it_starts_within_a_tenth_of_a_second() -> None:
    with MockServer():
        pass  # what is imported or compiled once
    took = []
    for _ in range(5):
        began = time.perf_counter()  # noqa: TID251 - what is tested
        with MockServer() as mock:
            assert mock.clock.now
            took.append(time.perf_counter() - began)  # noqa: TID251 - as above
    assert min(took) < 0.1


def test_what_its_block_raises_comes_out_and_it_is_closed() -> None:
    mock = MockServer()
    with pytest.raises(ZeroDivisionError), mock:
        raise ZeroDivisionError
    assert mock.url == ""


def test_connections_that_are_open_do_not_keep_it_from_closing() -> None:
    with MockServer() as mock:
        open_one = socket.create_connection(("127.0.0.1", int(mock.url.rpartition(":")[2])))
    open_one.close()


def test_never_started_it_leaves_nothing() -> None:
    mock = MockServer()
    mock.close()
    del mock
    MockServer()


def test_forgotten_it_warns_and_stops() -> None:
    mock = MockServer()
    port = int(mock.start().rpartition(":")[2])
    mock.clock.freeze()
    with warnings.catch_warnings(record=True) as told:
        del mock
        gc.collect()
    assert [str(each.message) for each in told] == [f"unclosed <MockServer http://127.0.0.1:{port}>"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


def test_a_program_that_forgets_it_ends_all_the_same() -> None:
    program = "from mockserver import MockServer; mock = MockServer(); mock.start(); mock.clock.freeze()"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows forks nothing")
def test_a_forked_process_does_not_stop_it() -> None:
    with MockServer() as mock:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of every fork beside threads
            program = os.fork()
        if not program:
            mock.close()
            os._exit(0)
        os.waitpid(program, 0)
        assert asked(mock, "GET", "/v2/me")[0] == 200


def test_a_port_in_use_is_an_os_error() -> None:
    with MockServer() as mock, pytest.raises(OSError, match=r"[Aa]ddress"):
        MockServer(port=int(mock.url.rpartition(":")[2])).start()


def test_settings_are_those_of_the_command_line() -> None:
    names = {row.name for row in SETTINGS}
    assert set(Given.__annotations__) | set(OF_COMMANDS) == names
    assert set(Given.__annotations__) & set(OF_COMMANDS) == set()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, {"port": 0, "speed": 15.0}),
        ({"speed": "instant"}, {"speed": float("inf")}),
        ({"speed": float("inf")}, {"speed": float("inf")}),
        ({"speed": 60, "seed": 3, "port": 4011}, {"speed": 60.0, "seed": 3, "port": 4011}),
        ({"rate_limit": "500/60s"}, {"rate_limit": (500, 60.0)}),
        ({"retention": 90, "webhook_timeout": timedelta(seconds=2)}, {"retention": 90.0, "webhook_timeout": 2.0}),
        ({"webhook_attempts": ("0s", "2s")}, {"webhook_attempts": (0.0, 2.0)}),
        ({"webhook_allow": "any", "no_directives": True}, {"webhook_allow": ("any",), "no_directives": True}),
        ({"scenario": Path("x.toml")}, {"scenario": "x.toml"}),
        ({"admin_token": "sesame"}, {"admin_token": "sesame"}),
    ],
)
def test_settings_are_read_from_python_values(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    settings = settings_of(given)
    assert {name: getattr(settings, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"sped": 60}, TypeError, 'MockServer has no setting "sped"; did you mean speed?'),
        ({"qqq": 60}, TypeError, 'MockServer has no setting "qqq"; there are host, port, '),
        (
            {"speed": "fast"},
            SettingsError,
            'speed: "fast" will not do: want a number from 0.001 to 1000000, or "instant"',
        ),
        ({"seed": None}, SettingsError, "seed: None will not do: want a text or a number"),
        ({"port": -1}, SettingsError, 'port: "-1" will not do'),
        ({"no_control": True}, SettingsError, "no_control is for the mockserver command: the levers need"),
        ({"ready_file": "x"}, SettingsError, "ready_file is for the mockserver command: the server is ready once"),
    ],
)
def test_a_setting_that_will_not_do_says_what_would(given: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as raised:
        MockServer(**given)
    assert said in str(raised.value)


def test_a_scenario_that_does_not_exist_is_told_at_the_start() -> None:
    with pytest.raises(SettingsError, match="no-such"):
        MockServer(scenario="no-such").start()


def test_environment_and_files_are_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOCKSERVER_SPEED", "fast")
    (tmp_path / "mockserver.toml").write_text("nonsense", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with MockServer() as mock:
        assert asked(mock, "GET", "/v2/me")[0] == 200


def test_its_levers_have_the_token_that_other_hosts_need() -> None:
    with MockServer(host="0.0.0.0") as mock:  # noqa: S104 - what is tested
        assert len(mock.token) == 40
        assert mock.clock.now
        with Control(mock.url, token=mock.token) as control:
            assert control.clock.now


def test_it_says_nothing_in_the_log_of_a_program(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), MockServer() as mock:
        submitted(mock)
    assert [record.name for record in caplog.records if record.name != "asyncio"] == []
