"""LIFE: what a job may look like between its submission and its end."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from contract_tests.clause import Level, Method, Need, clause
from contract_tests.clauses.idempotency import rank
from contract_tests.outcome import Inconclusive
from contract_tests.story import TERMINAL
from contract_tests.trial import ACCEPTED, NOT_FOUND, OK, Trial

_JOB = "document, GET /v2/jobs/{id}"
BOUND_S = 6 * 3600.0
RETENTION_S = 91 * 86_400.0
LOOKS_AT_ONE_MOMENT = 30
WHOLE = 100


def at_one_moment(job: Mapping[str, Any]) -> dict[str, Any]:
    """What two looks at one moment must have in common: a delivery may be under way between them."""
    return {name: value for name, value in job.items() if name != "webhookStatus"}


def at(text: str) -> datetime:
    """The instant of an RFC 3339 text."""
    return datetime.fromisoformat(text)


@clause(
    "LIFE-1",
    "Right after a 202 the job is there, with its id, its model and what was asked.",
    level=Level.MUST,
    source=_JOB,
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="job-appears-late",
)
def job_is_there_at_once(trial: Trial) -> None:
    """Looks at each watched job before any time has passed."""
    for story in trial.stories():
        first = next(each.exchange for each in story.sightings if each.by == "poll")
        job = trial.expect(first, OK)
        trial.require(job["id"] == story.job_id, f"id {story.job_id}", first)
        trial.require(job["model"] == story.body["model"], f"model {story.body['model']}", first)
        asked = {name: value for name, value in story.body.items() if not name.startswith("webhook")}
        kept = job.get("input")
        if isinstance(kept, dict):
            seen = {name: kept.get(name) for name in asked}
            trial.require(seen == asked, "what was asked as `input`", first)


@clause(
    "LIFE-2",
    "A status only moves on: QUEUED, PROCESSING, one final status, which never changes.",
    level=Level.MUST,
    source="document, status of a job; facts 8",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="status-goes-back",
)
def status_only_moves_on(trial: Trial) -> None:
    """Compares each look at a job with the one before; what list and replays show is for other clauses."""
    for story in trial.stories():
        before = "QUEUED"
        for sighting in story.sightings:
            if sighting.by not in ("submit", "poll") or sighting.exchange.status not in (OK, ACCEPTED):
                continue
            is_on = rank(sighting.status) >= rank(before)
            is_same = before not in TERMINAL or sighting.status == before
            trial.require(is_on and is_same, f"{before} or later", sighting.exchange, cause="status went back")
            before = sighting.status


@clause(
    "LIFE-3",
    "Progress is null or a whole number from 0 to 100, and never falls while the job runs.",
    level=Level.MUST,
    source="document, progress; facts 8",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="progress-falls",
)
def progress_never_falls(trial: Trial) -> None:
    """Follows each watched job; a failed one may show 0 again, as the documented example does."""
    for story in trial.stories():
        highest = 0
        for job in trial.looks(story):
            progress = job.get("progress")
            shown = f"progress {progress} of a job that is {job.get('status')}"
            is_number = type(progress) is int and 0 <= progress <= WHOLE
            trial.require(progress is None or is_number, "null or 0 to 100", shown)
            if isinstance(progress, int) and job.get("status") not in ("FAILED", "CANCELLED"):
                trial.require(progress >= highest, f"at least {highest}", shown, cause="progress fell")
                highest = progress


@clause(
    "LIFE-4",
    "Every job ends.",
    level=Level.SHOULD,
    source="facts 8, times",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="some-jobs-never-end",
)
def every_job_ends(trial: Trial) -> None:
    """Watches jobs to their end; on a mock a dozen more, for six hours of its time."""
    for story in trial.stories():
        if not story.is_over and not trial.session.target.time.is_virtual:
            msg = f"the job is {story.last.get('status')} after the time that a check may take"
            raise Inconclusive(msg)
        trial.require(story.is_over, "a final status", f"{story.last['status']} after many hours")
    if trial.session.target.levers is None:
        return
    client = trial.client()
    ids = [trial.accepted(client, trial.body()) for _ in range(12)]
    trial.session.pass_time(BOUND_S)
    for job_id in ids:
        job = trial.job(client, job_id)
        trial.require(job["status"] in TERMINAL, "a final status after six hours", job["status"])


@clause(
    "LIFE-5",
    "`completedAt` is null until the end, then an instant not before `createdAt` that stays.",
    level=Level.SHOULD,
    source=_JOB,
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="completed-at-moves",
)
def end_is_dated_once(trial: Trial) -> None:
    """Follows the field through each watched job, the last look half a minute after its end."""
    for story in trial.stories():
        ends = []
        for job in trial.looks(story):
            if job["status"] not in TERMINAL:
                trial.require(job["completedAt"] is None, "null", f"{job['completedAt']} while {job['status']}")
                continue
            ends.append(job["completedAt"])
            trial.require(isinstance(ends[-1], str), "an instant", f"{ends[-1]} of a job that is {job['status']}")
            trial.require(at(ends[-1]) >= at(job["createdAt"]), f"{job['createdAt']} or later", ends[-1])
        trial.require(len(set(ends)) <= 1, "one instant", " then ".join(dict.fromkeys(ends)))


@clause(
    "LIFE-6",
    "A completed job has a result with as many addresses as were asked for, a failed one an error.",
    level=Level.SHOULD,
    source="facts 10; schemas/results.json",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="result-missing",
)
def result_or_error(trial: Trial) -> None:
    """Counts the addresses of each completed job; http is fine on this machine, elsewhere it has to be https."""
    for story in trial.stories():
        job = story.last
        trial.at = job.exchange
        if job["status"] == "FAILED":
            trial.require(job["error"], "a text in `error`", f"{job['error']!r}")
        if job["status"] != "COMPLETED":
            continue
        found = addresses(job.get("result"))
        shown = f"{job.get('result')!r}"[:300]
        schemes = ("https",) if trial.session.target.is_paid else ("https", "http")
        is_fine = bool(found) and all(urlsplit(each).scheme in schemes and urlsplit(each).netloc for each in found)
        trial.require(is_fine, "addresses in `result`", shown)
        outputs = story.model.outputs_of(story.body)
        # A grid or a cover may stand beside what was asked for.
        trial.require(len(found) >= outputs, f"{outputs} addresses", shown)


def addresses(result: Any) -> list[str]:
    """Every text in a result that looks like an address."""
    match result:
        case str():
            return [result] if "://" in result else []
        case list():
            return [each for item in result for each in addresses(item)]
        case dict():
            return [each for item in result.values() for each in addresses(item)]
        case _:
            return []


@clause(
    "LIFE-7",
    "Price, creation time, model and input of a job never change; only a failure may set the price to 0.",
    level=Level.SHOULD,
    source="facts 7 and 8",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="input-changes",
)
def facts_do_not_change(trial: Trial) -> None:
    """Compares every look at a job with the first."""
    for story in trial.stories():
        first = story.polls[0]
        for job in trial.looks(story):
            for name in ("createdAt", "model", "input"):
                seen = f"{job.get(name)!r}"[:300]
                trial.require(job.get(name) == first.get(name), f"{name} {first.get(name)!r}"[:300], seen)
            is_given_back = job["creditCost"] == 0 and job["status"] in ("FAILED", "CANCELLED")
            is_same = job["creditCost"] == first["creditCost"] or is_given_back
            trial.require(is_same, f"creditCost {first['creditCost']}", f"{job['creditCost']} once {job['status']}")


@clause(
    "LIFE-8",
    "Submission, job, list and webhook tell one story: none is behind what another has already shown.",
    level=Level.SHOULD,
    source="design 2; facts 8",
    method=Method.HISTORY,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="list-lags",
)
def views_agree(trial: Trial) -> None:
    """Puts all answers about a job in the order of their coming; in moved time list and job have to be equal."""
    for story in trial.stories():
        furthest = 0
        for sighting in story.sightings:
            trial.require(
                rank(sighting.status) >= furthest or sighting.exchange.status not in (OK, ACCEPTED),
                "nothing behind what was already seen",
                sighting.exchange,
                cause=f"{sighting.by} lags behind",
            )
            furthest = max(furthest, rank(sighting.status))
        for mail in story.mail:
            is_told = mail.event == "progress" or mail.event.upper() == story.last["status"]
            trial.require(is_told, f"an event of a job that is {story.last['status']}", mail.summary)
    if trial.session.target.time.is_virtual:
        _compare_in_moved_time(trial)


def _compare_in_moved_time(trial: Trial) -> None:
    client = trial.client()
    job_id = trial.accepted(client, trial.body())
    for _ in range(60):
        job = trial.job(client, job_id)
        listed = trial.expect(client.jobs(), OK)["jobs"][0]
        for name in ("status", "progress", "completedAt"):
            trial.require(listed[name] == job[name], f"{name} {job[name]} in the list", f"{listed[name]}")
        if job["status"] in TERMINAL:
            return
        trial.session.pass_time(1.0)


@clause(
    "LIFE-9",
    "Once the files are gone `expired` is true and their addresses answer 404; the job itself stays.",
    level=Level.MUST,
    source="document, expired",
    method=Method.STATE_MACHINE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="files-never-expire",
)
def files_expire(trial: Trial) -> None:
    """Downloads a result, lets 91 days pass, looks again."""
    client = trial.client()
    job_id = trial.accepted(client, trial.body())
    trial.levers.end_job(job_id, complete=True)
    job = trial.job(client, job_id)
    trial.require(not job.get("expired"), "not expired at first", f"expired {job.get('expired')}")
    base = trial.session.target.wire.base_url
    paths = [each.removeprefix(base) for each in addresses(job.get("result")) if each.startswith(base)]
    for path in paths:
        here = client.send("GET", path, key=None)
        trial.require(here.status == OK and here.answer, "the file", here)
    trial.session.pass_time(RETENTION_S)
    later = trial.job(client, job_id)
    trial.require(later.get("expired") is True, "expired true", f"expired {later.get('expired')}")
    trial.require(later["status"] == "COMPLETED", "COMPLETED still", later["status"])
    for path in paths:
        gone = client.send("GET", path, key=None)
        trial.require(gone.status == NOT_FOUND, "status 404 for the file", gone)


@clause(
    "LIFE-10",
    "Looking at a job changes nothing: two readers see one history.",
    level=Level.SHOULD,
    source="design 2",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="polling-moves-the-job",
)
def looking_changes_nothing(trial: Trial) -> None:
    """Looks twice at every moment; in moved time the looks must be equal, and 30 of them at one moment too."""
    is_virtual = trial.session.target.time.is_virtual
    for story in trial.stories():
        for first, second in story.twins:
            one, other = trial.expect(first, OK), trial.expect(second, OK)
            is_equal = (
                at_one_moment(one) == at_one_moment(other)
                if is_virtual
                else rank(other["status"]) >= rank(one["status"])
            )
            trial.require(is_equal, f"the same as a moment before: {first.summary}", second)
    if not is_virtual:
        return
    client = trial.client()
    job_id = trial.accepted(client, trial.body())
    for _ in range(3):
        shown = trial.job(client, job_id)
        for _ in range(LOOKS_AT_ONE_MOMENT):
            trial.require(trial.job(client, job_id) == shown, "the same at one moment", client.job(job_id))
        trial.session.pass_time(3.0)
