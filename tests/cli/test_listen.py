"""`mockserver listen`."""

import json
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from mockserver.core.signing import key_digest, signature
from tests.cli.conftest import Run, Start, stopped, url_of

BODY = '{"event": "completed", "key": "afk_secret", "prompt": "🦊"}'.encode()


def signed(body: bytes, key: str = "afk_test") -> str:
    return signature(key_digest(key), body, "hex")


def post(url: str, body: bytes, sent: str) -> int:
    headers = {"X-Webhook-Signature": sent, "X-Webhook-Event": "completed"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:  # noqa: S310 - our own
            status: int = answer.status
            return status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_true_signatures_are_told_from_false_ones(start: Start) -> None:
    process = start("listen", "--port", "0", "--key", "afk_other", "--key", "afk_test", "--json")
    url = url_of(process)
    raw = signature(key_digest("afk_test"), BODY, "raw")
    sent = [signed(BODY), raw, signed(BODY, "afk_other"), signed(BODY, "afk_third"), "sha256=00", "", signed(b"{}")]
    assert [post(url, BODY, one) for one in sent] == [200, 200, 200, 401, 401, 401, 401]
    said = [json.loads(line(process)) for _ in sent]
    assert [one["signature"]["scheme"] for one in said] == ["hex", "raw", "hex", None, None, None, None]
    assert said[0] == {
        "event": "completed",
        "signature": {"valid": True, "scheme": "hex"},
        "body": {"event": "completed", "key": "afk_***", "prompt": "🦊"},
    }
    assert said[3]["signature"] == {"valid": False, "scheme": None}
    assert stopped(process)[:2] == (0, "")


def test_a_delivery_is_shown_as_text(start: Start) -> None:
    process = start("listen", "--port", "0", PYTHONIOENCODING="cp1252")
    url = url_of(process)
    assert [post(url, BODY, signed(BODY)), post(url, b"no JSON", "")] == [200, 401]
    done = stopped(process)
    assert done.out == (
        "completed: signature true (hex)\n"
        '{\n  "event": "completed",\n  "key": "afk_***",\n  "prompt": "\\U0001f98a"\n}\n'
        'completed: SIGNATURE FALSE\n"no JSON"\n'
    )
    assert done.err.startswith("try: ")
    assert done.err.endswith(f" sample --curl --webhook {url} midjourney | sh\n")


@pytest.mark.parametrize("body", [b"[" * 20_000, b"NaN", b"\xff\xfe", b""], ids=["deep", "nan", "binary", "empty"])
def test_a_body_that_is_no_json_is_shown_as_text(start: Start, body: bytes) -> None:
    process = start("listen", "--port", "0", "--json")
    assert post(url_of(process), body, signed(body)) == 200
    assert json.loads(line(process))["body"] == body.decode("utf-8", "replace")


def test_the_keys_are_those_of_the_command_line_else_of_the_environment_else_the_ready_made_one(start: Start) -> None:
    for arguments, environment, key in (
        (["--key", "afk_mine"], {"APIFRAME_API_KEY": "afk_env"}, "afk_mine"),
        ([], {"APIFRAME_API_KEY": "afk_env"}, "afk_env"),
        ([], {"APIFRAME_API_KEY": ""}, "afk_test"),
    ):
        url = url_of(start("listen", "--port", "0", *arguments, **environment))
        assert [post(url, BODY, signed(BODY, each)) for each in ("afk_mine", "afk_env", "afk_test")] == [
            200 if each == key else 401 for each in ("afk_mine", "afk_env", "afk_test")
        ]


@pytest.mark.parametrize("status", [204, 302, 503])
def test_a_true_delivery_is_answered_with_the_status_that_was_asked_for(start: Start, status: int) -> None:
    url = url_of(start("listen", "--port", "0", "--status", str(status)))
    assert post(url, BODY, signed(BODY)) == status
    assert post(url, BODY, "") == 401


def test_an_ipv6_address_is_shown_as_an_address(start: Start) -> None:
    url = url_of(start("listen", "--host", "::1", "--port", "0"))
    assert url.startswith("http://[::1]:")
    assert post(url, BODY, signed(BODY)) == 200


def test_a_port_in_use_is_one_line_and_exit_2(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("listen", "--port", port)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f'mockserver: --port: cannot listen on "127.0.0.1:{port}": ')
    assert done.err.endswith("; --port 0 takes a free one\n")


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a..b"])
def test_a_host_that_does_not_exist_is_one_line_and_exit_2(run: Run, host: str) -> None:
    done = run("listen", "--host", host, "--port", "0")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f'mockserver: --port: cannot listen on "{host}:0": ')


def test_a_reader_that_goes_away_ends_it_quietly(start: Start) -> None:
    process = start("listen", "--port", "0")
    url = url_of(process)
    assert process.stdout is not None
    process.stdout.close()
    assert post(url, BODY, signed(BODY)) == 200
    assert process.stderr is not None
    assert process.stderr.read().count("\n") == 1
    process.wait()


def test_it_receives_the_webhook_of_a_job(start: Start, run: Run) -> None:
    listener, server = start("listen", "--port", "0", "--json"), start("serve", "--port", "0", "--speed", "instant")
    body = run("sample", "imagen-4", "--webhook", url_of(listener)).out.encode()
    headers = {"X-API-Key": "afk_test", "Content-Type": "application/json"}
    request = urllib.request.Request(url_of(server) + "/v2/images/generate", body, headers)  # noqa: S310 - our own
    with urllib.request.urlopen(request) as response:  # noqa: S310 - likewise
        job_id = json.load(response)["jobId"]
    received = json.loads(line(listener))
    assert (received["event"], received["signature"]) == ("completed", {"valid": True, "scheme": "hex"})
    assert job_id in json.dumps(received["body"])
