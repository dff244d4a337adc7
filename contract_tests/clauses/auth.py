"""AUTH: who is let in, and what a stranger learns."""

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from contract_tests.clause import Level, Method, Need, clause
from contract_tests.client import Client
from contract_tests.contract import Operation
from contract_tests.exchange import KEY_HEADER, Exchange
from contract_tests.mutations import mutations
from contract_tests.outcome import Skip
from contract_tests.strategies import minimal_body
from contract_tests.trial import BAD_REQUEST, NOT_FOUND, OK, PROMPT, UNAUTHORIZED, Trial
from contract_tests.watch import Look

FORBIDDEN = 403
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
UNKNOWN_KEY = "afk_" + "0123456789abcdefABCD" * 2
_KEYS = "facts 3; document, all operations"
_BEARER = "Bearer "
LONG_ENOUGH = 12
"""Characters of a key that cannot stand in an answer by accident; `apiKey.prefix` has 8."""


def path_of(operation: Operation, value: str = UNKNOWN_ID) -> str:
    """Its path with *value* for each parameter."""
    path = operation.path
    for name in operation.path_parameters:
        path = path.replace(f"{{{name}}}", value)
    return path


def valid_body(trial: Trial, operation: Operation) -> dict[str, Any] | None:
    """A small body that a submission takes; none for what is no submission."""
    models = trial.contract.models_of(operation.id) if operation.is_submission else ()
    return minimal_body(models[0], PROMPT) if models else None


def called(trial: Trial, client: Client, operation: Operation, key: str | None) -> Exchange:
    """The operation, called with this key and a body that is right."""
    return client.send(operation.method, path_of(operation), value=valid_body(trial, operation), key=key)


@clause(
    "AUTH-1",
    "Without a key every operation but the model list answers 401 with an error.",
    level=Level.MUST,
    source=_KEYS,
    method=Method.EXAMPLE,
    broken_by="key-not-required",
)
def no_key_is_401(trial: Trial) -> None:
    """Calls each operation that needs a key without one, submissions with a valid body."""
    client = trial.client()
    for operation in trial.contract.operations:
        if operation.needs_key:
            trial.refused(called(trial, client, operation, None), UNAUTHORIZED)


WRONG_KEYS: dict[str, Callable[[str], str]] = {
    "unknown": lambda _: UNKNOWN_KEY,
    "empty": lambda _: "",
    "upper case": str.upper,
    "lower case": str.lower,
    "swapped case": str.swapcase,
    "a space in it": lambda key: f"{key[:6]} {key[6:]}",
    "cut by one": lambda key: key[:-1],
    "without its start": lambda key: key[1:],
    "one too long": lambda key: f"{key}0",
    "last one changed": lambda key: key[:-1] + ("0" if key[-1:] != "0" else "1"),
    "quoted": lambda key: f'"{key}"',
    "twice": lambda key: f"{key},{key}",
    "with a scheme": lambda key: _BEARER + key,
    "prefix alone": lambda key: key[:4],
    "a wildcard": lambda _: "*",
    "a quote": lambda _: "' OR '1'='1",
}


@clause(
    "AUTH-2",
    "A key that is unknown, empty, cut, extended or written in another case is refused with 401 like no key at all.",
    level=Level.MUST,
    source=_KEYS,
    method=Method.PROPERTY,
    broken_by="key-matched-loosely",
)
def wrong_key_is_401(trial: Trial) -> None:
    """Changes a good key in each of a list of ways, then sends generated texts and changes to random operations."""
    client = trial.client()
    guarded = [operation for operation in trial.contract.operations if operation.needs_key]
    free = [operation for operation in guarded if not operation.is_submission]

    def check(call: tuple[Operation, str]) -> None:
        operation, key = call
        if key != client.key:
            _hide(trial, client.key, key)
            trial.refused(called(trial, client, operation, key), UNAUTHORIZED)

    for change in WRONG_KEYS.values():
        check((free[0], change(client.key)))
    letters = "abcxyzABCXYZ0189_-."
    texts = st.one_of(
        st.text(letters, min_size=1, max_size=60),
        st.text(letters, min_size=1, max_size=44).map("afk_".__add__),
        st.integers(1, max(1, len(client.key) - 1)).map(lambda size: client.key[:size]),
        st.sampled_from(list(WRONG_KEYS)).map(lambda name: WRONG_KEYS[name](client.key)),
    )
    # a loose match would be served, so that a submission could cost: those take part where jobs are free
    operations = guarded if trial.session.target.levers is not None else free
    trial.each(st.tuples(st.sampled_from(operations), texts), check)


def _hide(trial: Trial, good: str, key: str) -> None:
    """Keep what gives a good key away out of reports."""
    if len(key) >= LONG_ENOUGH and good[: len(good) // 2].lower() in key.lower():
        trial.session.secrets.setdefault(key, "$CHANGED_API_KEY")


@clause(
    "AUTH-3",
    "A key that was deactivated is refused with 403.",
    level=Level.MUST,
    source="facts 3; docs-old authentication",
    method=Method.EXAMPLE,
    tier=3,
    needs=[Need.LEVERS],
    broken_by="inactive-key-works",
)
def inactive_key_is_403(trial: Trial) -> None:
    """Calls each operation that needs a key with an inactive one, and with one that is deactivated in between."""
    client = trial.client(active=False)
    fading = trial.client()
    trial.expect(fading.me(), OK)
    trial.levers.change_key(fading.key, active=False)
    for operation in trial.contract.operations:
        if operation.needs_key:
            trial.refused(called(trial, client, operation, client.key), FORBIDDEN)
            trial.refused(called(trial, fading, operation, fading.key), FORBIDDEN)


@clause(
    "AUTH-4",
    "Whether an API key passes as a bearer token, and which of two different credentials counts, is noted.",
    level=Level.RECORD,
    source="document, the two schemes; facts 3",
    method=Method.EXAMPLE,
    unbroken_because="nothing is promised",
)
def bearer_is_recorded(trial: Trial) -> None:
    """Reads the account with the key as a bearer token, alone and beside another X-API-Key."""
    client = trial.client()

    def status(token: str, key: str | None) -> int | None:
        authorization = _BEARER + token
        if client.key in token:
            trial.session.secrets[authorization] = f"{_BEARER}$APIFRAME_API_KEY"
        return client.send("GET", "/v2/me", headers=[("Authorization", authorization)], key=key).status

    trial.record("the key as bearer token", status(client.key, None))
    trial.record("unknown bearer token", status(UNKNOWN_KEY, None))
    trial.record("good key, unknown bearer token", status(UNKNOWN_KEY, client.key))
    trial.record("unknown key, good bearer token", status(client.key, UNKNOWN_KEY))
    trial.record("empty key, good bearer token", status(client.key, ""))


@clause(
    "AUTH-5",
    "A job of another user is answered with 404, as if it were not there, and stands in no list of theirs.",
    level=Level.MUST,
    source="document, GET /v2/jobs/{id} 404; facts 4",
    method=Method.STATE_MACHINE,
    tier=1,
    needs=[Need.GOLDEN_JOB, Need.SECOND_KEY],
    broken_by="strangers-see-jobs",
)
def strangers_see_nothing(trial: Trial) -> None:
    """Looks for a watched job with the key of another user, by its id and in the list."""
    for story in trial.stories():
        stranger = trial.session.other_client()
        seen = stranger.job(story.job_id)
        nobodys = stranger.job(UNKNOWN_ID)
        trial.refused(seen, NOT_FOUND)
        trial.require(
            seen.fields.keys() == nobodys.fields.keys(), "an answer like that for a job that nobody has", seen
        )
        found = trial.expect(stranger.jobs(search=story.job_id), OK)
        trial.require(not found["jobs"], "no job of another user in a search", stranger.jobs(search=story.job_id))
        page = stranger.jobs(limit=100)
        ids = {job["id"] for job in trial.expect(page, OK)["jobs"]}
        trial.require(story.job_id not in ids, "no job of another user in the list", page)
        return


@clause(
    "AUTH-6",
    "The key is checked before the body: a bad body without a good key is a 401.",
    level=Level.SHOULD,
    source="facts 5, chosen",
    method=Method.PROPERTY,
    broken_by="body-before-key",
)
def key_comes_before_body(trial: Trial) -> None:
    """Sends invalid bodies, and texts that are no JSON, without a key and with an unknown one."""
    client = trial.client()
    keys = st.sampled_from([None, UNKNOWN_KEY])

    for operation in trial.contract.submissions:
        models = trial.contract.models_of(operation.id)
        faulty = st.sampled_from(models).flatmap(lambda model: mutations(model, trial.contract))

        def check(call: tuple[Any, str | None], path: str = operation.path) -> None:
            fault, key = call
            trial.refused(client.send("POST", path, value=fault.body, key=key), UNAUTHORIZED)

        for body in (b"", b"{", b"[]", b"\xff"):
            trial.refused(client.send("POST", operation.path, body=body, key=None), UNAUTHORIZED)
        trial.each(st.tuples(faulty, keys), check)


@clause(
    "AUTH-7",
    "GET /v2/models is answered without a key, and with a bad one.",
    level=Level.MUST,
    source="document, GET /v2/models",
    method=Method.EXAMPLE,
    broken_by="models-need-a-key",
)
def models_need_no_key(trial: Trial) -> None:
    """Asks without a key, with an unknown, an empty and a good one, and with an unknown bearer token."""
    client = trial.client()
    for operation in trial.contract.operations:
        if operation.needs_key:
            continue
        path = path_of(operation)
        answers = [client.send(operation.method, path, key=key) for key in (client.key, None, UNKNOWN_KEY, "")]
        bearer = [("Authorization", _BEARER + UNKNOWN_KEY)]
        answers.append(client.send(operation.method, path, key=None, headers=bearer))
        for answer in answers:
            trial.expect(answer, operation.success)


def key_shown(exchange: Exchange, key: str) -> str | None:
    """Where the key that was sent stands in the answer; none where it does not."""
    bearers = [value[len(_BEARER) :] for name, value in exchange.headers if name.lower() == "authorization"]
    sent = [value for name, value in exchange.headers if name.lower() == KEY_HEADER.lower()]
    for secret in {key, *sent, *bearers}:
        if len(secret) < LONG_ENOUGH:
            continue
        if secret.encode("utf-8", "surrogateescape") in exchange.answer:
            return "the body repeats the key"
        header = next((name for name, value in exchange.answer_headers if secret in value), None)
        if header is not None:
            return f"the header {header} repeats the key"
    return None


@clause(
    "AUTH-8",
    "The key never appears in an answer, neither in its body nor in a header.",
    level=Level.MUST,
    source="design 2",
    method=Method.PROPERTY,
    broken_by="key-echoed",
)
def key_is_never_shown(trial: Trial) -> None:
    """Looks at every answer of the run; besides, calls each operation with good and bad keys, right and wrong."""
    for exchange in visits(trial):
        fault = key_shown(exchange, "")
        trial.require(fault is None, "an answer without the key", exchange, cause=fault or "")


def visits(trial: Trial) -> Iterator[Exchange]:
    """Answers of all kinds, fewer on a real endpoint; none of them costs anything outside of a mock."""
    client, is_paid = trial.client(), trial.session.target.is_paid
    for key in (client.key, None) if is_paid else (client.key, UNKNOWN_KEY, None):
        for operation in trial.contract.operations:
            path = path_of(operation)
            if operation.is_submission:
                if not (is_paid and key):  # a run that may not submit can look at the rest
                    yield client.send(operation.method, path, value={}, key=key)
                    yield client.send(operation.method, path, body=b"{", key=key)
            else:
                yield client.send(operation.method, path, key=key)
            if operation.path_parameters:
                yield client.send(operation.method, path_of(operation, "no-uuid"), key=key)
            if operation.query:
                yield client.send(operation.method, f"{path}?modality=none&limit=none", key=key)
            if not is_paid:
                yield client.send("PUT", path, key=key)
        yield client.send("GET", "/v2/no-such-path", key=key)
    bearer = [("Authorization", _BEARER + UNKNOWN_KEY)]
    yield client.send("GET", "/v2/me", headers=bearer, key=None)
    if trial.session.target.levers is not None:
        job_id = trial.accepted(client, trial.body())
        yield client.job(job_id)
        yield client.submit(trial.body())


@clause(
    "AUTH-9",
    "`scope=team` asked by somebody who is no admin is refused with 403.",
    level=Level.MUST,
    source="document, GET /v2/jobs 403; facts 4",
    method=Method.EXAMPLE,
    broken_by="team-scope-for-all",
)
def team_scope_is_for_admins(trial: Trial) -> None:
    """Asks as a member, with and without other parameters; where roles are given, as an admin of that team too."""
    if trial.session.target.levers is not None:
        admin = trial.client(role="ADMIN")
        trial.expect(admin.jobs(scope="team"), OK)
        member = trial.client(role="MEMBER", team=admin.team_id)
    else:
        member = _member(trial)
    for query in ({"scope": "team"}, {"scope": "team", "limit": 1}, {"scope": "team", "status": "COMPLETED"}):
        trial.refused(member.jobs(**query), FORBIDDEN)
    trial.expect(member.jobs(scope="user"), OK)
    trial.refused(member.jobs(scope="everybody"), BAD_REQUEST)


def _member(trial: Trial) -> Client:
    """Whichever of the keys at hand belongs to a plain member.

    Raises:
        Skip: neither does.
    """
    clients = [trial.client()]
    if trial.session.target.second_key:
        clients.append(trial.session.other_client())
    for client in clients:
        if trial.expect(client.me(), OK)["user"]["role"] == "MEMBER":
            return client
    msg = "needs the key of a user who is no admin"
    raise Skip(msg)


WATCHERS: dict[str, Callable[[], Look]] = {"AUTH-8": lambda: key_shown}
"""What looks at every exchange of a run, made anew for each run."""
