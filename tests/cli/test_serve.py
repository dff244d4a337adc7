"""`mockserver serve` as a process: its first line, its end, its complaints, its log."""

import json
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.conftest import Run, Start, url_of


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


def test_a_request_under_way_is_answered_before_the_end(start: Start) -> None:
    process = start("serve", "--port", "0", "--quiet")
    where = urlsplit(url_of(process))
    assert where.hostname
    client = HTTPConnection(where.hostname, where.port or 0)
    body = b'{"model": "midjourney", "prompt": "a fox"}'
    client.putrequest("POST", "/v2/images/generate")
    for name, value in {
        "X-API-Key": "afk_test",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Expect": "100-continue",
    }.items():
        client.putheader(name, value)
    client.endheaders()
    assert client.sock.recv(100).startswith(b"HTTP/1.1 100")  # the handler waits for the body now
    process.send_signal(signal.SIGTERM)
    client.send(body)
    assert client.getresponse().status == 202
    client.close()
    process.communicate()
    assert process.returncode == 0


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
        (["--store", "redis://localhost"], "--store"),
        (["--rate-limit", "fast"], '--rate-limit: "fast"'),
        (["--host", "no.such.host.invalid"], "--host"),
        (["--config", "none.toml"], "none.toml"),
    ],
)
def test_a_bad_option_is_one_line_and_exit_2(run: Run, arguments: list[str], named: str) -> None:
    done = run("serve", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("mockserver: ")
    assert done.err.count("\n") == 1
    assert named in done.err


def test_settings_come_from_flag_then_environment_then_file(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mockserver.toml").write_text('speed = "instant"\npublic-url = "http://file"\n', encoding="utf-8")
    process = start("serve", "--port", "0", "--public-url", "http://flag", MOCKSERVER_PUBLIC_URL="http://env")
    url = url_of(process)
    _, accepted = fetch(f"{url}/v2/images/generate", {"model": "imagen-4", "prompt": "a fox"})
    assert isinstance(accepted, dict)
    _, job = fetch(f"{url}/v2/jobs/{accepted['jobId']}")
    assert isinstance(job, dict)
    assert job["result"] == {"images": [f"http://flag/images/{job['id']}-1.png"]}


def test_a_verbose_log_has_each_request_and_no_key(start: Start) -> None:
    process = start("serve", "--port", "0", "-v", "--log-format", "json")
    url = url_of(process)
    fetch(f"{url}/v2/me?key=afk_secret_of_somebody", key="afk_secret_of_somebody")
    fetch(f"{url}/v2/afk_secret_of_somebody")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    said = [line["message"].split(" in ")[0] for line in lines]
    assert said == ["GET /v2/me -> 401", "GET /v2/afk_*** -> 404"]
    assert "afk_secret" not in err


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


def test_serving_loads_nothing_that_it_does_not_need(run: Run) -> None:
    import sys  # noqa: PLC0415 - only here

    code = "import mockserver.cli.serve, sys; print(sorted({'faker', 'rich', 'PIL', 'jsonschema'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert (said, run("--version").code) == ("[]\n", 0)


def test_two_servers_run_side_by_side(start: Start) -> None:
    urls = {url_of(start("serve", "--port", "0")) for _ in range(2)}
    assert len(urls) == 2
    threads = [threading.Thread(target=fetch, args=(f"{url}/v2/models",)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
