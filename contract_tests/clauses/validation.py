"""VAL: which requests are valid, and what is said about those that are not."""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from contract_tests.clause import Level, Method, clause
from contract_tests.clauses.auth import UNKNOWN_KEY
from contract_tests.client import GENERATE, Client, encoded
from contract_tests.contract import INFINITE, Body, Contract, Model, PathSteps, Schema, problems
from contract_tests.exchange import Exchange
from contract_tests.mutations import KINDS, WITH_KEYS, Mutation, faults, mutations, several
from contract_tests.strategies import (
    bodies_of,
    boundaries,
    full_body,
    leaves,
    minimal_body,
    minimal_value,
    with_value,
)
from contract_tests.trial import ACCEPTED, BAD_REQUEST, NOT_FOUND, OK, PROMPT, UNAUTHORIZED, Trial

_BODY = "document, request bodies; seed"
_LIST = "document, GET /v2/jobs; facts 8"
RICH = 1_000_000
"""Credits for as many jobs as a check may want."""
BY_UNITS = ".utf-16"
"""Ends the name of a limit whose outside keeps it, for whoever counts characters."""
EITHER = (BAD_REQUEST, UNAUTHORIZED)
"""What a bad body with a bad key gets; which of the two is another clause."""
ASTRAL = "\U0001f98a"
FAULTS_AT_ONCE = 3


def submitted(trial: Trial, client: Client, model: Model, value: Any) -> Exchange:
    """The answer to a body for the model, where that model is asked for."""
    return client.submit(value, path=trial.contract.operation(model.operation).path)


def taken(trial: Trial, client: Client, model: Model, value: Any) -> str:
    """Submit a body for the model that must be accepted, at a price; the job's id."""
    trial.buy(value)
    return str(trial.expect(submitted(trial, client, model, value), ACCEPTED)["jobId"])


def is_surely_wrong(model: Model, body: Any) -> bool:
    """Whether a body is invalid for whoever reads the contract in another lawful way too.

    Nobody says how characters are counted, what a digit is in a pattern, or how large a number may be. A server that
    takes such a body breaks nothing, and the job that it starts would cost.
    """
    return bool(problems(model.body_schema, _in_plain_words(body)))


def _in_plain_words(value: Any) -> Any:
    match value:
        case dict():
            return {name: _in_plain_words(item) for name, item in value.items()}
        case list():
            return [_in_plain_words(item) for item in value]
        case "http://":
            return "http://host"  # RFC 3986 allows an empty host
        case str():
            plain = re.sub(r"[\U00010000-\U0010ffff]", "\ufffd", value)
            return re.sub(r"\d", lambda digit: str(int(digit[0])), plain).removesuffix("\n")
        case int() if abs(value) >= INFINITE:
            return 10**300
        case _:
            return value


class Planted(NamedTuple):
    """A model and an invalid body for it."""

    model: Model
    fault: Mutation


def planted(contract: Contract, kind: str) -> SearchStrategy[Planted]:
    """Bodies with one fault of this kind, for all models that can have one, which every server must refuse."""
    models = [model for model in contract.models if kind in faults(model, contract)]
    found = st.sampled_from(models).flatmap(
        lambda model: st.builds(Planted, st.just(model), mutations(model, contract, kind))
    )
    return found.filter(lambda each: is_surely_wrong(each.model, each.fault.body))


def each_planted(trial: Trial, check: Callable[[Planted], None]) -> None:
    """Try the check on faults of every kind, as many of each."""
    for kind in KINDS:
        if any(kind in faults(model, trial.contract) for model in trial.contract.models):
            trial.each(planted(trial.contract, kind), check, max(2, trial.session.examples // len(KINDS)))


@clause(
    "VAL-1",
    "A body that the document does not allow is refused with 400, a text `error` and, by field, lists of texts.",
    level=Level.MUST,
    source=_BODY,
    method=Method.PROPERTY,
    broken_by="unknown-fields-pass",
)
def invalid_body_is_400(trial: Trial) -> None:
    """Plants one fault in a valid body: a field missing, of another type, out of range, unknown, or nearly right."""
    client = trial.client()

    def check(each: Planted) -> None:
        trial.expect(submitted(trial, client, each.model, each.fault.body), BAD_REQUEST)

    each_planted(trial, check)


@clause(
    "VAL-2",
    "A body that the document allows is accepted with 202, the job's id, which is a UUID, and its status.",
    level=Level.MUST,
    source=_BODY,
    method=Method.PROPERTY,
    tier=2,
    jobs=2,
    broken_by="valid-body-refused",
)
def valid_body_is_202(trial: Trial) -> None:
    """Sends the least and the fullest body of every model, then random ones; where jobs cost, two of one model."""
    client = trial.client(credits=RICH)
    if trial.session.target.levers is None:
        model = trial.cheapest
        for body in (minimal_body(model, PROMPT), _without_files(full_body(model, f"{PROMPT}, Füchse"))):
            taken(trial, client, model, body)
        return
    for model in trial.contract.models:
        trial.session.trace.clear()
        for body in (minimal_body(model, PROMPT), full_body(model, PROMPT)):
            taken(trial, client, model, body)
    any_body = st.sampled_from(trial.contract.models).flatmap(
        lambda model: st.tuples(st.just(model), bodies_of(model).filter(_has_plain_addresses))
    )
    trial.each(any_body, lambda each: taken(trial, client, *each) and None)


def _without_files(body: Body) -> Body:
    """Without lists and addresses in parameter objects, which a server may want to download before it says 202."""
    return {name: _scalars(item) if isinstance(item, dict) else item for name, item in body.items()}


def _scalars(fields: Body) -> Body:
    return {
        name: item
        for name, item in fields.items()
        if not isinstance(item, list) and not (isinstance(item, str) and "://" in item)
    }


def _has_plain_addresses(value: Any) -> bool:
    """Whether every address is one by RFC 3986 too; VAL-11 looks at the others."""
    match value:
        case dict():
            return all(_has_plain_addresses(item) for item in value.values())
        case list():
            return all(map(_has_plain_addresses, value))
        case str():
            return value.isascii() or "://" not in value
        case _:
            return True


@clause(
    "VAL-3",
    "Limits hold on both sides: a value at the limit is accepted, the next one beyond it is refused with 400.",
    level=Level.MUST,
    source=_BODY,
    method=Method.PROPERTY,
    broken_by="limit-off-by-one",
)
def limits_hold(trial: Trial) -> None:
    """Walks the limits of every model: lengths, numbers, list sizes; where jobs cost, only what must be refused."""
    client = trial.client(credits=RICH)
    is_free = trial.session.target.levers is not None
    models = [trial.cheapest] if trial.session.target.is_paid else trial.contract.models
    for model in models:
        for limit in boundaries(model, PROMPT):
            if limit.name.endswith(BY_UNITS):
                continue
            trial.session.trace.clear()
            trial.expect(submitted(trial, client, model, limit.outside), BAD_REQUEST)
            if is_free:
                taken(trial, client, model, limit.inside)
                trial.session.limits.add(limit.name)


@clause(
    "VAL-4",
    "`details` names the path of the field that is wrong.",
    level=Level.SHOULD,
    source="document, 400; facts 4",
    method=Method.PROPERTY,
    broken_by="details-without-path",
)
def details_name_the_field(trial: Trial) -> None:
    """Plants one fault in a valid body and looks for its place among the keys of `details`."""
    client = trial.client()

    def check(each: Planted) -> None:
        answer = submitted(trial, client, each.model, each.fault.body)
        keys = detailed(trial.expect(answer, BAD_REQUEST))
        wanted = {each.fault.path, *([""] if each.fault.kind in WITH_KEYS else [])}
        is_named = any(_is_about(key, path) for key in keys for path in wanted)
        trial.require(is_named, f"`{each.fault.path}` among the keys of details", answer, cause="another path")

    each_planted(trial, check)


def detailed(answer: Body) -> Sequence[str]:
    """The paths that `details` names, written with dots."""
    details = answer.get("details")
    names = details if isinstance(details, dict) else ()
    return [re.sub(r"\[(\d+)\]", r".\1", name).replace("/", ".").lstrip("$.").removeprefix("body.") for name in names]


def _is_about(key: str, path: str) -> bool:
    """Whether a key names the path, the list that the path is an item of, or something within it."""
    return key in {path, re.sub(r"(\.\d+)+$", "", path)} or bool(path and key.startswith(f"{path}."))


@clause(
    "VAL-5",
    "Whether one answer reports all that is wrong with a body is noted.",
    level=Level.RECORD,
    source="nobody says",
    method=Method.PROPERTY,
    unbroken_because="nothing is promised",
)
def several_faults_are_recorded(trial: Trial) -> None:
    """Plants three faults in different fields and counts how many of them `details` names."""
    client = trial.client()
    counts: Counter[str] = Counter()
    strategy = st.sampled_from(trial.contract.models).flatmap(
        lambda model: st.tuples(st.just(model), several(model, trial.contract, FAULTS_AT_ONCE))
    )

    def check(each: Any) -> None:
        model, fault = each
        answer = submitted(trial, client, model, fault.body)
        keys = detailed(dict(answer.fields))
        named = sum(any(_is_about(key, path) for key in keys) for path in fault.paths)
        counts[f"{named} of {FAULTS_AT_ONCE}" if answer.status == BAD_REQUEST else f"status {answer.status}"] += 1

    trial.each(strategy.filter(lambda each: is_surely_wrong(each[0], each[1].body)), check)
    trial.record("faults named, and in how many answers", dict(sorted(counts.items())))


@clause(
    "VAL-6",
    "A refused request makes no job, takes no credits and leaves its idempotency key free.",
    level=Level.MUST,
    source="facts 5 and 7",
    method=Method.STATE_MACHINE,
    broken_by="refusal-charges",
)
def refusal_changes_nothing(trial: Trial) -> None:
    """Reads balance and list around refused requests of every kind; where jobs are free, uses their keys afterwards."""
    client = trial.client()
    balance, known = trial.balance(client), [job["id"] for job in trial.listed(client, limit=100)]
    body = trial.body()
    bad_values = [
        {},
        {**body, "prompt": ""},
        {**body, "prompt": 1},
        {**body, "model": "no-such-model"},
        {**body, "no_such_field": 1},
        {"model": body["model"]},
        {**body, trial.cheapest.parameters_name: "no object"},
        [body],
    ]
    keys = []
    for raw in [*map(encoded, bad_values), b"", b"{", encoded(body)[:-1], b"\xff"]:
        keys.append(trial.session.new_name("refused"))
        header = [("Idempotency-Key", keys[-1])]
        trial.refused(client.send("POST", GENERATE, body=raw, headers=header), BAD_REQUEST)
        if len(keys) <= len(bad_values):
            trial.refused(client.send("POST", GENERATE, body=raw, headers=header, key=UNKNOWN_KEY), *EITHER)
    trial.require_balance(client, balance, f"balance {balance} still")
    now = [job["id"] for job in trial.listed(client, limit=100)]
    trial.require(now == known, f"{len(known)} jobs still", f"{len(now)} jobs", cause="a job was made")
    if trial.session.target.levers is not None:
        trial.refused(client.submit(body, "k" * 256), BAD_REQUEST)
        trial.require_balance(client, balance, f"balance {balance} still")
        made = [trial.accepted(client, body, key) for key in keys]
        trial.require(len(set(made)) == len(keys), "a job of its own for each key", f"{len(set(made))} jobs")


class Place(NamedTuple):
    """A number in the body of a model."""

    model: Model
    path: PathSteps
    schema: Schema

    def filled(self, value: Any) -> Any:
        """A body that is valid but for this value."""
        return with_value(self.model.body_schema, minimal_body(self.model, PROMPT), self.path, value)


def numbers(contract: Contract, *kinds: str) -> list[Place]:
    """Every place of a number of these types, by model."""
    return [
        Place(model, path, schema)
        for model in contract.models
        for path, schema in leaves(model.body_schema)
        if schema.get("type") in kinds and "enum" not in schema
    ]


@clause(
    "VAL-7",
    "1.0 is an integer; true is no number, and NaN and Infinity are no JSON: they are refused with 400.",
    level=Level.SHOULD,
    source="RFC 8259; JSON Schema 2020-12",
    method=Method.PROPERTY,
    broken_by="true-is-a-number",
)
def numbers_are_json_numbers(trial: Trial) -> None:
    """Puts such values where numbers go, in bodies that are valid otherwise; 1.0 only where jobs are free."""
    client = trial.client(credits=RICH)
    wrong = st.sampled_from([True, False, float("nan"), float("inf"), float("-inf")])
    places = numbers(trial.contract, "integer", "number")
    if not places:
        return

    def refuse(each: tuple[Place, Any]) -> None:
        place, value = each
        trial.refused(submitted(trial, client, place.model, place.filled(value)), BAD_REQUEST)

    def accept(place: Place) -> None:
        taken(trial, client, place.model, place.filled(float(minimal_value(place.schema))))

    refuse((places[0], True))
    trial.each(st.tuples(st.sampled_from(places), wrong), refuse)
    if trial.session.target.levers is not None:
        trial.each(st.sampled_from(numbers(trial.contract, "integer")), accept)


_WORDS = st.text(string.ascii_letters, min_size=1, max_size=12)
_BAD_LIMITS = ("0", "101", "-1", "1000", "x", "ten", "1.5", "99999999999999999999", "NaN", "null", "1;2", "1,2", "true")
BAD_QUERIES: dict[str, SearchStrategy[str]] = {
    "limit": st.one_of(
        st.sampled_from(_BAD_LIMITS),
        st.integers(max_value=0).map(str),
        st.integers(min_value=101).map(str),
        _WORDS.filter(lambda word: not re.fullmatch(r"(?i)infinity|nan", word)),
    ),
    "status": st.one_of(st.sampled_from(["queued", "DONE", "COMPLETED,FAILED", "Completed", "null", "*"]), _WORDS),
    "scope": st.one_of(st.sampled_from(["all", "TEAM", "user,team", "me"]), _WORDS),
    "search": st.one_of(st.sampled_from(["fox", "0", UNKNOWN_KEY, "a1b2c3d4-e5f6-7890-abcd-ef123456789"]), _WORDS),
    "include_models": st.sampled_from(["maybe", "2", "truefalse", "null"]),
    "cursor": st.one_of(st.sampled_from(["x", "!", "null", "e30", "eyJpZCI6IngifQ"]), _WORDS),
}
_ALLOWED_WORDS = {"user", "team"}


@clause(
    "VAL-8",
    "A query parameter that the document does not allow is refused with 400.",
    level=Level.MUST,
    source=_LIST,
    method=Method.PROPERTY,
    broken_by="limit-is-clamped",
)
def bad_query_is_400(trial: Trial) -> None:
    """Asks for lists with bad limits, statuses, scopes, searches, cursors, listed and drawn, and with two limits."""
    client = trial.client()

    def refuse(path: str) -> None:
        trial.expect(client.send("GET", path), BAD_REQUEST)

    for limit in _BAD_LIMITS:
        refuse(f"/v2/jobs?{urlencode({'limit': limit})}")
    refuse("/v2/jobs?limit=1&limit=2")
    refuse("/v2/models?modality=painting")
    pairs = st.one_of([st.tuples(st.just(name), values) for name, values in BAD_QUERIES.items()])
    trial.each(
        pairs.filter(lambda pair: pair[1] not in _ALLOWED_WORDS), lambda pair: refuse(f"/v2/jobs?{urlencode([pair])}")
    )
    trial.expect(client.jobs(limit=100, status="COMPLETED", scope="user", include_models="false"), OK)


_ID_LETTERS = string.ascii_letters + string.digits + "-_~!$'()*,@ ?#&=+:\u00e9\u72d0"
_A_UUID = re.compile(r"(?i)[{]?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}[}]?")
NEARLY_UUIDS = (
    "a1b2c3d4-e5f6-4890-abcd-ef123456789",
    "a1b2c3d4-e5f6-4890-abcd-ef12345678901",
    "a1b2c3d4-e5f6-4890-abcd-ef123456789g",
    "a1b2c3d4_e5f6_4890_abcd_ef1234567890",
    "a1b2c3d4-e5f6-4890-abcdef1234567890-",
    "job-a1b2c3d4-e5f6-4890-abcd-ef1234567890",
    "0",
    "1",
    "null",
    "undefined",
    "me",
)


@clause(
    "VAL-9",
    "A job id that is no UUID is refused with 400; a UUID that no job has is answered with 404.",
    level=Level.MUST,
    source="document, GET /v2/jobs/{id}; facts 8",
    method=Method.PROPERTY,
    broken_by="bad-id-is-404",
)
def bad_id_is_400(trial: Trial) -> None:
    """Looks for jobs under generated texts, near misses of UUIDs, and random UUIDs."""
    client = trial.client()

    def refuse(text: str) -> None:
        trial.refused(client.send("GET", f"/v2/jobs/{quote(text, safe='')}"), BAD_REQUEST)

    for text in NEARLY_UUIDS:
        refuse(text)
    texts = st.text(_ID_LETTERS, min_size=1, max_size=50)
    trial.each(texts.filter(lambda text: text.strip() and not _A_UUID.search(text)), refuse)
    trial.each(st.uuids(version=4), lambda job_id: trial.refused(client.job(str(job_id)), NOT_FOUND) and None)


@clause(
    "VAL-10",
    "Whether a prompt's length is counted in UTF-16 units or in characters is noted.",
    level=Level.RECORD,
    source="facts 11: JavaScript counts units",
    method=Method.EXAMPLE,
    tier=2,
    jobs=1,
    unbroken_because="nothing is promised",
)
def counting_is_recorded(trial: Trial) -> None:
    """Sends a prompt with more units and fewer characters than the limit; on a mock every such text of every model."""
    client = trial.client(credits=RICH)
    readings = {BAD_REQUEST: "UTF-16 units", ACCEPTED: "characters"}
    if trial.session.target.levers is None:
        model = trial.cheapest
        trial.session.purse.buy()
        answer = submitted(trial, client, model, minimal_body(model, ASTRAL * ((model.prompt_max or 0) // 2 + 1)))
        trial.record("a prompt's length counts", readings.get(answer.status or 0, answer.summary))
        return
    counts: Counter[str] = Counter()
    for model in trial.contract.models:
        for limit in boundaries(model, PROMPT):
            if limit.name.endswith(BY_UNITS):
                submitted(trial, client, model, limit.inside)
                answer = submitted(trial, client, model, limit.outside)
                counts[readings.get(answer.status or 0, f"status {answer.status}")] += 1
                trial.session.limits.add(limit.name)
    trial.record("a text's length counts, over all limits", dict(counts))


ODD_ADDRESSES = (
    "http://host.invalid/ x",
    "http://host.invalid/<>",
    "https://ex\u00e4mple.invalid/hook",
    "http:host.invalid",
    "javascript:alert(1)",
    "urn:x",
    "ftp://host.invalid/hook",
    "http://user:word@host.invalid/hook",
    "http://host.invalid:99999/hook",
    "http://127.0.0.1:9/hook",
    "http://localhost:9/hook",
    "http://[::1]:9/hook",
    "http://0x7f000001:9/hook",
    "http://10.0.0.1/hook",
    "http://169.254.169.254/hook",
)
LOOPBACK = "http://127.0.0.1:9/hook"


@clause(
    "VAL-11",
    "Which unusual addresses pass as `webhookUrl` is noted: no URI by RFC 3986, odd schemes, private hosts.",
    level=Level.RECORD,
    source="document, format uri; facts 9",
    method=Method.EXAMPLE,
    tier=2,
    jobs=1,
    unbroken_because="nothing is promised",
)
def odd_addresses_are_recorded(trial: Trial) -> None:
    """Submits jobs that want no event but failure, and completes them.

    Where jobs cost, sends bodies that lack a prompt, and one that is whole and names a loopback host.
    """
    client, model = trial.client(credits=RICH), trial.cheapest
    quiet = {"webhookEvents": ["failed"]}
    if trial.session.target.levers is None:
        for address in ODD_ADDRESSES:
            answer = submitted(trial, client, model, {"model": model.id, "webhookUrl": address})
            is_named = "webhookUrl" in detailed(dict(answer.fields))
            trial.record(address, f"{answer.status}, {'named' if is_named else 'not named'} in details")
        trial.session.purse.buy()
        answer = submitted(trial, client, model, {**minimal_body(model, PROMPT), **quiet, "webhookUrl": LOOPBACK})
        trial.record(f"{LOOPBACK}, in a valid body", answer.status)
        return
    for address in ODD_ADDRESSES:
        answer = submitted(trial, client, model, {**minimal_body(model, PROMPT), **quiet, "webhookUrl": address})
        if answer.status == ACCEPTED:
            trial.levers.end_job(str(answer.fields["jobId"]), complete=True)
        trial.record(address, answer.status)
