"""Views of one key: tests that share a server see and change what is theirs alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mockserver import ControlError, MockServer
from mockserver.client.team import NewKey
from mockserver.webhook_inbox import WebhookInboxes
from tests.client.conftest import COST, MODEL, asked, submitted


def test_what_one_key_does_the_others_do_not_see(mock: MockServer, inboxes: WebhookInboxes) -> None:
    with mock.new_key(speed="instant") as one, mock.new_key(speed="instant") as two:
        inbox = inboxes.open(one.key)
        job_id = submitted(one, webhookUrl=inbox.url)
        assert inbox.wait()[0].job_id == job_id
        one.faults.add(respond=503)
        one.scenario("queue-outage")
        for _ in range(2):
            asked(one, "POST", "/v2/images/generate", {"model": MODEL})
        assert ([job.id for job in one.jobs], len(one.requests), len(one.webhooks)) == ([job_id], 3, 1)
        assert (list(two.jobs), len(two.requests), len(two.webhooks)) == ([], 0, 0)
        assert (len(two.faults), list(two.findings), two.summary().requests) == (0, [], 0)
        assert asked(two, "GET", "/v2/me")[0] == 200
        two.expect(1)
        assert (one.summary().jobs, one.team.credits, two.team.credits) == (1, 1_000_000 - COST, 1_000_000)
        two.faults.clear()
        two.requests.clear()
        two.reset()
        assert (len(one.requests), asked(one, "GET", "/v2/me")[0]) == (3, 503)
        assert len(mock.requests) == 5


def test_the_next_job_that_fails_is_one_of_the_key(mock: MockServer) -> None:
    mock.team.speed = "instant"
    with mock.new_key(speed="instant") as view:
        mock.fail_next("no capacity")
        job_ids = [submitted(view), submitted(mock)]
        assert [mock.jobs[job_id].status for job_id in job_ids] == ["COMPLETED", "FAILED"]


def test_a_key_is_made_as_it_is_wanted(mock: MockServer) -> None:
    with mock.new_key(credits=5, rate_limit="1/1h", retention="10s", speed=60, name="Mine", key="afk_wanted") as view:
        assert (view.key, view.team.credits, view.team.retention, view.team.speed) == ("afk_wanted", 5, "10s", 60)
        me = asked(view, "GET", "/v2/me")
        assert (me[0], me[1]["apiKey"]["name"]) == (200, "Mine")
        assert asked(view, "GET", "/v2/me")[0] == 429
    several: list[tuple[NewKey, int]] = [({"active": False}, 403), ({"queue_down": True}, 503), ({"credits": 1}, 402)]
    for fields, status in several:
        with mock.new_key(**fields) as view:
            assert asked(view, "POST", "/v2/images/generate", {"model": MODEL, "prompt": "a fox"})[0] == status


def test_what_is_said_beside_a_scenario_stays_as_it_is_said(mock: MockServer) -> None:
    scenario = {"about": "little", "credits": 3, "settings": {"speed": 2, "rate-limit": "1/1h"}}
    with mock.new_key(scenario=scenario) as view:
        assert (view.team.credits, view.team.speed) == (3, 2)
    with mock.new_key(scenario=scenario, credits=9, speed="instant", rate_limit="9/1h") as view:
        assert (view.team.credits, view.team.speed) == (9, float("inf"))
        assert [asked(view, "GET", "/v2/me")[0] for _ in range(2)] == [200, 200]
    with pytest.raises(ControlError, match="no-such"):
        mock.new_key(scenario="no-such", key="afk_gone")
    with mock.new_key(key="afk_gone"):
        pass


def test_closed_it_leaves_no_key_no_fault_and_the_clock_as_it_was(mock: MockServer) -> None:
    mock.clock.speed = 2
    with mock.new_key() as view:
        view.clock.freeze()
        view.clock.speed = 60
        view.faults.add(respond=503)
        view.scenario("queue-outage")
    assert (mock.clock.is_frozen, mock.clock.speed, list(mock.faults)) == (False, 2, [])
    assert asked(view, "GET", "/v2/me")[0] == 401
    with mock.new_key():
        mock.clock.freeze()
    assert mock.clock.is_frozen


def test_after_a_reset_of_the_server_it_closes_quietly(mock: MockServer) -> None:
    with mock.new_key() as view:
        mock.reset()
        assert asked(view, "GET", "/v2/me")[0] == 401


def test_near_misses_are_those_of_its_key_and_of_keys_that_are_not_known(mock: MockServer) -> None:
    submitted(mock)
    with mock.new_key() as view, mock.new_key() as other:
        submitted(mock)
        submitted(other)
        asked(view, "GET", "/v2/me", **{"X-API-Key": "afk_wrong"})
        with pytest.raises(AssertionError) as raised:
            view.expect(path="/v2/me")
        assert str(raised.value).split("\n") == [
            'wanted at least 1 of the requests that fit {"path":"/v2/me"}, found 0 among 1',
            "nearest:",
            f"  #4 GET /v2/me -> 401: key is no known key, wanted {view.key[:8]}…",
        ]
        assert [request.number for request in view.requests.strays()] == [4]


def test_views_work_side_by_side(mock: MockServer) -> None:
    def play(number: int) -> tuple[int, int, list[str]]:
        with mock.new_key(speed="instant", credits=COST * number) as view:
            view.fail_next("no capacity")
            ids = [submitted(view) for _ in range(number)]
            view.expect(number, method="POST")
            return view.summary().jobs, len(view.requests), [view.jobs[job_id].status for job_id in ids]

    with ThreadPoolExecutor(8) as pool:
        played = list(pool.map(play, [number % 4 + 1 for number in range(24)]))
    assert played == [
        (count, count, ["FAILED", *["COMPLETED"] * (count - 1)]) for count in (number % 4 + 1 for number in range(24))
    ]
