"""Every lever from Python, the same way against a server in this process and against one elsewhere."""

import json
import math
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mockserver import Control, ControlError, MockServer
from mockserver.client.findings import Summary
from mockserver.webhook_inbox import WebhookInbox, WebhookInboxes
from tests.client.conftest import COST, MODEL, asked, submitted

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(params=["in-process", "elsewhere", "one key"])
def mock(request: pytest.FixtureRequest) -> Iterator[Control]:
    with MockServer(seed=7) as server:
        if request.param == "in-process":
            yield server
        elif request.param == "elsewhere":
            with Control(server.url) as control:
                yield control
        else:
            with server.new_key() as view:
                yield view


@pytest.fixture
def inbox(mock: Control, inboxes: WebhookInboxes) -> WebhookInbox:
    return inboxes.open(mock.key)


def test_addresses_and_key_are_told(mock: Control) -> None:
    assert mock.url.startswith("http://127.0.0.1:")
    assert mock.control_url == f"{mock.url}/_mock"
    assert mock.key.startswith("afk_")
    assert mock.token == ""
    assert mock.url in repr(mock)
    assert asked(mock, "GET", "/v2/me")[1]["team"]["id"] == mock.team.id


def test_the_clock_is_read_moved_stopped_and_sped_up(mock: Control) -> None:
    mock.clock.freeze()
    assert mock.clock.is_frozen
    began = mock.clock.now
    assert began.tzinfo == UTC
    for span in ("30s", 30, 30.0, timedelta(seconds=30)):
        before = mock.clock.now
        assert mock.clock.advance(span).result() == mock.clock.now == before + timedelta(seconds=30)
    later = began + timedelta(hours=1)
    mock.clock.set(later)
    assert mock.clock.now == later
    mock.clock.set("2099-01-01T00:00:00Z")
    mock.clock.set(datetime(2099, 1, 2))  # noqa: DTZ001 - what is tested
    assert mock.clock.now == datetime(2099, 1, 2, tzinfo=UTC)
    mock.clock.speed = 60
    mock.clock.thaw()
    assert (mock.clock.speed, mock.clock.is_frozen) == (60, False)
    mock.clock.restore()
    assert (mock.clock.speed, mock.clock.is_frozen) == (1, False)
    with pytest.raises(ControlError, match="Time only moves forward"):
        mock.clock.set("2001-01-01T00:00:00Z")
    with pytest.raises(ControlError, match='"soon" is no duration'):
        mock.clock.advance("soon")


def test_the_team_is_read_and_changed(mock: Control) -> None:
    team = mock.team
    assert (team.credits, team.plan, team.speed, team.retention) == (1_000_000, "pro", None, None)
    team.credits = 5
    team.name, team.plan, team.max_concurrent_jobs, team.modalities = "Mine", "free", 2, ["image"]
    team.speed, team.retention = "instant", 10
    assert (team.credits, team.name, team.plan) == (5, "Mine", "free")
    assert (team.max_concurrent_jobs, list(team.modalities)) == (2, ["image"])
    assert (team.speed, team.retention) == (math.inf, "10s")
    assert asked(mock, "GET", "/v2/me")[1]["team"]["credits"] == 5
    team.speed, team.retention, team.max_concurrent_jobs = math.inf, timedelta(minutes=1), None
    assert (team.speed, team.retention, team.max_concurrent_jobs) == (math.inf, "60s", None)
    with pytest.raises(ControlError, match="credits"):
        team.credits = -1


def test_a_fault_is_added_counted_and_removed(mock: Control) -> None:
    fault = mock.faults.add(method="POST", model="flux-*", respond=503, times=2, id="outage")
    assert [asked(mock, "POST", "/v2/images/generate", {"model": MODEL, "prompt": "a fox"})[0] for _ in range(3)] == [
        503,
        503,
        202,
    ]
    assert (fault.id, fault.matched, fault.fired, fault.left) == ("outage", 3, 2, 0)
    assert list(mock.faults) == [fault]
    assert mock.requests[0].faults == ("outage",)
    fault.remove()
    assert len(mock.faults) == 0
    for gone in (fault.remove, lambda: mock.faults.remove("outage"), lambda: fault.fired):
        with pytest.raises(ControlError, match='there is no rule "outage"'):
            gone()


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"path": "/v2/me", "respond": 429}, {"match": {"path": "/v2/me"}, "respond": {"status": 429}}),
        ({"delay": 0.5, "for_": "20s", "from_": 30}, {"delay": "0.5s", "for": "20s", "from": "30s"}),
        ({"delay": {"min": 1, "max": "2s"}}, {"delay": {"min": "1s", "max": "2s"}}),
        ({"content_type": "text/plain", "call": [1, 3]}, {"match": {"call": [1, 3]}, "contentType": "text/plain"}),
        ({"respond": {"status": 500, "body": {}}}, {"respond": {"status": 500, "body": {}}}),
        ({"match": {"model": "x"}, "prompt": "y", "drop": "after"}, {"match": {"model": "x", "prompt": "y"}}),
    ],
)
def test_the_fields_of_a_fault_are_those_of_its_json(
    mock: Control, fields: dict[str, Any], rule: dict[str, Any]
) -> None:
    shown = mock.faults.add(fields).rule
    match = {name: value for name, value in shown.get("match", {}).items() if name != "key"}
    assert {**shown, "match": match} == {**shown, "match": {}, **rule}
    mock.faults.add(**fields)
    mock.faults.clear()
    assert list(mock.faults) == []


def test_a_fault_that_will_not_do_says_what_would(mock: Control) -> None:
    with pytest.raises(ControlError, match=r'there is no "tims"; did you mean "times"') as raised:
        mock.faults.add(respond=503, tims=2)
    assert raised.value.status == 400


def test_the_next_job_fails_on_demand(mock: Control) -> None:
    mock.team.speed = "instant"
    mock.fail_next("no capacity", prompt="fox")
    fails, goes_on, completes = submitted(mock, "a fox"), submitted(mock, "a fox"), submitted(mock, "a bear")
    assert [mock.jobs[job].status for job in (fails, goes_on, completes)] == ["FAILED", "COMPLETED", "COMPLETED"]
    assert asked(mock, "GET", f"/v2/jobs/{fails}")[1]["error"] == "no capacity"
    mock.fail_next(model="no-such-*")
    assert mock.jobs[submitted(mock)].status == "COMPLETED"


def test_jobs_are_found_watched_and_ended(mock: Control) -> None:
    mock.clock.freeze()
    ids = []
    for _ in range(5):
        ids.append(submitted(mock))
        mock.clock.advance("1ms")
    first, second, third, fourth, fifth = mock.jobs
    assert [job.id for job in mock.jobs] == ids
    assert (len(mock.jobs), ids[0] in mock.jobs, first in mock.jobs) == (5, True, True)
    assert (mock.jobs[0], mock.jobs[ids[0]], mock.jobs[-2:]) == (first, first, [fourth, fifth])
    assert len({first, mock.jobs[0], second}) == 2
    assert (first.id, first.model, first.status, first.progress) == (ids[0], MODEL, "PROCESSING", 0)
    first.progress_to(40)
    assert (first.status, first.progress, first.webhook_status) == ("PROCESSING", 40, None)
    first.complete()
    first.expire()
    assert (first.status, first.progress, first.is_expired) == ("COMPLETED", 100, True)
    second.fail("no capacity")
    third.fail()
    fourth.cancel()
    assert [job.status for job in (second, third, fourth)] == ["FAILED", "FAILED", "CANCELLED"]
    assert asked(mock, "GET", f"/v2/jobs/{ids[1]}")[1]["error"] == "no capacity"
    assert fifth.shown()["plan"]["outcome"] == "COMPLETED"
    with pytest.raises(ControlError, match="Job has ended"):
        second.complete()
    assert NOBODY not in mock.jobs
    with pytest.raises(KeyError, match="there is no job"):
        mock.jobs[NOBODY]


def test_the_training_of_a_lora_is_a_job_that_can_be_ended(mock: Control) -> None:
    mock.clock.freeze()
    done, failed = trained(mock), trained(mock)
    mock.clock.advance("1ms")
    picture = submitted(mock)
    assert [(job.id, job.operation) for job in mock.jobs][2:] == [(picture, "images.generate")]
    assert {job.id for job in mock.jobs[:2]} == {done, failed}
    mock.jobs[done].complete()
    mock.jobs[failed].fail("too dark")
    shown = asked(mock, "GET", "/v2/loras")[1]["items"]
    assert {(lora["id"], lora["status"], lora["error"]) for lora in shown} == {
        (done, "READY", None),
        (failed, "FAILED", "too dark"),
    }
    operations = {"images.generate": 1, "loras.create": 2}
    assert (mock.summary().operations, mock.summary().credits_spent) == (operations, 2 + 255 + COST)


def trained(mock: Control) -> str:
    """The id of a new LoRA."""
    fields = {"name": "Ann", "subjectKind": "style"}
    head = 'Content-Disposition: form-data; name="{}"'
    parts = [f"{head.format(name)}\r\n\r\n{value}" for name, value in fields.items()]
    parts += [f'{head.format("images")}; filename="a.png"\r\n\r\n\x89PNG\r\n\x1a\n'] * 15
    form = "".join(f"--B\r\n{part}\r\n" for part in parts) + "--B--\r\n"
    headers = {"X-API-Key": mock.key, "Content-Type": "multipart/form-data; boundary=B"}
    request = urllib.request.Request(f"{mock.url}/v2/loras", form.encode("latin-1"), headers)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - as above
        return str(json.load(answer)["id"])


def test_a_team_makes_what_it_may(mock: Control) -> None:
    mock.team.modalities = ["music"]
    song = {"model": "suno", "prompt": "a fox"}
    assert asked(mock, "POST", "/v2/music/generate", song)[0] == 202
    assert asked(mock, "POST", "/v2/images/generate", {"model": MODEL, "prompt": "a fox"}) == (
        403,
        {"error": "Image generation is not enabled for your team"},
    )
    assert list(mock.team.modalities) == ["music"]


def test_requests_are_a_sequence(mock: Control) -> None:
    assert (list(mock.requests), len(mock.requests), bool(mock.requests)) == ([], 0, False)
    job_id = submitted(mock, "a red fox")
    asked(mock, "GET", f"/v2/jobs/{job_id}", **{"X-Trace": "on"})
    first, second = mock.requests
    assert (str(first), first.number) == ("#1 POST /v2/images/generate -> 202", 1)
    assert (first.operation, first.job_id, first.credits) == ("images.generate", job_id, COST)
    assert (first.body, first.answer) == (
        {"model": MODEL, "prompt": "a red fox"},
        {"jobId": job_id, "status": "QUEUED"},
    )
    assert (first.key, first.is_replay, first.faults, first.findings) == (
        mock.key[:8][: len(mock.key) - 4],
        False,
        (),
        (),
    )
    assert (second.headers["x-trace"], "X-TRACE" in second.headers, len(second.headers)) == ("on", True, 7)
    assert second.answer_headers["Content-Type"].startswith("application/json")
    assert (mock.requests[-1], mock.requests[:1], first in mock.requests) == (second, [first], True)
    assert (mock.requests == [first, second], list(reversed(mock.requests))) == (True, [second, first])
    assert mock.requests.find(method="POST", prompt="RED", body={"model": MODEL}) == [first]
    assert mock.requests.find(headers={"x-trace": "*"}, status="2xx", job=job_id) == [second]
    assert mock.requests.wait(count=2, path="/v2/*") == [first, second]
    assert mock.requests.wait(operation="jobs.get")[0] == second
    assert len(mock.requests.har()["log"]["entries"]) == 2
    assert [each["request"]["method"] for each in mock.requests.har(method="GET")["log"]["entries"]] == ["GET"]
    mock.requests.clear()
    assert (mock.requests == [], mock.requests.find(method="POST")) == (True, [])
    with pytest.raises(ControlError, match='there is no "modle"'):
        mock.requests.find(modle="flux-*")  # type: ignore[call-arg] # what is tested


def test_waiting_for_a_request_that_does_not_come_shows_what_came_near(mock: Control) -> None:
    submitted(mock)
    with pytest.raises(TimeoutError) as raised:
        mock.requests.wait(method="DELETE", timeout="10ms")
    assert str(raised.value).split("\n") == [
        'within 0.01 s: wanted at least 1 of the requests that fit {"method":"DELETE"}, found 0 among 1',
        "nearest:",
        "  #1 POST /v2/images/generate -> 202: method is POST, wanted DELETE",
    ]
    with pytest.raises(TimeoutError, match="found 1 among 1"):
        mock.requests.wait(count=2, timeout=0)


def test_what_is_expected_is_there_or_the_nearest_misses_are_told(mock: Control) -> None:
    submitted(mock, "a fox")
    submitted(mock, "a bear")
    mock.expect(method="POST")
    mock.expect(2, model="flux-*")
    mock.expect(min=1, max=3, path="/v2/images/*", timeout=1)
    mock.expect(0, method="DELETE")
    with pytest.raises(AssertionError) as raised:
        mock.expect(1, prompt="cat", method="POST")
    assert str(raised.value).split("\n") == [
        'wanted exactly 1 of the requests that fit {"prompt":"cat","method":"POST"}, found 0 among 2',
        "nearest:",
        "  #2 POST /v2/images/generate -> 202: prompt is a bear, wanted cat",
        "  #1 POST /v2/images/generate -> 202: prompt is a fox, wanted cat",
    ]
    mock.expect_order([{"prompt": "fox"}, {"prompt": "bear"}])
    with pytest.raises(AssertionError, match="#1, which came before, does"):
        mock.expect_order([{"prompt": "bear"}, {"prompt": "fox"}])


def test_webhooks_are_a_sequence_that_can_be_waited_for_and_sent_again(mock: Control, inbox: WebhookInbox) -> None:
    mock.clock.freeze()
    job_id = submitted(mock, webhookUrl=inbox.url, webhookEvents=["progress", "completed"])
    mock.clock.advance("10m")
    final = mock.webhooks[-1]
    assert (final.job_id, final.event, final.status, final.due_at) == (job_id, "completed", "delivered", None)
    [attempt] = final.attempts
    assert (attempt.number, attempt.url, attempt.status, attempt.error) == (1, inbox.url, 200, None)
    assert (attempt.body["jobId"], attempt.headers["x-webhook-event"]) == (job_id, "completed")
    assert mock.webhooks.wait(job=job_id, event="completed") == [final]
    assert mock.webhooks.find(event="completed", status="failed") == []
    again = mock.webhooks.redeliver(final).result()
    assert [each.status for each in again.attempts] == [200, 200]
    assert [each.event for each in inbox.received[-2:]] == ["completed", "completed"]
    assert mock.jobs[job_id].webhook_status == "delivered"
    with pytest.raises(ControlError, match="No such delivery"):
        mock.webhooks.redeliver("none")


def test_waiting_for_a_webhook_that_does_not_come_shows_what_there_is(mock: Control, inbox: WebhookInbox) -> None:
    with pytest.raises(TimeoutError, match="no job asks for webhooks"):
        mock.webhooks.wait(timeout=0.01)
    mock.clock.freeze()
    job_id = submitted(mock, webhookUrl=inbox.url)
    with pytest.raises(TimeoutError) as raised:
        mock.webhooks.wait(event="completed", count=2, timeout=0.01)
    first, second, third = str(raised.value).split("\n")
    assert first.startswith("within 0.01 s, 0 of 2 webhooks (event completed) were tried; the clock shows 2")
    assert (first.endswith("Z and stands still"), second) == (True, "there are:")
    assert third.startswith(f"  completed of job {job_id}: pending, not tried yet, due 2")


def test_findings_and_summary_tell_what_came_of_it(mock: Control) -> None:
    assert mock.findings == []
    refused = {"model": "none", "prompt": "a fox"}
    assert [asked(mock, "POST", "/v2/images/generate", refused)[0] for _ in range(2)] == [400, 400]
    submitted(mock)
    [finding] = mock.findings
    assert (finding.id, finding.count, mock.findings.ids) == ("REFUSAL-RETRIED", 1, ["REFUSAL-RETRIED"])
    assert finding.occurrences[0].requests == (1, 2)
    assert mock.requests[1].findings == ("REFUSAL-RETRIED",)
    assert str(finding).split("\n")[0] == "REFUSAL-RETRIED, 1x: Sent a refused request again unchanged"
    none = {"pending": 0, "delivered": 0, "failed": 0}
    assert mock.summary() == Summary(3, 1, COST, none, 0, {"REFUSAL-RETRIED": 1}, {"images.generate": 1})
    mock.findings.clear()
    assert list(mock.findings) == []


def test_a_scenario_is_played_by_name_or_content_and_ended(mock: Control) -> None:
    mock.scenario("out-of-credits")
    assert mock.team.credits < 1_000
    mock.scenario({"about": "nothing works", "faults": [{"respond": {"status": 503}}]})
    assert asked(mock, "GET", "/v2/me")[0] == 503
    mock.scenario(None)
    assert (asked(mock, "GET", "/v2/me")[0], mock.team.credits) == (200, 1_000_000)
    with pytest.raises(ControlError, match="no-such"):
        mock.scenario("no-such")


def test_a_reset_takes_back_what_was_done(mock: Control) -> None:
    submitted(mock)
    mock.team.credits = 1
    mock.faults.add(respond=503)
    mock.reset()
    assert (mock.team.credits, list(mock.faults), list(mock.requests)) == (1_000_000, [], [])
    assert asked(mock, "GET", "/v2/me")[0] == 200
