"""What is kept of findings, how it is shown, and who can tell them apart."""

import json
import re
from pathlib import Path
from typing import Any

import aiohttp

from mockserver.app import App
from mockserver.clock import Clock
from mockserver.core.signing import key_digest
from mockserver.findings.book import KEPT_OF_A_KIND
from mockserver.findings.kinds import KINDS, REFUSAL_RETRIED
from mockserver.findings.recent import Recent
from tests.driver import MODEL, Driver
from tests.findings.conftest import Lend

WRONG = {"prompt": "a fox"}
PAGE = (Path(__file__).parents[2] / "docs" / "findings.md").read_text(encoding="utf-8")


async def refused_twice(client: aiohttp.ClientSession) -> None:
    for _ in range(2):
        async with client.post("/v2/images/generate", json=WRONG) as answer:
            assert answer.status in (400, 401)


async def test_a_finding_is_shown_with_title_advice_and_evidence(driver: Driver, clock: Clock) -> None:
    clock.advance(1.5)
    await refused_twice(driver.http)
    said: dict[str, Any] = await driver.pull("GET", "findings")
    evidence = said["findings"][0]["occurrences"][0]["evidence"]
    told = r"request 1, POST /v2/images/generate, was answered 400; request 2 is the same, \d\.\d\d s later"
    assert re.fullmatch(told, evidence)
    assert said == {
        "findings": [
            {
                "id": "REFUSAL-RETRIED",
                "title": "Sent a refused request again unchanged",
                "advice": REFUSAL_RETRIED.advice,
                "page": "docs/findings.md#refusal-retried",
                "count": 1,
                "occurrences": [
                    {
                        "at": "2026-01-01T00:00:01.500Z",
                        "request": 2,
                        "requests": [1, 2],
                        "delivery": None,
                        "evidence": evidence,
                        "key": "afk_",
                    }
                ],
            }
        ],
        "dropped": 0,
    }


async def test_each_key_has_findings_of_its_own(driver: Driver, app: App, lend: Lend) -> None:
    made = [await driver.pull("POST", "keys", {}, status=201) for _ in range(2)]
    for each in made:
        await refused_twice(lend(each["key"]))
    await refused_twice(lend("afk_a_key_that_nobody_knows"))
    for key in (made[0]["key"], made[1]["key"], "afk_a_key_that_nobody_knows"):
        shown = await driver.pull("GET", f"findings?key={key}")
        assert [(each["id"], each["count"]) for each in shown["findings"]] == [("REFUSAL-RETRIED", 1)]
        assert [each["key"] for each in shown["findings"][0]["occurrences"]] == [key[:8]]
        assert app.findings.counts(key_digest(key)) == {"REFUSAL-RETRIED": 1}
    assert app.findings.counts() == {"REFUSAL-RETRIED": 3}
    assert await driver.pull("GET", "findings?key=afk_test") == {"findings": [], "dropped": 0}


async def test_no_finding_shows_a_whole_key(driver: Driver, lend: Lend) -> None:
    secret = "afk_a_long_secret_that_stays_secret"
    client = lend(secret)
    await refused_twice(client)
    for _ in range(2):
        async with client.get(f"/v2/nothing?key={secret}", headers={"Idempotency-Key": secret}) as answer:
            assert answer.status == 404
    async with client.get(f"/images/{secret}") as answer:
        assert answer.status == 404
    async with driver.http.get("/_mock/findings") as answer:
        text = await answer.text()
    assert ("KEY-SENT-TO-FILES" in text, "REFUSAL-RETRIED" in text, secret[:9] in text) == (True, True, False)


async def test_entries_of_the_journal_know_their_findings(driver: Driver, app: App) -> None:
    await refused_twice(driver.http)
    assert [app.findings.of(number) for number in range(4)] == [(), ("REFUSAL-RETRIED",), ("REFUSAL-RETRIED",), ()]


async def test_the_latest_are_kept_and_all_are_counted(driver: Driver, app: App) -> None:
    for _ in range(KEPT_OF_A_KIND + 3):
        await refused_twice(driver.http)
    said: dict[str, Any] = await driver.pull("GET", "findings")
    (shown,) = said["findings"]
    count = 2 * (KEPT_OF_A_KIND + 3) - 1
    assert (shown["count"], len(shown["occurrences"]), said["dropped"]) == (count, 100, count - 100)
    assert shown["occurrences"][-1]["requests"] == [count, count + 1]
    assert (app.findings.of(1), app.findings.of(count + 1)) == ((), ("REFUSAL-RETRIED",))


async def test_findings_can_be_forgotten_and_a_reset_forgets_them(driver: Driver, app: App) -> None:
    for method, lever, status in (("DELETE", "findings", 204), ("POST", "reset", 200)):
        await refused_twice(driver.http)
        assert app.findings.counts() == {"REFUSAL-RETRIED": 1}
        await driver.pull(method, lever, status=status)
        assert await driver.pull("GET", "findings") == {"findings": [], "dropped": 0}
        assert [app.findings.of(number) for number in range(6)] == [()] * 6
        async with driver.http.post("/v2/images/generate", json=WRONG) as answer:
            assert answer.status == 400
        assert app.findings.counts() == {}
        app.findings.clear()


async def test_a_query_that_does_not_exist_is_refused(driver: Driver) -> None:
    problem = await driver.pull("GET", "findings?kye=afk_test", status=400)
    assert problem["detail"] == 'there is no "kye"; there are key'


def test_the_page_tells_every_kind_by_its_id_and_title_in_the_order_in_which_they_are_shown() -> None:
    told = re.findall(r"^### (\S+)\n\n\*\*(.+?)\*\*", PAGE, re.MULTILINE)
    assert told == [(kind.id, f"{kind.title}.") for kind in KINDS]
    assert [kind.page for kind in KINDS] == [f"docs/findings.md#{name.lower()}" for name, _ in told]


def test_what_was_not_used_for_long_is_forgotten() -> None:
    recent: Recent[int, str] = Recent(3)
    for key in range(4):
        recent[key] = str(key)
    assert [recent.get(key) for key in (0, 1, 4)] == ["0", "1", None]
    assert [recent.get(key) for key in (2, 3, 0, 1)] == [None, "3", "0", "1"]
    for key in range(10, 20):
        recent[key] = str(key)
        assert recent.get(0) == "0"
    assert [recent.get(key) for key in (1, 2, 3, 10)] == [None] * 4
    recent.clear()
    assert recent.get(0) is None


async def test_the_example_of_the_page_has_the_shape_of_a_real_answer(driver: Driver) -> None:
    await driver.pull("POST", "faults", {"schedule": [503, "pass"]}, status=201)
    for status in (503, 202):
        body, headers = {**WRONG, "model": MODEL}, {"Idempotency-Key": "k"}
        async with driver.http.post("/v2/images/generate", json=body, headers=headers) as answer:
            assert answer.status == status
    example = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
    said = await driver.pull("GET", "findings")
    shown, real = example["findings"][0], said["findings"][0]
    for varying in ("at", "evidence", "key"):
        assert shown["occurrences"][0].pop(varying)
        assert real["occurrences"][0].pop(varying)
    assert example == said


async def test_the_findings_of_one_key_can_be_forgotten(driver: Driver) -> None:
    for key in ("afk_test", "afk_test_poor"):
        for _ in range(2):
            async with driver.http.post("/v2/images/generate", json={"a": 1}, headers={"X-API-Key": key}) as answer:
                assert answer.status == 400
    await driver.pull("DELETE", "findings?key=afk_test", status=204)
    assert (await driver.pull("GET", "findings?key=afk_test"))["findings"] == []
    assert (await driver.pull("GET", "summary"))["findings"] == {"REFUSAL-RETRIED": 1}
    named = [bool(entry["findings"]) for entry in (await driver.pull("GET", "requests"))["requests"]]
    assert named == [False, False, True, True]
