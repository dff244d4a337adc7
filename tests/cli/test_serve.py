"""`mockserver serve` as a process: its first line, its end, its complaints, its log."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.conftest import COMMAND, ENVIRONMENT, Run, Start, stopped, url_of


def fetch(url: str, body: object = None, key: str = "afk_test") -> tuple[int, object]:
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310 - likewise
            return response.status, json.load(response)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_the_first_line_says_where_it_listens_and_a_signal_ends_it_with_0(start: Start, number: signal.Signals) -> None:
    process = start("serve", "--port", "0")
    status, _ = fetch(url_of(process) + "/v2/models")
    process.send_signal(number)
    out, err = process.communicate()
    assert (status, process.returncode, out) == (200, 0, "")
    assert "Traceback" not in err


def test_a_signal_that_comes_with_the_first_line_ends_it_with_0(start: Start) -> None:
    process = start("serve", "--port", "0", "--quiet")
    url_of(process)
    assert stopped(process) == (0, "", "")


BODY = b'{"model": "midjourney", "prompt": "a fox"}'


@contextlib.contextmanager
def half_sent(url: str) -> Iterator[HTTPConnection]:
    """A submission that the server has begun to read and whose body it waits for."""
    where = urlsplit(url)
    assert where.hostname
    with contextlib.closing(HTTPConnection(where.hostname, where.port or 0)) as client:
        client.putrequest("POST", "/v2/images/generate")
        headers = {"X-API-Key": "afk_test", "Content-Type": "application/json", "Expect": "100-continue"}
        for name, value in {**headers, "Content-Length": str(len(BODY))}.items():
            client.putheader(name, value)
        client.endheaders()
        assert client.sock.recv(100).startswith(b"HTTP/1.1 100")
        yield client


def wait_until_refused(url: str) -> None:
    """Return once the server takes no more connections: it has begun to stop."""
    where = urlsplit(url)
    while True:
        try:
            socket.create_connection((where.hostname, where.port)).close()
        except ConnectionError:
            return
        except ConnectionResetError:  # it was still in the queue when that was closed
            pass


def test_a_request_under_way_is_answered_before_the_end(start: Start) -> None:
    process = start("serve", "--port", "0", "--quiet")
    url = url_of(process)
    with half_sent(url) as client:
        process.send_signal(signal.SIGTERM)
        wait_until_refused(url)
        client.send(BODY)
        answer = client.getresponse()
        assert (answer.status, json.load(answer)["status"]) == (202, "QUEUED")
    assert process.communicate() == ("", "")
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at once")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_second_signal_ends_it_at_once(start: Start, number: signal.Signals) -> None:
    process = start("serve", "--port", "0", "--quiet")
    url = url_of(process)
    with half_sent(url):
        process.send_signal(number)
        wait_until_refused(url)
        assert stopped(process, number) == (-number, "", "")


def test_an_idle_connection_does_not_put_off_the_end(start: Start) -> None:
    process = start("serve", "--port", "0", "--quiet")
    where = urlsplit(url_of(process))
    assert where.hostname
    with contextlib.closing(HTTPConnection(where.hostname, where.port or 0)) as client:
        client.request("GET", "/v2/models")
        client.getresponse().read()
        assert stopped(process) == (0, "", "")


def test_a_port_in_use_is_one_line_and_exit_2(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f'mockserver: --port: "{port}" is in use on 127.0.0.1; stop what runs there, or take a free one with --port 0\n'
    )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--prot", "1"], "--prot"),
        (["--port", "x"], '"x"'),
        (["--speed", "0"], '--speed: "0"'),
        (["--store", "redis:localhost"], "--store"),
        (["--rate-limit", "fast"], '--rate-limit: "fast"'),
        (["--config", "none.toml"], "none.toml"),
        (["--host", "a..b"], '--host: "a..b"'),
        (["--host", ""], '--host: ""'),
        (["--admin-token", "tökén"], '--admin-token: "***"'),
        (["--webhook-allow", "*.test"], '--webhook-allow: "*.test"'),
    ],
)
def test_a_bad_option_is_one_line_and_exit_2(here: Run, arguments: list[str], named: str) -> None:
    done = here("serve", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("mockserver: ")
    assert done.err.count("\n") == 1
    assert named in done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "no.such.host.invalid"], "--host, --port: cannot listen on no.such.host.invalid:0: "),
        (["--config", "mine.toml"], '--config: cannot read "mine.toml": No such file or directory\n'),
    ],
    ids=["host", "file"],
)
def test_a_server_that_cannot_start_says_why_in_one_line(run: Run, options: list[str], said: str) -> None:
    done = run("serve", "--port", "0", *options)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"mockserver: {said}")


def test_settings_come_from_flag_then_environment_then_file(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mockserver.toml").write_text('speed = "instant"\npublic-url = "http://file"\n', encoding="utf-8")
    process = start("serve", "--port", "0", "--public-url", "http://flag", MOCKSERVER_PUBLIC_URL="http://env")
    url = url_of(process)
    _, accepted = fetch(f"{url}/v2/images/generate", {"model": "imagen-4", "prompt": "a fox"})
    assert isinstance(accepted, dict)
    _, job = fetch(f"{url}/v2/jobs/{accepted['jobId']}")
    assert isinstance(job, dict)
    assert job["result"] == {"images": [f"http://flag/images/{job['id']}-1.png"]}


SECRET = "afk_secret_of_somebody"


def use_secrets(url: str) -> None:
    """Send keys in every place where a request can carry one, and one that does not look like a key."""
    fetch(f"{url}/v2/me?key={SECRET}", key=SECRET)
    fetch(f"{url}/v2/{SECRET}")
    fetch(f"{url}/_mock/keys", {"key": SECRET})
    fetch(f"{url}/_mock/keys", {"key": "my-own-key"})
    fetch(f"{url}/_mock/keys/my-own-key")
    webhook = f"http://10.1.2.3/{SECRET}?key={SECRET}"
    fetch(f"{url}/v2/images/generate", {"model": "imagen-4", "prompt": SECRET, "webhookUrl": webhook}, SECRET)
    fetch(f"{url}/_mock/clock", {"advance": "1s"})


SEEN = [
    "GET /v2/me -> 401",
    "GET /v2/afk_*** -> 404",
    "POST /_mock/keys -> 201",
    "POST /_mock/keys -> 201",
    "GET /_mock/keys/*** -> 200",
    "POST /v2/images/generate -> 202",
    "POST /_mock/clock -> 200",
]


def test_a_verbose_log_has_each_request_and_no_key(start: Start) -> None:
    process = start("serve", "--port", "0", "-v", "--speed", "instant")
    use_secrets(url_of(process))
    done = stopped(process)
    said = re.findall(r"^\d\d:\d\d:\d\d info ([A-Z]+ .*) in [0-9.]+ ms \(req_[0-9a-f]+\)$", done.err, re.MULTILINE)
    assert said == SEEN
    assert [secret for secret in (SECRET, "secret_of", "my-own-key") if secret in done.out + done.err] == []


def test_a_log_of_json_lines_can_be_read_line_by_line(start: Start) -> None:
    process = start(
        "serve", "--port", "0", "-v", "--log-format", "json", "--speed", "instant", PYTHONIOENCODING="ascii"
    )
    url = url_of(process)
    use_secrets(url)
    body = {"model": "imagen-4", "prompt": "a fox", "webhookUrl": "http://10.1.2.3/ö\u2028"}
    fetch(f"{url}/v2/images/generate", body)
    fetch(f"{url}/_mock/clock", {"advance": "1s"})
    done = stopped(process)
    log = [json.loads(line) for line in done.err.splitlines()[2:]]
    assert {tuple(line) for line in log} == {("time", "level", "logger", "message")}
    said = [line["message"].partition(" in ")[0] for line in log if line["level"] == "info"]
    assert said[:-2] == [*SEEN, *SEEN[-2:]]
    assert said[-2].startswith("4 requests, 2 jobs, ")
    assert "secret_of" not in done.err


def test_requests_are_not_logged_unless_asked_for(start: Start) -> None:
    process = start("serve", "--port", "0", "--speed", "instant")
    url = url_of(process)
    use_secrets(url)
    done = stopped(process)
    hints, rest = done.err.splitlines()[:2], done.err.splitlines()[2:]
    assert hints[0] == f"key: afk_test   control: {url}/_mock/health   stop: Ctrl-C"
    assert re.fullmatch(rf"try: .*mockserver sample --curl --url {url} midjourney \| sh", hints[1])
    summary = ["info", "3"], ["info", "webhooks:"]
    assert [line.split(" ")[1:3] for line in rest] == [["warning", "webhook"], *summary]


def test_a_refused_webhook_is_logged_with_the_way_out(start: Start) -> None:
    process = start("serve", "--port", "0", "--speed", "instant")
    url = url_of(process)
    body = {"model": "imagen-4", "prompt": "a fox", "webhookUrl": "http://10.1.2.3/hook"}
    fetch(f"{url}/v2/images/generate", body)
    fetch(f"{url}/_mock/clock", {"advance": "1s"})
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert "--webhook-allow 10.1.2.3" in err


def test_a_quiet_server_says_nothing_but_its_address(start: Start) -> None:
    process = start("serve", "--port", "0", "--quiet")
    fetch(url_of(process) + "/v2/models")
    process.send_signal(signal.SIGTERM)
    assert process.communicate() == ("", "")


def test_a_server_whose_output_nobody_reads_goes_on(start: Start) -> None:
    process = start("serve", "--port", "0")
    url = url_of(process)
    assert process.stdout is not None
    process.stdout.close()
    assert fetch(f"{url}/v2/models")[0] == 200
    process.send_signal(signal.SIGTERM)
    process.wait()
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="closing is done by a POSIX shell")
def test_a_server_whose_output_is_closed_from_the_start_complains_of_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--quiet"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_serving_loads_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", *COMMAND[1:], "serve", "--port", "0", "--quiet"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=ENVIRONMENT,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            url = url_of(process)
            statuses = [fetch(f"{url}/v2/images/generate", json.loads(BODY))[0], fetch(f"{url}/v2/jobs")[0]]
            done = stopped(process)
        finally:
            process.kill()
    loaded = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert (done.code, statuses) == (0, [202, 200])
    assert "mockserver.app" in loaded
    assert loaded & {"faker", "rich", "PIL", "jsonschema", "mockserver.media", "mockserver.cli.demo"} == set()


@pytest.mark.parametrize("words", [("serve", "--help"), ("serve", "--port", "x"), ("models",)])
def test_what_serves_nothing_loads_no_server(tmp_path: Path, words: Sequence[str]) -> None:
    command = [sys.executable, "-X", "importtime", *COMMAND[1:], *words]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, encoding="utf-8", capture_output=True, check=False)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "mockserver.cli.main" in loaded
    assert loaded & {"aiohttp", "mockserver.app"} == set()


def test_two_servers_run_side_by_side(start: Start) -> None:
    urls = {url_of(start("serve", "--port", "0")) for _ in range(2)}
    assert len(urls) == 2
    threads = [threading.Thread(target=fetch, args=(f"{url}/v2/models",)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
