"""RATE and AVAIL: limits and outages."""

from contract_tests.clause import Level, Method, Need, clause
from contract_tests.client import Client
from contract_tests.outcome import Inconclusive
from contract_tests.story import TERMINAL
from contract_tests.trial import ACCEPTED, OK, Trial

TOO_MANY, BAD_GATEWAY, UNAVAILABLE = 429, 502, 503
_RATE = "document, 429; facts 21"
_OUTAGE = "seed; document, 503"


def _limited(trial: Trial, rate: str) -> Client:
    """A user with that limit, once whatever was asked before is long past: whose requests count is another clause."""
    trial.session.pass_time(600.0)
    return trial.client(rateLimit=rate)


@clause(
    "RATE-1",
    "Above the limit a request is refused with 429 and a Retry-After of at least one second.",
    level=Level.MUST,
    source=_RATE,
    method=Method.STATE_MACHINE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="no-retry-after",
)
def limits_say_when(trial: Trial) -> None:
    """Gives a user three requests a minute and makes five, of several operations."""
    client = _limited(trial, "3/60s")
    for _ in range(3):
        trial.expect(client.me(), OK)
    for exchange in (client.me(), client.jobs(), client.submit(trial.body())):
        trial.refused(exchange, TOO_MANY)
        said = exchange.header("Retry-After") or ""
        trial.require(said.isdigit() and int(said) >= 1, "Retry-After of whole seconds, at least 1", said or "none")


@clause(
    "RATE-2",
    "Once Retry-After is over the next request succeeds.",
    level=Level.MUST,
    source=_RATE,
    method=Method.STATE_MACHINE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="retry-after-too-short",
)
def the_wait_is_enough(trial: Trial) -> None:
    """Waits exactly as long as was said, at several fillings of the window."""
    for gaps in ((0.0, 0.0), (10.0, 5.0), (0.3, 0.0)):
        client = _limited(trial, "2/30s")
        for gap_s in gaps:
            trial.expect(client.me(), OK)
            trial.session.pass_time(gap_s)
        exchange = client.me()
        trial.refused(exchange, TOO_MANY)
        said = exchange.header("Retry-After") or ""
        if not said.isdigit():
            msg = "no Retry-After says how long to wait"
            raise Inconclusive(msg)
        trial.session.pass_time(float(said))
        after = client.me()
        trial.require(after.status == OK, f"success after {said} s", after)


@clause(
    "RATE-3",
    "A 429 changes nothing: no job, no charge, no key used up.",
    level=Level.MUST,
    source="facts 5",
    method=Method.STATE_MACHINE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="limited-request-takes-effect",
)
def limited_requests_do_nothing(trial: Trial) -> None:
    """Submits above the limit, then lifts it and looks at list, balance and key."""
    client = _limited(trial, "1/60s")
    before = trial.balance(client)
    for key in (None, "limited"):
        trial.refused(client.submit(trial.body(), key), TOO_MANY)
    trial.levers.change_key(client.key, rateLimit=None)
    trial.require(trial.listed(client) == [], "no job", client.jobs())
    trial.require_balance(client, before, f"balance {before}")
    job_id = trial.accepted(client, {**trial.body(), "prompt": "another prompt"}, "limited")
    trial.require(trial.job(client, job_id)["id"] == job_id, "the key to be free", client.job(job_id))


@clause(
    "RATE-4",
    "Limits count by key, and never on the list of models.",
    level=Level.SHOULD,
    source=_RATE,
    method=Method.STATE_MACHINE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="limits-shared-by-keys",
)
def limits_count_by_key(trial: Trial) -> None:
    """Uses one key up, then another of the same limit, then asks for the models with the first."""
    first, second = (trial.client(rateLimit="2/60s") for _ in range(2))
    for _ in range(2):
        trial.expect(first.me(), OK)
    trial.refused(first.me(), TOO_MANY)
    other = second.me()
    trial.require(other.status == OK, "success with another key", other)
    models = first.send("GET", "/v2/models")
    trial.require(models.status == OK, "the models all the same", models)


@clause(
    "RATE-5",
    "Which headers tell the state of a limit.",
    level=Level.RECORD,
    source="nobody says",
    method=Method.PROPERTY,
    unbroken_because="nothing is promised",
)
def limit_headers_are_recorded(trial: Trial) -> None:
    """Collects header names that speak of limits from two answers in a row."""
    client = trial.client()
    seen = [client.me(), client.me()]
    names = sorted({name.lower() for each in seen for name, _ in each.answer_headers if "rate" in name.lower()})
    trial.record("headers", names)


@clause(
    "AVAIL-1",
    "While the queue is down a submission is refused with 503, and nothing is made or charged.",
    level=Level.MUST,
    source=_OUTAGE,
    method=Method.STATE_MACHINE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="outage-still-charges",
)
def outages_do_nothing(trial: Trial) -> None:
    """Submits during an outage, ends it, looks at list and balance, and submits again."""
    client = trial.client()
    before = trial.balance(client)
    trial.levers.change_key(client.key, queueDown=True)
    for key in (None, "during"):
        trial.refused(client.submit(trial.body(), key), UNAVAILABLE)
    trial.levers.change_key(client.key, queueDown=False)
    trial.require(trial.listed(client) == [], "no job", client.jobs())
    trial.require_balance(client, before, f"balance {before}")
    trial.accepted(client, trial.body())


@clause(
    "AVAIL-2",
    "502 is answered only by operations that document it.",
    level=Level.MUST,
    source="document, answers of each operation",
    method=Method.STATE_MACHINE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="outage-is-502",
)
def bad_gateway_only_where_documented(trial: Trial) -> None:
    """Calls every operation during an outage; submissions must say 503."""
    client = trial.client(queueDown=True)
    for operation in trial.contract.operations:
        path = operation.path.replace("{id}", "00000000-0000-4000-8000-000000000000")
        exchange = client.send(operation.method, path, value=trial.body() if operation.is_submission else None)
        documented = BAD_GATEWAY in operation.answers
        trial.require(exchange.status != BAD_GATEWAY or documented, "no 502", exchange)
        if operation.is_submission and path.endswith("/generate"):
            trial.refused(exchange, UNAVAILABLE, 400)


@clause(
    "AVAIL-3",
    "After an outage the jobs go on from where they were.",
    level=Level.SHOULD,
    source="design 2",
    method=Method.STATE_MACHINE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="outage-fails-jobs",
)
def jobs_outlive_outages(trial: Trial) -> None:
    """Starts a job, has an outage with refused submissions in its middle, and watches it complete."""
    client = trial.client()
    job_id = trial.accepted(client, trial.body())
    trial.session.pass_time(2.0)
    before = trial.job(client, job_id)
    trial.levers.change_key(client.key, queueDown=True)
    for _ in range(2):
        client.submit(trial.body())
    during = trial.job(client, job_id)
    trial.require(during == before, "the job as it was", client.job(job_id))
    trial.levers.change_key(client.key, queueDown=False)
    trial.require(client.submit(trial.body()).status == ACCEPTED, "submissions work again", client.jobs())
    trial.session.pass_time(6 * 3600.0)
    job = trial.job(client, job_id)
    trial.require(job["status"] in TERMINAL and job["status"] == "COMPLETED", "COMPLETED", job["status"])
