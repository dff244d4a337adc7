"""IDEMP: a key makes one job, once, for its user, for a day."""

import json
from typing import Any

from hypothesis import strategies as st

from contract_tests.clause import Level, Method, Need, clause
from contract_tests.client import GENERATE
from contract_tests.history import judge
from contract_tests.outcome import Inconclusive
from contract_tests.strategies import bodies, minimal_body
from contract_tests.trial import ACCEPTED, BAD_REQUEST, OK, PROMPT, Trial

CONFLICT = 409
DAY_S = 86_400.0
ORDER = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED")
_BODY = "document, Idempotency-Key; seed"
_CHOSEN = "facts 6, chosen"


def rank(status: str) -> int:
    """How far a status is; the final ones are equally far."""
    return min(2, ORDER.index(status)) if status in ORDER else -1


def _ids(exchanges: Any) -> list[str]:
    return [str(each.fields.get("jobId")) for each in exchanges if each.status == ACCEPTED]


@clause(
    "IDEMP-1",
    "The same key with the same body within 24 hours answers 202 with the first job's id.",
    level=Level.MUST,
    source=_BODY,
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="key-ignored",
)
def same_key_same_job(trial: Trial) -> None:
    """Repeats each watched submission early, in its middle and after its end; the state machine does so at random."""
    for story in trial.stories():
        for replay in story.replays:
            answer = trial.expect(replay, ACCEPTED)
            trial.require(answer["jobId"] == story.job_id, f"the first job, {story.job_id}", replay)


@clause(
    "IDEMP-2",
    "A replay makes no job and takes no credits.",
    level=Level.MUST,
    source=_BODY,
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="replay-charges",
)
def replay_is_free(trial: Trial) -> None:
    """Compares the balance and the list after a submission with those after several replays."""
    for story in trial.stories():
        story.must_be_new()
        _, charged, after = story.balances
        trial.require(after >= charged, f"balance {charged} after {len(story.replays)} replays", f"balance {after}")
    if trial.session.target.levers is None:
        return
    client = trial.client()
    job_id = trial.accepted(client, trial.body(), "again")
    before = trial.balance(client)
    for _ in range(3):
        client.submit(trial.body(), "again")
    trial.require_balance(client, before, f"balance {before} after replays")
    ids = [entry["id"] for entry in trial.listed(client)]
    trial.require(ids == [job_id], "one job in the list", f"{len(ids)} jobs")


@clause(
    "IDEMP-3",
    "Any number of submissions at once with one key make one job and one charge; each answers that job's id or 409.",
    level=Level.MUST,
    source="document, Idempotency-Key; facts 6",
    method=Method.HISTORY,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="concurrent-key-makes-two",
)
def concurrent_key_makes_one(trial: Trial) -> None:
    """Two threads (on a mock two to eight, over several keys) submit at one moment; the history is judged by key."""
    for story in trial.stories():
        judge(trial, {story.key: story.submissions}, [story.job_id])
    if trial.session.target.levers is None:
        return

    cost = trial.price(trial.body())

    def check(crowd: list[int]) -> None:
        client = trial.client()
        keys = [f"crowd-{number}" for number in crowd]
        answers = trial.together(*[lambda key=key: client.submit(trial.body(), key) for key in keys])
        by_key = {key: [a for a, used in zip(answers, keys, strict=True) if used == key] for key in keys}
        entries = trial.listed(client)
        judge(trial, by_key, [entry["id"] for entry in entries])
        spent = len(entries) * cost
        trial.require_balance(client, 100_000 - spent, "one charge for each key")

    trial.each(st.lists(st.integers(0, 2), min_size=2, max_size=8), check, max(5, trial.session.examples // 4))


@clause(
    "IDEMP-4",
    "Different keys, or no key, with equal bodies make different jobs.",
    level=Level.MUST,
    source=_BODY,
    method=Method.STATE_MACHINE,
    tier=2,
    jobs=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="equal-bodies-merge",
)
def other_key_other_job(trial: Trial) -> None:
    """Submits the body of a watched job with another key; on a mock one body with two keys and twice without any."""
    story = next(trial.stories(), None)
    if story is None:
        return
    ids = [story.job_id, trial.accepted(story.client, story.body, trial.session.new_name("another"))]
    trial.require(len(set(ids)) == len(ids), f"{len(ids)} different jobs", " ".join(ids))
    if trial.session.target.levers is not None:
        client = trial.client()
        ids = [trial.accepted(client, trial.body(), key) for key in ("one", "two", None, None)]
        trial.require(len(set(ids)) == len(ids), f"{len(ids)} different jobs", " ".join(ids))


@clause(
    "IDEMP-5",
    "The status of a replay is the job's present one, never earlier than one already seen.",
    level=Level.MUST,
    source="document, status of an accepted job",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="replay-says-queued",
)
def replay_shows_the_present(trial: Trial) -> None:
    """Compares each replay with every answer about the job before it."""
    for story in trial.stories():
        furthest = 0
        for sighting in story.sightings:
            if sighting.by == "replay" and sighting.exchange.status == ACCEPTED:
                seen = rank(sighting.status)
                trial.require(seen >= furthest, f"{ORDER[furthest]} or later", sighting.exchange)
            furthest = max(furthest, rank(sighting.status))


@clause(
    "IDEMP-6",
    "Keys belong to their user: the same key of another user makes another job.",
    level=Level.MUST,
    source=_CHOSEN,
    method=Method.STATE_MACHINE,
    tier=2,
    jobs=1,
    needs=[Need.SECOND_KEY, Need.GOLDEN_JOB],
    broken_by="keys-shared-by-all-users",
)
def keys_belong_to_users(trial: Trial) -> None:
    """Lets another user submit the body of a watched job with its key."""
    story = next(trial.stories(), None)
    if story is None:
        return
    other = trial.session.other_client()
    job_id = trial.accepted(other, story.body, story.key)
    trial.require(job_id != story.job_id, "a job for each user", f"twice {job_id}")
    trial.require(trial.job(other, job_id)["id"] == job_id, "the second user's own job", other.job(job_id))


@clause(
    "IDEMP-7",
    "A key of 255 characters works; one of 256 is refused with 400.",
    level=Level.MUST,
    source="document, Idempotency-Key maxLength",
    method=Method.PROPERTY,
    tier=0,
    broken_by="long-key-accepted",
)
def long_keys_are_refused(trial: Trial) -> None:
    """Sends keys beyond the limit with a valid body; every watched job was made with a key of exactly 255."""
    client = trial.client()

    def check(length: int) -> None:
        key = trial.session.new_name("long-").ljust(length, "k")
        trial.refused(client.submit(trial.body(), key), BAD_REQUEST)

    trial.each(st.one_of(st.just(256), st.integers(256, 2000)), check)
    if trial.session.target.levers is not None:
        key = "k" * 255
        first = trial.accepted(client, trial.body(), key)
        trial.require(trial.accepted(client, trial.body(), key) == first, "the same job", first)


@clause(
    "IDEMP-8",
    "What a key used again with another body does: replay, 409 or 422.",
    level=Level.RECORD,
    source="the vendor's client expects 409",
    method=Method.EXAMPLE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    unbroken_because="nothing is promised",
)
def other_body_is_recorded(trial: Trial) -> None:
    """Repeats a key with another prompt: on a mock a new one, elsewhere the golden job's."""
    if trial.session.target.levers is not None:
        client = trial.client()
        trial.accepted(client, trial.body(), "other")
        trial.record("status", client.submit(trial.body(PROMPT + ", at noon"), "other").status)
        return
    for story in trial.stories():
        answer = story.client.submit({**story.body, "prompt": PROMPT + ", at noon"}, story.key)
        trial.record("status", answer.status)
        return


@clause(
    "IDEMP-9",
    "What a key used again on another operation does.",
    level=Level.RECORD,
    source="nobody says",
    method=Method.EXAMPLE,
    tier=2,
    jobs=1,
    unbroken_because="nothing is promised",
)
def other_operation_is_recorded(trial: Trial) -> None:
    """Repeats a key on every other operation that takes one, with a valid body of that operation."""
    client, key = trial.client(), trial.session.new_name("elsewhere")
    others = [operation for operation in trial.contract.submissions if operation.path != GENERATE]
    if not others:
        trial.record("operations", 1)
        return
    trial.accepted(client, trial.body(), key)
    for operation in others:
        model = trial.contract.models_of(operation.id)[0]
        answer = client.submit(minimal_body(model, PROMPT), key, path=operation.path)
        trial.record(operation.id, answer.status)


@clause(
    "IDEMP-10",
    "A refused submission leaves its key free.",
    level=Level.SHOULD,
    source=_CHOSEN,
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="refusal-burns-key",
)
def refusals_leave_the_key_free(trial: Trial) -> None:
    """Uses the key of each watched job with a bad body first; on a mock also after a 402, a 429 and a 503."""
    for story in trial.stories():
        if story.refusal is not None and story.refusal.status == BAD_REQUEST:
            if story.refused_after is not None and trial.session.target.levers is None:
                msg = "the key may be that of an earlier run, with another body; another --seed makes a new one"
                raise Inconclusive(msg)
            trial.require(story.refused_after is None, "status 202", story.refused_after or "status 202")
    if trial.session.target.levers is None:
        return
    levers, key = trial.levers, "refused"
    poor = trial.client(credits=0)
    trial.refused(poor.submit(trial.body(), key), 402)
    levers.set_credits(poor.team_id, 1000)
    trial.accepted(poor, trial.body(), key)
    down = trial.client(queueDown=True)
    trial.refused(down.submit(trial.body(), key), 503)
    levers.change_key(down.key, queueDown=False)
    trial.accepted(down, trial.body(), key)
    limited = trial.client(rateLimit="1/60s")
    trial.expect(limited.me(), OK)
    trial.refused(limited.submit(trial.body(), key), 429)
    levers.change_key(limited.key, rateLimit=None)
    trial.accepted(limited, trial.body(), key)


@clause(
    "IDEMP-11",
    "Order of fields, white space and spelling of numbers do not make another body.",
    level=Level.SHOULD,
    source=_CHOSEN,
    method=Method.PROPERTY,
    tier=1,
    needs=[Need.GOLDEN_JOB],
    broken_by="body-compared-by-bytes",
)
def spelling_makes_no_other_body(trial: Trial) -> None:
    """Repeats each watched submission reversed and indented; on a mock generated bodies too."""
    for story in trial.stories():
        for replay in story.respelled:
            trial.require(replay.status == ACCEPTED, "status 202", replay)
    if trial.session.target.levers is None:
        return
    client = trial.client()

    def check(pair: tuple[Any, dict[str, Any]]) -> None:
        _, body = pair
        key = trial.session.new_name("spelling")
        first = trial.accepted(client, body, key)
        respelled = json.dumps(_reversed(body), indent=1).encode()
        again = client.send("POST", GENERATE, body=respelled, headers=[("Idempotency-Key", key)])
        trial.require(trial.expect(again, ACCEPTED)["jobId"] == first, "the same job", again)

    trial.each(bodies(trial.contract, "images.generate"), check, max(5, trial.session.examples // 2))


def _reversed(value: Any) -> Any:
    """The value with the fields of every object in the other order."""
    if isinstance(value, dict):
        return {name: _reversed(item) for name, item in reversed(value.items())}
    return value


@clause(
    "IDEMP-12",
    "After 24 hours a key is forgotten.",
    level=Level.MUST,
    source="document; the vendor's client",
    method=Method.STATE_MACHINE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="key-never-forgotten",
)
def keys_are_forgotten(trial: Trial) -> None:
    """Repeats a key after 23 hours, and once more after 25."""
    client = trial.client()
    first = trial.accepted(client, trial.body(), "daily")
    trial.session.pass_time(DAY_S - 3600)
    trial.require(trial.accepted(client, trial.body(), "daily") == first, "the first job after 23 h", "another job")
    trial.session.pass_time(2 * 3600)
    trial.require(trial.accepted(client, trial.body(), "daily") != first, "another job after 25 h", "the first job")


@clause(
    "IDEMP-13",
    "What an empty key, a quoted one, one of other alphabets and two at once do.",
    level=Level.RECORD,
    source="nobody says",
    method=Method.EXAMPLE,
    tier=3,
    needs=[Need.LEVERS],
    unbroken_because="nothing is promised",
)
def odd_keys_are_recorded(trial: Trial) -> None:
    """Submits twice with each and notes whether one job or two came of it."""
    odd = {
        "empty": [""],
        "quoted": ['"quoted"'],
        "non-ASCII": ["schlüssel-鍵"],
        "two headers": ["first", "second"],
    }
    for name, keys in odd.items():
        client = trial.client()
        headers = [("Idempotency-Key", key) for key in keys]
        answers = [client.send("POST", GENERATE, value=trial.body(), headers=headers) for _ in range(2)]
        jobs = {each.fields.get("jobId") for each in answers if each.status == ACCEPTED}
        trial.record(name, {"statuses": [each.status for each in answers], "jobs": len(jobs)})


@clause(
    "IDEMP-14",
    "When the outcome of a submission is unknown, a retry with its key makes one job at most in all.",
    level=Level.MUST,
    source="the vendor's client retries so; facts 6",
    method=Method.HISTORY,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="claim-after-answer",
)
def unknown_outcome_is_safe(trial: Trial) -> None:
    """Sends a submission, hangs up without reading the answer, and retries with the key until it is answered."""

    def check(hangs_up: list[bool]) -> None:
        client, key = trial.client(), "unknown"
        for waits in hangs_up:
            client.submit_and_hang_up(trial.body(), key, waits=waits)
        answers = [client.submit(trial.body(), key) for _ in range(2)]
        judge(trial, {key: answers}, [entry["id"] for entry in trial.listed(client)])

    trial.each(st.lists(st.booleans(), min_size=1, max_size=3), check, max(5, trial.session.examples // 4))


@clause(
    "IDEMP-15",
    "A key on a request that makes no job is ignored.",
    level=Level.SHOULD,
    source="document: declared for submissions alone",
    method=Method.EXAMPLE,
    tier=0,
    broken_by="key-checked-on-get",
)
def keys_elsewhere_are_ignored(trial: Trial) -> None:
    """Sends short and overlong keys with every GET and compares the answer's status with one without."""
    client = trial.client()
    for operation in trial.contract.operations:
        if operation.method != "GET" or operation.path_parameters:
            continue
        plain = client.send("GET", operation.path)
        if plain.status is None:
            msg = f"{operation.path} gives no answer"
            raise Inconclusive(msg)
        for key in ("once", "once", "k" * 300):
            again = client.send("GET", operation.path, headers=[("Idempotency-Key", key)])
            trial.require(again.status == plain.status, f"status {plain.status} as without a key", again)
