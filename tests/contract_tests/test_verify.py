import dataclasses
import json
import math
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from contract_tests import contract
from contract_tests.clauses import AREAS, CLAUSES
from contract_tests.contract import Contract
from contract_tests.main import DEFAULT_SEED, Wishes, run
from contract_tests.options import Options
from contract_tests.profile import PROFILES
from contract_tests.report.write import problem_in
from contract_tests.runner import verify
from contract_tests.silence import Silence
from contract_tests.target import own_mock, reach
from mockserver.core.accounts import RateLimit
from tests.contract_tests.bad_server import bad_server
from tests.imitation.server import Imitation

SIZES = {
    "AUTH": 9,
    "VAL": 11,
    "MODEL": 7,
    "IDEMP": 15,
    "LIFE": 10,
    "LIST": 9,
    "CRED": 7,
    "UPLOAD": 2,
    "LORA": 2,
    "ASSET": 1,
    "WH": 10,
    "RATE": 5,
    "AVAIL": 3,
    "HDR": 6,
    "ROBUST": 14,
}


def verified(**wanted: Any) -> dict[str, Any]:
    return verify(Options(**{"profile": PROFILES["quick"], "seed": DEFAULT_SEED, **wanted}), Silence())


def ids(report: dict[str, Any], *verdicts: str, level: str = "") -> list[str]:
    return [row["id"] for row in report["clauses"] if row["verdict"] in verdicts and level in (row["level"], "")]


def test_every_clause_is_there_with_all_that_it_needs() -> None:
    assert list(AREAS) == list(SIZES)
    assert list(CLAUSES) == [f"{area}-{number}" for area, count in SIZES.items() for number in range(1, count + 1)]
    for clause in CLAUSES.values():
        assert re.fullmatch(r"[A-Z0-9`].*[^.]\.", clause.promise), clause.id
        assert clause.how.endswith("."), clause.id
        assert bool(clause.broken_by) is not bool(clause.unbroken_because), clause.id


def test_the_clean_mock_keeps_every_promise() -> None:
    report = verified()

    assert problem_in(report) is None
    assert ids(report, "FAIL", "WARN", "NOT EXERCISED", "INCONCLUSIVE") == []
    assert report["exitCode"] == 0
    assert report["coverage"]["operations"]["covered"] == report["coverage"]["operations"]["all"]
    assert report["coverage"]["models"]["covered"] == report["coverage"]["models"]["all"]


def of_images(whole: Contract) -> Contract:
    """The part of the contract that the imitation keeps."""
    kept = {"images.generate", "jobs.list", "jobs.get", "models.list", "me"}
    operations = tuple(each for each in whole.operations if each.id in kept)
    models = tuple(each for each in whole.models if each.operation in kept)
    return dataclasses.replace(whole, operations=operations, models=models, actions=())


@pytest.mark.slow
def test_no_must_fails_on_another_legal_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "load", partial(of_images, contract.load()))
    others = ("UPLOAD", "LORA", "ASSET")
    with Imitation(credits_each=50_000) as it:
        report = verified(
            target=it.url,
            key=it.key,
            second_key=it.second_key,
            tier=3,
            budget=20_000,
            only=[name for name in CLAUSES if not name.startswith(others)],
        )

    assert [row["failure"] for row in report["clauses"] if row["verdict"] == "FAIL"] == []
    assert ids(report, "NOT EXERCISED", level="must") == []
    assert report["exitCode"] == 0
    assert len(ids(report, "PASS")) > 60


def test_a_rehearsal_without_an_agreement_submits_nothing_with_a_good_key() -> None:
    with bad_server("odd types", greets=True) as server:
        verified(target=server.url, key="afk_good_and_long_enough", rehearse=True, budget=100, timeout_s=2.0)

    submissions = [raw for raw in server.asked if raw.startswith(b"POST /v2/images/generate")]
    assert submissions, "keys that are no good are sent"
    assert [raw for raw in submissions if b"X-API-Key: afk_good_and_long_enough\r\n" in raw] == []


@pytest.mark.slow
def test_a_rehearsal_costs_what_it_said_and_a_rerun_nothing() -> None:
    with Imitation(credits_each=100) as it:
        wanted = {"target": it.url, "key": it.key, "rehearse": True, "yes_spend": True, "budget": 3}
        wanted["only"] = [name for name in CLAUSES if name.startswith(("IDEMP", "LIFE", "CRED", "LIST"))]
        first, second = verified(**wanted), verified(**wanted)

    assert first["plan"]["worstCaseCredits"] == 2
    assert (first["ledger"]["spent"], first["exitCode"]) == (2, 0)
    assert (second["ledger"]["spent"], second["exitCode"]) == (0, 0)
    assert "CRED-6" in ids(second, "INCONCLUSIVE")
    assert {row["tier"] for row in first["clauses"] if row["verdict"] == "PASS"} == {0, 1}


def test_a_change_of_the_balance_that_nobody_explains_stops_the_run() -> None:
    with own_mock(1) as url:
        target = reach(url, None, None)
        levers = target.levers
        assert levers is not None
        key = levers.new_key(credits=50)

        class Thief(Silence):
            def on_verdict(self, clause: dict[str, Any]) -> None:
                if levers is not None and clause["id"] == "AUTH-2":
                    levers.set_credits(key["team"]["id"], 49)

        options = Options(PROFILES["quick"], DEFAULT_SEED, target=url, key=key["key"], rehearse=True, yes_spend=True)
        report = verify(options, Thief())
        target.close()

    assert "the balance went from 50 to 49 in the group AUTH" in report["stopped"]
    assert report["exitCode"] == 1
    assert ids(report, "PASS", "RECORDED", level="must") != []
    assert {row["verdict"] for row in report["clauses"] if row["area"] == "LIST"} == {"SKIPPED"}


@pytest.mark.slow
def test_no_key_is_in_any_file_of_the_report(tmp_path: Path) -> None:
    with Imitation(credits_each=100) as it:
        environment = {"FIRST": it.key, "SECOND": it.second_key}
        wishes = Wishes(
            target=it.url, key_env="FIRST", second_key_env="SECOND", only="AUTH,HDR,ROBUST-1", report_dir=tmp_path
        )
        run(wishes, environment)
        written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}

    assert set(written) == {"report.json", "report.xml", "report.html", "report.md"}
    assert [name for name, text in written.items() if it.key in text or it.second_key in text] == []


def test_a_replay_runs_the_clause_again_as_it_was(tmp_path: Path) -> None:
    assert run(Wishes(only="IDEMP-3,LIST-7", seed=7, report_dir=tmp_path / "first"), {}) == 0
    replay = (tmp_path / "first" / "report.json", "LIST-7")

    assert run(Wishes(replay=replay, report_dir=tmp_path / "second"), {}) == 0

    again = json.loads((tmp_path / "second" / "report.json").read_text(encoding="utf-8"))
    assert (again["seed"], [row["id"] for row in again["clauses"]]) == (7, ["LIST-7"])


def test_a_found_mock_is_left_with_a_running_clock() -> None:
    with own_mock(1) as url:
        report = verified(target=url, only=["LIFE-1"])
        target = reach(url, None, None)
        assert target.levers is not None
        clock = target.levers.pull("GET", "/clock")
        target.close()

    assert (report["clauses"][0]["verdict"], clock["frozen"]) == ("PASS", False)


@pytest.mark.slow
def test_a_rerun_beside_a_server_gets_the_job_back_with_its_webhook() -> None:
    some = [name for name in CLAUSES if name.startswith(("IDEMP", "WH", "CRED"))]
    with Imitation(credits_each=100) as it:
        first, second = (verified(target=it.url, key=it.key, budget=2, only=some, seed=5) for _ in range(2))

    assert (first["ledger"]["spent"], first["exitCode"], ids(first, "FAIL", "WARN", "INCONCLUSIVE")) == (2, 0, [])
    assert (second["ledger"]["spent"], second["exitCode"], ids(second, "FAIL", "WARN")) == (0, 0, [])


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{"speed": math.inf}, {"rate_limit": RateLimit(50, 60.0), "max_concurrent_jobs": 2}, {"webhook_signing": "raw"}],
    ids=["instant", "limited", "raw"],
)
def test_a_mock_may_be_set_up_otherwise(settings: dict[str, Any]) -> None:
    areas = ("LIFE", "LIST", "CRED", *(["VAL-3"] if "rate_limit" in settings else []))  # the rest cannot touch VAL-3
    some = [name for name in CLAUSES if name.startswith(areas)]
    with own_mock(1, **settings) as url:
        report = verified(target=url, only=[*some, "WH-1", "WH-3", "WH-5"])

    assert ids(report, "FAIL", "WARN", "NOT EXERCISED") == []


@pytest.mark.parametrize("name", ["mock", "plain"])
def test_the_clock_of_the_report_is_that_of_the_target(name: str) -> None:
    with Imitation(credits_each=100) as it:
        report = verified(only=["AUTH-7"]) if name == "mock" else verified(target=it.url, key=it.key, only=["AUTH-7"])
    assert report["clock"] == {"mock": "virtual", "plain": "real"}[name]
