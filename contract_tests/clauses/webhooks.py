"""WH: deliveries, their signatures and their repetition."""

import json
import threading
from pathlib import Path
from typing import Any

from contract_tests.clause import Level, Method, Need, clause
from contract_tests.clauses.lifecycle import at
from contract_tests.contract import schemas_folder
from contract_tests.outcome import Skip
from contract_tests.receiver import EVENT_HEADER, SIGNATURE_HEADER, Mailbox, signatures
from contract_tests.story import TERMINAL
from contract_tests.trial import OK, Trial

_DOCS = "facts 9"
_GOLDEN = [Need.GOLDEN_JOB, Need.RECEIVER]
_MOCK = [Need.LEVERS, Need.RECEIVER]
MAIL_S = 5.0
"""Real time in which a delivery that was attempted must have come in."""
HOURS_S = 3600.0
TWICE = 2
LONGER_THAN_A_TIMEOUT_S, SHORTER_THAN_A_TIMEOUT_S = 15.0, 0.9


def _vectors() -> list[dict[str, Any]]:
    path: Path = schemas_folder().parent / "fixtures" / "signatures.json"
    vectors: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["vectors"]
    return vectors


@clause(
    "WH-1",
    "A delivery is signed: HMAC-SHA256 over the exact bytes of its body, made from the submitting API key.",
    level=Level.MUST,
    source="the vendor's client; facts 9",
    method=Method.PROPERTY,
    tier=1,
    needs=_GOLDEN,
    broken_by="signature-over-reformatted-body",
)
def deliveries_are_signed(trial: Trial) -> None:
    """Verifies every delivery of the watched jobs with both readings of the scheme, which known vectors check first."""
    for vector in _vectors():
        made = signatures(vector["key"], vector["body"].encode())
        trial.require(made == vector["signatures"], f"{vector['signatures']}", f"{made}")
    found = set()
    came = 0
    for story in trial.stories():
        story.must_be_new()
        for mail in story.mail:
            came += 1
            readings = signatures(story.client.key, mail.body)
            header = mail.header(SIGNATURE_HEADER) or ""
            fits = [name for name, value in readings.items() if header in (value, value.removeprefix("sha256="))]
            trial.require(fits, f"{SIGNATURE_HEADER}: {readings['hex']} (or raw: {readings['raw']})", header or "none")
            trial.require(mail.header(EVENT_HEADER) == mail.event, f"{EVENT_HEADER}: {mail.event}", mail.summary)
            found.update(fits)
    if not came:
        trial.exercised = 0  # the vectors are ours: without a delivery nothing of the target was tested
    if found:
        trial.record("HMAC key", " and ".join(sorted(found)))


@clause(
    "WH-2",
    "Only the events that were asked for are sent; without a wish, `completed` and `failed`.",
    level=Level.MUST,
    source="document, webhookEvents; facts 9",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=_GOLDEN,
    broken_by="all-events-sent",
)
def only_wanted_events(trial: Trial) -> None:
    """Compares what came for each watched job with what its submission asked for."""
    for story in trial.stories():
        story.must_be_new()
        if story.mailbox is None:
            continue
        for mail in story.mail:
            if story.plot.events:
                trial.require(mail.event in story.events, f"only {', '.join(story.events)}", mail.summary)
            else:
                trial.record("default events", sorted({each.event for each in story.mail}))
        trial.require(
            story.plot.events or all(mail.event != "progress" for mail in story.mail),
            "no progress unless asked for",
            f"{[mail.event for mail in story.mail]}",
        )


@clause(
    "WH-3",
    "A job sends exactly one final event, repetitions aside.",
    level=Level.MUST,
    source=_DOCS,
    method=Method.HISTORY,
    tier=1,
    needs=_GOLDEN,
    broken_by="terminal-event-twice",
)
def one_final_event(trial: Trial) -> None:
    """Counts the final events of each watched job whose receiver took everything at once."""
    for story in trial.stories():
        story.must_be_new()
        if story.mailbox is None or not story.is_over:
            continue
        wanted = [name for name in ("completed", "failed") if name.upper() == story.last["status"]]
        wanted = [name for name in wanted if name in story.events]
        final = [mail.event for mail in story.mail if mail.event != "progress"]
        trial.require(final == wanted, f"final events {wanted}", f"{final}")


def _failing(statuses: list[int]) -> Any:
    """Answers with these statuses, one after the other, then 200."""
    return lambda number: (statuses[number] if number < len(statuses) else OK, {})


def _redirecting(status: int, address: str) -> Any:
    """Answers with a redirect."""
    return lambda _: (status, {"Location": address})


def _sent(trial: Trial, box: Mailbox, *, events: tuple[str, ...] = ("completed",)) -> tuple[Any, str]:
    """A user and a job whose events go to the mailbox."""
    client = trial.client()
    return client, trial.accepted(client, trial.body(webhookUrl=box.url, webhookEvents=list(events)))


def _settle(trial: Trial, client: Any, job_id: str) -> str:
    """The job's webhookStatus once hours have passed for it."""
    for step_s in (1, 2, 5, 10, 60, 600, HOURS_S, 6 * HOURS_S, 24 * HOURS_S, 72 * HOURS_S):
        job = trial.job(client, job_id)
        if job["webhookStatus"] != "pending":
            break
        trial.session.pass_time(step_s)
    return str(trial.job(client, job_id)["webhookStatus"])


@clause(
    "WH-4",
    "A 2xx ends a delivery; another status or a time-out is tried again, ever later, but not for ever.",
    level=Level.MUST,
    source=_DOCS,
    method=Method.STATE_MACHINE,
    tier=3,
    needs=_MOCK,
    broken_by="no-retry",
)
def failed_deliveries_are_repeated(trial: Trial) -> None:
    """Lets receivers fail once, for ever, and hang, and moves time in small steps to see when attempts come."""
    for first in (500, 404, 302):
        box = trial.mailbox(_failing([first]))
        client, job_id = _sent(trial, box)
        trial.levers.end_job(job_id, complete=True)
        status = _settle(trial, client, job_id)
        trial.require(len(box.received) == TWICE, f"a second attempt after {first}", f"{len(box.received)} attempts")
        trial.require(status == "delivered", "webhookStatus delivered", status)
        trial.session.pass_time(HOURS_S)
        trial.require(len(box.received) == TWICE, "no attempt after a 2xx", f"{len(box.received)} attempts")
    box = trial.mailbox(_failing([500] * 1000))
    client, job_id = _sent(trial, box)
    trial.levers.end_job(job_id, complete=True)
    gaps = _gaps(trial, box)
    trial.require(gaps == sorted(gaps), "growing gaps", f"{gaps} s")
    status = _settle(trial, client, job_id)
    trial.require(status == "failed", "webhookStatus failed in the end", status)
    came_again = threading.Event()

    def hang(number: int) -> tuple[int, dict[str, str]]:
        if number == 0:
            came_again.wait(LONGER_THAN_A_TIMEOUT_S)
        came_again.set()
        return OK, {}

    hangs = trial.mailbox(hang)
    client, job_id = _sent(trial, hangs)
    trial.levers.end_job(job_id, complete=True)
    _settle(trial, client, job_id)
    trial.require(len(hangs.received) > 1, "another attempt after a time-out", f"{len(hangs.received)} attempts")


def _gaps(trial: Trial, box: Mailbox) -> list[float]:
    """Seconds of the target's time between attempts, to half a second, watched for a minute."""
    gaps, since = [], 0.0
    count = len(box.received)
    for _ in range(60):
        trial.session.pass_time(0.5)
        since += 0.5
        if len(box.received) > count:
            gaps += [since] + [0.0] * (len(box.received) - count - 1)
            count, since = len(box.received), 0.0
    return gaps


@clause(
    "WH-5",
    "`webhookStatus` is pending until the final event was delivered or given up, then delivered or failed.",
    level=Level.MUST,
    source="document, webhookStatus",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=_GOLDEN,
    broken_by="webhook-status-stuck",
)
def webhook_status_tells(trial: Trial) -> None:
    """Follows the field through each watched job whose final event was asked for."""
    for story in trial.stories():
        story.must_be_new()
        if story.mailbox is None or not story.is_over or story.last["status"].lower() not in story.events:
            continue
        for job in trial.looks(story):
            if job["status"] not in TERMINAL:
                trial.require(job["webhookStatus"] == "pending", "pending while it runs", f"{job['webhookStatus']}")
        final = [mail for mail in story.mail if mail.event != "progress"]
        wanted = ("delivered",) if final else ("failed", "pending")
        trial.require(story.last["webhookStatus"] in wanted, " or ".join(wanted), f"{story.last['webhookStatus']}")


@clause(
    "WH-6",
    "What a delivery says fits the job as it is read then or later.",
    level=Level.SHOULD,
    source=_DOCS,
    method=Method.HISTORY,
    tier=1,
    needs=_GOLDEN,
    broken_by="webhook-body-differs",
)
def deliveries_fit_the_job(trial: Trial) -> None:
    """Compares the fields that a delivery and the last look at its job share."""
    for story in trial.stories():
        story.must_be_new()
        for mail in story.mail:
            body, job = mail.fields, story.last
            name = f"webhooks/{mail.event}.json"
            if name in trial.contract.schemas:
                fault = next(iter(trial.contract.validator(name).iter_errors(body)), None)
                trial.require(fault is None, f"a body as in {name} ({fault and fault.message})", mail.summary)
            trial.require(body.get("jobId") == story.job_id, f"jobId {story.job_id}", mail.summary)
            trial.require(body.get("model") == job["model"], f"model {job['model']}", mail.summary)
            if mail.event == "progress" or body.get("status") != job["status"]:
                trial.require(mail.event == "progress", f"status {job['status']}", mail.summary)
                continue
            for field in ("result", "error", "creditCost"):
                trial.require(
                    field not in body or body[field] == job.get(field), f"{field} as in the job", mail.summary
                )
            if isinstance(body.get("completedAt"), str):
                trial.require(at(body["completedAt"]) == at(job["completedAt"]), job["completedAt"], mail.summary)


@clause(
    "WH-7",
    "A repeated delivery has the same bytes and the same signature.",
    level=Level.SHOULD,
    source=_DOCS,
    method=Method.EXAMPLE,
    tier=3,
    needs=_MOCK,
    broken_by="retry-has-new-bytes",
)
def repetitions_are_equal(trial: Trial) -> None:
    """Fails the first attempt and compares it with the second."""
    box = trial.mailbox(_failing([500]))
    client, job_id = _sent(trial, box)
    trial.levers.end_job(job_id, complete=True)
    _settle(trial, client, job_id)
    if len(box.received) > 1:
        first, second = box.received[:2]
        trial.require(second.body == first.body, first.summary, second.summary)
        signed = first.header(SIGNATURE_HEADER), second.header(SIGNATURE_HEADER)
        trial.require(signed[0] == signed[1], f"signature {signed[0]}", f"{signed[1]}")


@clause(
    "WH-8",
    "The body does not follow a redirect, and no delivery goes to a host that is not allowed.",
    level=Level.SHOULD,
    source="facts 9, chosen",
    method=Method.EXAMPLE,
    tier=3,
    needs=_MOCK,
    broken_by="redirects-followed",
)
def redirects_are_not_followed(trial: Trial) -> None:
    """Answers with redirects to another mailbox, which has to stay empty; names a host that cannot be allowed."""
    for status in (301, 302, 307, 308):
        other = trial.mailbox()
        box = trial.mailbox(_redirecting(status, other.url))
        client, job_id = _sent(trial, box)
        trial.levers.end_job(job_id, complete=True)
        _settle(trial, client, job_id)
        trial.require(box.received, "an attempt", "none")
        trial.require(not other.received, f"nobody to follow a {status}", f"{len(other.received)} requests followed")
    client = trial.client()
    exchange = client.submit(trial.body(webhookUrl="http://192.0.2.1/hook"))  # for documentation, reaches nobody
    if exchange.status == 202:  # noqa: PLR2004 - accepted; a refusal is fine too
        job_id = str(exchange.fields["jobId"])
        trial.levers.end_job(job_id, complete=True)
        outcome = _settle(trial, client, job_id)
        trial.require(outcome == "failed", "webhookStatus failed", outcome)


@clause(
    "WH-9",
    "A slow receiver does not hold up the deliveries of other jobs.",
    level=Level.SHOULD,
    source=_DOCS,
    method=Method.TIMED,
    tier=3,
    needs=_MOCK,
    broken_by="slow-receiver-blocks",
)
def slow_receivers_delay_nobody(trial: Trial) -> None:
    """Holds one receiver's answer back until the delivery to another has come, for at most a fraction of a second."""
    other_came = threading.Event()
    waited: list[bool] = []

    def hold(_: int) -> tuple[int, dict[str, str]]:
        waited.append(other_came.wait(SHORTER_THAN_A_TIMEOUT_S))
        return OK, {}

    def tell(_: int) -> tuple[int, dict[str, str]]:
        other_came.set()
        return OK, {}

    slow, quick = trial.mailbox(hold), trial.mailbox(tell)
    _, first = _sent(trial, slow)
    _, second = _sent(trial, quick)
    trial.levers.pull("POST", f"/jobs/{first}", {"complete": True, "wait": False})
    slow.wait(bool, MAIL_S)
    trial.levers.end_job(second, complete=True)
    quick.wait(bool, MAIL_S)
    trial.require(bool(quick.received), "the other job's delivery", "none")
    trial.require(waited and waited[0], "the other delivery while the slow receiver is at work", "it came afterwards")


@clause(
    "WH-10",
    "Without a webhookUrl nothing is sent and `webhookStatus` is null.",
    level=Level.MUST,
    source="document, webhookStatus; facts 8",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="webhook-status-without-url",
)
def no_address_no_delivery(trial: Trial) -> None:
    """Looks at the field of every watched job that gave no address."""
    tested = False
    for story in trial.stories():
        if story.mailbox is None:
            tested = True
            for job in trial.looks(story):
                trial.require(job["webhookStatus"] is None, "webhookStatus null", f"{job['webhookStatus']}")
    if not tested:
        msg = "the golden job has a webhook, because there is a receiver; a run without --receiver tests this"
        raise Skip(msg)
