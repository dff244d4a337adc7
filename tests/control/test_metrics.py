"""GET /_mock/metrics: series that count what happened, in a form that Prometheus reads."""

import re
import sys
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mockserver.app import App
from mockserver.stats import BOUNDS_S, MOST_RULES, Stats
from tests.conftest import Inbox, MakeApp
from tests.driver import COST, MODEL, Driver

CI = Path(__file__).parents[2] / "docs" / "ci.md"


async def metrics(driver: Driver) -> dict[str, float]:
    """Each sample by its name and labels."""
    async with driver.http.get("/_mock/metrics") as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/plain"
        text = await answer.text()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        " ".join([sample.name, *(sample.labels[name] for name in sorted(sample.labels))]): sample.value
        for sample in samples
    }


async def test_what_happened_is_counted(driver: Driver, inbox: Inbox) -> None:
    await driver.pull("POST", "faults", {"id": "gone", "match": {"path": "/v2/me"}, "drop": "before"}, status=201)
    inbox.statuses = [500]
    await driver.submit(webhookUrl=inbox.url)
    await driver.submit("[[stuck]]")
    headers = {"Idempotency-Key": "k"}
    for _ in range(2):
        async with driver.http.post(
            "/v2/images/generate", json={"prompt": "a", "model": MODEL}, headers=headers
        ) as answer:
            assert answer.status == 202
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await driver.balance()
    async with driver.http.get("/nothing") as answer:
        assert answer.status == 404
    await driver.advance("1h")
    found = await metrics(driver)
    expected = {
        "apiframe_mock_requests_total images.generate 202": 4,
        "apiframe_mock_requests_total me none": 2,  # aiohttp tries once more
        "apiframe_mock_requests_total other 404": 1,
        "apiframe_mock_request_duration_seconds_count images.generate": 4,
        "apiframe_mock_request_duration_seconds_bucket +Inf images.generate": 4,
        f"apiframe_mock_jobs_accepted_total {MODEL}": 3,
        "apiframe_mock_replays_total": 1,
        "apiframe_mock_credits_taken_total": 3 * COST,
        "apiframe_mock_jobs COMPLETED": 2,
        "apiframe_mock_jobs PROCESSING": 1,
        "apiframe_mock_webhook_attempts_total completed to be retried": 1,
        "apiframe_mock_webhook_attempts_total completed delivered": 1,
        "apiframe_mock_webhooks_pending": 0,
        "apiframe_mock_faults_fired_total gone": 2,
        "apiframe_mock_journal_entries": 7,
        "apiframe_mock_journal_dropped_total": 0,
        "apiframe_mock_jobs_evicted_total": 0,
        "apiframe_mock_clock_speed": 0,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["apiframe_mock_request_duration_seconds_sum images.generate"] > 0


async def test_both_parts_of_a_training_are_credits_taken_whatever_becomes_of_it(driver: Driver) -> None:
    await driver.train()
    await driver.train("[[fail]]")
    await driver.pull("POST", f"jobs/{await driver.train('[[stuck]]')}", {"cancel": True})
    await driver.advance("1h")
    found = await metrics(driver)
    assert found["apiframe_mock_credits_taken_total"] == 3 * 2 + 2 * 255
    assert found["apiframe_mock_jobs_accepted_total lora-training"] == 3


async def test_findings_are_counted_by_id(driver: Driver) -> None:
    for _ in range(2):
        async with driver.http.post("/v2/images/generate", json={"promt": "a"}) as answer:
            assert answer.status == 400
    assert (await metrics(driver))["apiframe_mock_findings_total REFUSAL-RETRIED"] == 1


async def test_latencies_are_counted_into_growing_groups(driver: Driver) -> None:
    await driver.pull("POST", "faults", {"delay": "12ms"}, status=201)
    await driver.balance()
    found = await metrics(driver)
    groups = {name.split(" ")[1]: value for name, value in found.items() if re.search("_bucket .* me", name)}
    assert (groups["0.01"], groups["10"], groups["+Inf"]) == (0, 1, 1)
    assert list(groups.values()) == sorted(groups.values())


@pytest.mark.parametrize(
    ("took_s", "group"), [(0.0, 0), (0.0010000000038417056, 0), (0.0011, 1), (10.000000000001, 12), (10.1, 13)]
)
async def test_a_latency_at_a_bound_is_within_it_as_exact_as_the_clock_is(
    app: App, driver: Driver, took_s: float, group: int
) -> None:
    await driver.balance()
    (entry,) = app.journal.entries()
    stats = Stats()
    stats.on_entry(entry._replace(took_s=took_s))
    assert stats.answers["me"].groups == [int(number == group) for number in range(len(BOUNDS_S) + 1)]


async def test_who_asks_for_openmetrics_gets_it(driver: Driver) -> None:
    headers = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with driver.http.get("/_mock/metrics", headers=headers) as answer:
        assert answer.content_type == "application/openmetrics-text"
        assert (await answer.text()).endswith("# EOF\n")


async def test_without_the_extra_the_answer_says_how_to_get_it(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    problem = await driver.pull("GET", "metrics", status=501)
    assert problem["detail"] == 'this needs prometheus-client; pip install "apiframe-mockserver[metrics]"'


async def test_a_reset_counts_from_nothing_and_servers_count_for_themselves(driver: Driver, make_app: MakeApp) -> None:
    await driver.submit()
    other = await make_app()
    async with aiohttp.ClientSession(other.url) as http:
        assert f"apiframe_mock_jobs_accepted_total {MODEL}" not in await metrics(Driver(http))
    await driver.pull("POST", "reset")
    assert f"apiframe_mock_jobs_accepted_total {MODEL}" not in await metrics(driver)


async def test_rules_beyond_a_number_are_counted_together(make_app: MakeApp) -> None:
    app = await make_app()
    app.faults.add([{"id": f"rule-{number}", "delay": "0s"} for number in range(MOST_RULES + 20)])
    async with aiohttp.ClientSession(app.url, headers={"X-API-Key": "afk_test"}) as http:
        await Driver(http).balance()
        found = await metrics(Driver(http))
    fired = {name: value for name, value in found.items() if "_faults_fired_total" in name}
    assert len(fired) == MOST_RULES + 1
    assert fired["apiframe_mock_faults_fired_total other"] == 20
    assert Stats().faults == {}


async def test_the_page_names_every_series(driver: Driver) -> None:
    async with driver.http.get("/_mock/metrics") as answer:
        families = set(re.findall(r"^# TYPE (\w+)", await answer.text(), re.MULTILINE))
    named = set(re.findall(r"`(apiframe_mock_\w+)`", CI.read_text(encoding="utf-8")))
    assert {family.removesuffix("_total") for family in families if not family.endswith("_created")} == named
