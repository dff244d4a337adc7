"""Which requests a rule means, how often it fires, and what is said of a rule that will not do."""

from typing import Any

import pytest

from mockserver.core.documents import DocumentError
from tests.api.wire import GOOD, HEAD, asked, get, post
from tests.conftest import KEY, MakeApp
from tests.driver import Driver
from tests.faults.test_answers import add, url

__all__ = ["url"]


async def statuses(url: str, count: int, request: bytes = get(b"/v2/me")) -> list[int]:
    return [(await asked(url, request)).status for _ in range(count)]


@pytest.mark.parametrize(
    ("match", "is_meant"),
    [
        ({}, True),
        ({"method": "post"}, True),
        ({"method": "GET"}, False),
        ({"path": "/v2/images/*"}, True),
        ({"path": "/v2/images"}, False),
        ({"operation": "images.*"}, True),
        ({"operation": "jobs.list"}, False),
        ({"model": "flux-2-pro"}, True),
        ({"model": "flux-*"}, True),
        ({"model": "midjourney"}, False),
        ({"key": KEY}, True),
        ({"key": "afk_other"}, False),
        ({"prompt": "FOX"}, True),
        ({"prompt": "a*x"}, True),
        ({"prompt": "bear"}, False),
        ({"headers": {"Idempotency-Key": "*"}}, True),
        ({"headers": {"x-absent": "*"}}, False),
        ({"body": {"model": "flux-2-pro"}}, True),
        ({"body": {"fluxParams": {}}}, False),
        ({"method": "POST", "model": "flux-*", "prompt": "fox", "call": 1}, True),
        ({"call": 2}, False),
    ],
)
async def test_a_rule_means_what_fits_every_part_of_its_match(
    driver: Driver, url: str, match: dict[str, Any], *, is_meant: bool
) -> None:
    await add(driver, match=match, respond={"status": 599})
    reply = await asked(url, post(GOOD, b"Idempotency-Key: k"))
    assert reply.status == (599 if is_meant else 202)


async def test_times_counts_the_requests_that_fit(driver: Driver, url: str) -> None:
    await add(driver, match={"path": "/v2/me"}, respond={"status": 503}, times=2)
    await asked(url, get(b"/v2/jobs"))
    assert await statuses(url, 4) == [503, 503, 200, 200]
    [rule] = (await driver.pull("GET", "faults"))["faults"]
    assert (rule["matched"], rule["fired"], rule["left"]) == (4, 2, 0)


async def test_a_schedule_goes_entry_by_entry_and_then_lets_pass(driver: Driver, url: str) -> None:
    schedule = [503, "pass", {"status": 429, "headers": {"Retry-After": "9"}}, "fire"]
    await add(driver, schedule=schedule, respond={"status": 500})
    assert await statuses(url, 6) == [503, 200, 429, 500, 200, 200]


async def test_calls_are_counted_from_one(driver: Driver, url: str) -> None:
    await add(driver, match={"call": [2, 4]}, respond={"status": 503})
    assert await statuses(url, 5) == [200, 503, 200, 503, 200]


async def test_chance_is_the_same_in_every_run_of_a_seed_and_as_likely_as_is_said(
    make_app: MakeApp,
) -> None:
    runs = []
    for seed in (1, 1, 2):
        app = await make_app(seed=seed)
        app.faults.add([{"id": "maybe", "respond": {"status": 503}, "probability": 0.3}])
        runs.append(await statuses(app.url, 60))
    assert runs[0] == runs[1] != runs[2]
    assert 8 <= runs[0].count(503) <= 30


async def test_a_window_opens_and_closes_by_the_mocks_clock(driver: Driver, url: str) -> None:
    rule = await add(driver, **{"from": "30s", "for": "20s"}, respond={"status": 503})
    assert (rule["begins"], rule["ends"]) == ("2026-01-01T00:00:30.000Z", "2026-01-01T00:00:50.000Z")
    seen = []
    for span in (0, 29.5, 0.5, 19.5, 0.5):
        await driver.advance(span)
        seen += await statuses(url, 1)
    assert seen == [200, 200, 503, 503, 200]


async def test_every_rule_fires_in_order_until_one_replaces_the_answer(driver: Driver, url: str) -> None:
    await add(driver, id="type", contentType="text/plain")
    await add(driver, id="first", respond={"status": 503})
    await add(driver, id="second", respond={"status": 500})
    reply = await asked(url, get(b"/v2/me"))
    assert reply.status == 503
    rules = (await driver.pull("GET", "faults"))["faults"]
    assert {rule["id"]: rule["fired"] for rule in rules} == {"type": 1, "first": 1, "second": 0}


async def test_a_rule_of_the_same_id_takes_the_place_of_the_one_before(driver: Driver, url: str) -> None:
    await add(driver, id="one", respond={"status": 503})
    await add(driver, id="one", respond={"status": 500})
    assert await statuses(url, 1) == [500]
    assert len((await driver.pull("GET", "faults"))["faults"]) == 1


async def test_a_list_is_added_whole_or_not_at_all(driver: Driver) -> None:
    good, bad = {"respond": {"status": 503}}, {"respond": {"status": 99}}
    problem = await driver.pull("POST", "faults", [good, bad], status=400)
    assert problem["errors"] == {"[1].respond.status": ["99 will not do: want a status from 200 to 599"]}
    assert (await driver.pull("GET", "faults"))["faults"] == []
    added = await driver.pull("POST", "faults", [good, {**good, "id": "x"}], status=201)
    assert [rule["id"] for rule in added["faults"]] == ["fault-1", "x"] or len(added["faults"]) == 2


async def test_rules_are_removed_one_by_one_by_key_or_all(driver: Driver) -> None:
    for name, match in (("a", {}), ("b", {"key": "afk_test"}), ("c", {"key": "afk_test_poor"})):
        await add(driver, id=name, match=match, respond={"status": 503})
    await driver.pull("DELETE", "faults?key=afk_test", status=204)
    assert [rule["id"] for rule in (await driver.pull("GET", "faults"))["faults"]] == ["a", "c"]
    await driver.pull("DELETE", "faults/a", status=204)
    problem = await driver.pull("DELETE", "faults/a", status=404)
    assert '"a"' in problem["detail"]
    await driver.pull("DELETE", "faults", status=204)
    assert (await driver.pull("GET", "faults"))["faults"] == []


async def test_a_key_is_never_shown(driver: Driver) -> None:
    rule = await add(driver, match={"key": "afk_0123456789abcdef"}, respond={"status": 503})
    assert rule["match"]["key"] == "afk_0123…"
    assert "456789" not in str(await driver.pull("GET", "faults"))


async def test_a_reset_forgets_rules(driver: Driver, url: str) -> None:
    await add(driver, respond={"status": 503})
    await driver.pull("POST", "reset")
    assert await statuses(url, 1) == [200]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "does nothing: want one of respond, gateway, delay"),
        ({"respond": {}}, 'respond: lacks "status"'),
        ({"respond": {"status": "503"}}, 'respond.status: "503" will not do: want a status from 200 to 599'),
        ({"repond": {"status": 503}}, 'there is no "repond"; did you mean "respond"?'),
        ({"respond": {"status": 503}, "gateway": 502}, "respond and gateway contradict each other"),
        ({"respond": {"status": 503}, "times": 0}, "times: 0 will not do: want a whole number from 1"),
        ({"respond": {"status": 503}, "times": 1, "probability": 0.5}, "times and probability contradict each other"),
        ({"respond": {"status": 503}, "probability": 2}, "probability: 2 will not do: want a number from 0 to 1"),
        ({"delay": "soon"}, 'delay: "soon" will not do: want a span, as in "2s"'),
        ({"drop": "during"}, 'drop: "during" will not do: want "before" or "after"'),
        ({"truncate": -1}, "truncate: -1 will not do"),
        ({"match": {"modle": "x"}, "drop": "before"}, 'match: there is no "modle"; did you mean "model"?'),
        ({"job": {"fail": True}, "delay": "1s"}, "delay is about answers, job about jobs: want two rules"),
        ({"webhook": "lost"}, 'webhook: "lost" will not do: want "drop", "lose-final"'),
        ({"respond": {"status": 200, "headers": {"Content-Length": "1"}}}, "Content-Length is the server's own"),
        ({"schedule": ["fire", 503]}, '"fire" does what the rule says, and it says nothing'),
        ({"commit": True, "drop": "after"}, "goes with respond or gateway"),
        ("503", '"503" will not do: want an object'),
    ],
)
async def test_a_rule_that_will_not_do_is_refused_with_its_place_and_what_is_allowed(
    driver: Driver, rule: Any, said: str
) -> None:
    problem = await driver.pull("POST", "faults", rule, status=400)
    assert said in problem["detail"]
    assert (await driver.pull("GET", "faults"))["faults"] == []


async def test_there_is_an_end_to_the_number_of_rules(make_app: MakeApp) -> None:
    app = await make_app()
    app.faults.add([{"drop": "before"}] * 1000)
    with pytest.raises(DocumentError, match="1000 rules are the most"):
        app.faults.add([{"drop": "before"}])


async def test_requests_of_other_keys_use_no_rule_up(driver: Driver, url: str) -> None:
    await add(driver, match={"key": KEY}, respond={"status": 503}, times=1)
    other = HEAD.replace(b"afk_test", b"afk_test_poor")
    assert await statuses(url, 2, get(b"/v2/me", other)) == [200, 200]
    assert await statuses(url, 2) == [503, 200]
