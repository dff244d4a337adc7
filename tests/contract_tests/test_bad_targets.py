import ssl
from typing import Any

import pytest
import trustme

from contract_tests.main import DEFAULT_SEED
from contract_tests.options import Options
from contract_tests.preflight import CannotRun
from contract_tests.profile import PROFILES
from contract_tests.runner import verify
from contract_tests.silence import Silence
from tests.contract_tests.bad_server import BEHAVIOURS, bad_server

SOME = ["AUTH-1", "AUTH-7", "VAL-1", "VAL-8", "LIFE-1", "LIST-1", "CRED-7", "HDR-1", "ROBUST-1"]


def run(url: str, **more: Any) -> dict[str, Any]:
    options = Options(PROFILES["quick"], DEFAULT_SEED, **{"target": url, "key": "afk_x", "timeout_s": 0.3, **more})
    return verify(options, Silence())


@pytest.mark.parametrize("name", sorted(set(BEHAVIOURS) - {"odd types"}))
def test_what_is_no_such_server_gets_one_line(name: str) -> None:
    with bad_server(name) as server, pytest.raises(CannotRun) as refused:
        run(server.url)

    text = str(refused.value)
    assert text.startswith(server.url)
    assert "\n" not in text


@pytest.mark.parametrize("name", sorted(BEHAVIOURS))
def test_a_server_that_greets_and_then_misbehaves_gets_verdicts(name: str) -> None:
    with bad_server(name, greets=True) as server:
        report = run(server.url, only=SOME, budget=10)

    verdicts = {row["id"]: row["verdict"] for row in report["clauses"]}
    assert set(verdicts) == set(SOME)
    assert not [row["reason"] for row in report["clauses"] if "broke" in (row["reason"] or "")]
    assert "PASS" not in {verdicts["VAL-1"], verdicts["LIST-1"], verdicts["ROBUST-1"]}
    assert report["exitCode"] in (1, 2, 3)


def test_a_server_that_stops_answering_ends_the_run_with_2() -> None:
    with bad_server("hangs", greets=True) as server:
        report = run(server.url)

    assert report["exitCode"] == 2
    assert report["stopped"].startswith("the target stopped answering")


def test_a_certificate_that_nobody_trusts_is_refused_with_a_hint_and_accepted_on_demand() -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(tls)
    with bad_server("html", greets=True, tls=tls) as server:
        with pytest.raises(CannotRun, match="--insecure"):
            run(server.url)
        report = run(server.url, insecure=True, only=["AUTH-7"])

    assert report["clauses"][0]["verdict"] == "FAIL"


def test_nobody_listening_and_no_address_get_one_line() -> None:
    with pytest.raises(CannotRun, match="does not answer"):
        run("http://127.0.0.1:1")
    with pytest.raises(CannotRun, match="no address of a server"):
        run("localhost:4010")
    with pytest.raises(CannotRun, match="no address of a server"):
        run("http://user:word@127.0.0.1:1")
    with pytest.raises(CannotRun, match="APIFRAME_API_KEY"):
        run("http://127.0.0.1:1", key=None)
