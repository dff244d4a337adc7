"""Fault rules: which requests, how often, and what happens to them.

Whether a rule fires at the n-th request that fits it is a pure function of the rule, of n and of the run's seed: the
only state is one number a rule. Spans are seconds; delays are real time, windows are the mock's clock.
"""

import math
import sys
from collections.abc import Mapping
from hashlib import blake2b
from statistics import NormalDist
from typing import Any, NamedTuple

from mockserver.core.accounts import KeyName
from mockserver.core.directives import DEFAULT_ERROR, NONE, Directives
from mockserver.core.documents import DocumentError, Mistake
from mockserver.core.durations import duration_s
from mockserver.core.jsontext import encode
from mockserver.core.matching import Match, read_match

PASS, FIRE, DROP = "pass", "fire", "drop"
ANSWER_FIELDS = ("respond", "gateway", "delay", "drop", "truncate", "drip", "malformed", "contentType")
REPLACING = ("respond", "gateway", "drop")
"""Of one answer at most one of these can be."""
FRAMING = ("content-length", "transfer-encoding", "connection")
"""Headers that say where an answer ends: never the rule's."""
_OFTEN = ("times", "probability", "schedule")


class Respond(NamedTuple):
    """An answer instead of the API's own."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    has_body: bool = False
    """Whether `body` is sent; else the API's own body of this status."""
    body: Any = None
    content_type: str = ""


class Delay(NamedTuple):
    """A span between two bounds, or spread around a mean."""

    least_s: float
    most_s: float
    is_normal: bool = False
    """Then the two are mean and deviation."""

    def drawn(self, unit: float) -> float:
        """The span for a number between 0 and 1."""
        if not self.is_normal:
            return self.least_s + (self.most_s - self.least_s) * unit
        if self.most_s == 0:
            return self.least_s
        return max(0.0, NormalDist(self.least_s, self.most_s).inv_cdf(min(max(unit, 1e-9), 1 - 1e-9)))


class AnswerFault(NamedTuple):
    """What happens to an answer; the defaults do nothing."""

    respond: Respond | None = None
    gateway: int | None = None
    """Status of an HTML page, as a gateway sends it."""
    commits: bool = False
    """Whether the work is done before its answer is replaced."""
    delay_s: float = 0.0
    drop: str = ""
    """`before` or `after` the work."""
    truncate: int | None = None
    drip_s: float | None = None
    is_malformed: bool = False
    content_type: str = ""

    @property
    def replaces(self) -> bool:
        """Whether it takes the place of the answer, so that later rules have nothing to do."""
        return self.respond is not None or self.gateway is not None or bool(self.drop)

    @property
    def spares_the_work(self) -> bool:
        """Whether the request never reaches the API."""
        return self.replaces and self.drop != "after" and not self.commits


class JobFault(NamedTuple):
    """What a job is ordered to do."""

    errors: tuple[str, ...] = ()
    is_stuck: bool = False
    is_cancelled: bool = False
    is_instant: bool = False
    processing_s: float | None = None
    factor: float = 1.0
    """By which its typical time is multiplied."""
    queued_s: float | None = None
    webhook: str = ""
    webhook_late_s: float = 0.0


class Rule(NamedTuple):
    """One fault rule."""

    id: str
    given: Mapping[str, Any]
    """As it was written, the key shown by its prefix."""
    match: Match
    chance: str
    """What its chance hangs on beside the seed: the id that it was written with, or else its text."""
    calls: tuple[int, ...] | range = ()
    """Fires at these requests of those that fit; empty: at all."""
    times: float = math.inf
    probability: float = 1.0
    schedule: tuple[Any, ...] | None = None
    answer: AnswerFault | None = None
    delay: Delay | None = None
    job: JobFault | None = None
    begins_at: float = -math.inf
    ends_at: float = math.inf
    read_at: float = 0.0
    """When it was made, from which its window counts."""
    origin: str = "api"

    def is_active(self, now: float) -> bool:
        """Whether its window is open."""
        return self.begins_at <= now < self.ends_at

    @property
    def is_about_jobs(self) -> bool:
        """Whether it orders what becomes of jobs, rather than of answers."""
        return self.job is not None


def read_rule(
    fields: Mapping[str, Any], rule_id: str, now: float, origin: str = "api", key: KeyName | None = None
) -> Rule:
    """A rule from its JSON form, which is valid by its schema; its window is counted from *now*.

    *rule_id* is what it goes by, whatever id it was written with; *key* limits it, unless it names one.

    Raises:
        DocumentError: parts of it contradict each other.
    """
    _check_sense(fields)
    matched = dict(fields.get("match", {}))
    calls = matched.pop("call", ())
    match = read_match(matched)
    if key is not None and not match.digest:
        match = match._replace(digest=key.digest, key_prefix=key.prefix)
    keyless = {**fields, "match": {**matched, "key": match.digest}} if "key" in matched else fields
    shown = {**fields, "id": rule_id}
    if match.digest:
        shown["match"] = {**fields.get("match", {}), "key": f"{match.key_prefix}…"}
    delay = _delay(fields["delay"]) if "delay" in fields else None
    begins_at = now + duration_s(fields["from"]) if "from" in fields else -math.inf
    ends_at = max(now, begins_at) + duration_s(fields["for"]) if "for" in fields else math.inf
    schedule = fields.get("schedule")
    return Rule(
        id=rule_id,
        given=shown,
        match=match,
        chance=fields.get("id") or encode(keyless).decode(),
        calls=_calls(calls),
        times=fields.get("times", math.inf),
        probability=fields.get("probability", 1.0),
        schedule=None if schedule is None else tuple(map(_scheduled, schedule)),
        answer=_answer_fault(fields),
        delay=delay,
        job=_job_fault(fields),
        begins_at=begins_at,
        ends_at=ends_at,
        origin=origin,
        read_at=now,
    )


def written(rule: Rule) -> dict[str, Any]:
    """All that a rule is, as JSON, its key by digest and prefix: for `rule_of`."""
    fields = dict(rule.given)
    if "match" in fields:
        fields["match"] = {name: value for name, value in fields["match"].items() if name != "key"}
    return {
        "id": rule.id,
        "fields": fields,
        "key": [rule.match.digest, rule.match.key_prefix],
        "at": rule.read_at,
        "origin": rule.origin,
        "chance": rule.chance,
    }


def rule_of(value: Mapping[str, Any]) -> Rule:
    """The rule again."""
    digest, prefix = value["key"]
    key = KeyName(digest, prefix) if digest else None
    return read_rule(value["fields"], value["id"], value["at"], value["origin"], key)._replace(chance=value["chance"])


def answer_at(rule: Rule, call: int, seed: int) -> AnswerFault | None:
    """What the rule does to the answer of the *call*-th request that fits it, from 1; none when it does not fire."""
    if not _fires(rule, call, seed):
        return None
    entry = rule.schedule[call - 1] if rule.schedule is not None else FIRE
    if isinstance(entry, AnswerFault):
        return entry
    fault = rule.answer
    if fault is not None and rule.delay is not None:
        fault = fault._replace(delay_s=rule.delay.drawn(unit(seed, rule.chance, call, "delay")))
    return fault


def orders_at(rule: Rule, call: int, seed: int, orders: Directives) -> Directives | None:
    """The orders of the *call*-th job that fits the rule, over those of its prompt; none when it does not fire."""
    job = rule.job
    if job is None or not _fires(rule, call, seed):
        return None
    if job.errors:
        chosen = job.errors[int(unit(seed, rule.chance, call, "error") * len(job.errors))]
        orders = orders._replace(error=chosen)
    return orders._replace(
        is_stuck=orders.is_stuck or job.is_stuck,
        is_cancelled=orders.is_cancelled or job.is_cancelled,
        is_instant=orders.is_instant or job.is_instant,
        processing_s=orders.processing_s if job.processing_s is None else job.processing_s,
        factor=orders.factor * job.factor,
        queued_s=orders.queued_s if job.queued_s is None else job.queued_s,
        webhook=job.webhook or orders.webhook,
        webhook_late_s=max(orders.webhook_late_s, job.webhook_late_s),
    )


def left(rule: Rule, calls: int) -> int | None:
    """How often the rule can still fire after *calls* requests that fitted; none where there is no end."""
    if rule.schedule is not None:
        return len([entry for entry in rule.schedule[calls:] if entry != PASS])
    if rule.calls:
        return None if isinstance(rule.calls, range) else sum(call > calls for call in rule.calls)
    return None if rule.times == math.inf else max(0, int(rule.times) - calls)


def unit(seed: int, *about: object) -> float:
    """A number from 0 to 1, below 1, that depends on the arguments alone."""
    digest = blake2b(repr((seed, *about)).encode(), digest_size=7).digest()
    return int.from_bytes(digest) / 2**56


def _fires(rule: Rule, call: int, seed: int) -> bool:
    if rule.calls and call not in rule.calls:
        return False
    if rule.schedule is not None:
        return call <= len(rule.schedule) and rule.schedule[call - 1] != PASS
    return call <= rule.times and (rule.probability >= 1 or unit(seed, rule.chance, call) < rule.probability)


def _check_sense(fields: Mapping[str, Any]) -> None:
    often = [name for name in (*_OFTEN, "call") if name in (fields if name != "call" else fields.get("match", {}))]
    if len(often) > 1:
        raise DocumentError([Mistake("", f"{' and '.join(often)} contradict each other: want one of them")])
    answers = [name for name in ANSWER_FIELDS if name in fields]
    scheduled = [entry for entry in fields.get("schedule", ()) if entry not in (PASS, FIRE)]
    effects = ["an answer"] if answers or scheduled else []
    effects += [name for name in ("job", "webhook") if name in fields]
    if not effects:
        wanted = ", ".join((*ANSWER_FIELDS, "job", "webhook"))
        raise DocumentError([Mistake("", f"does nothing: want one of {wanted}, or a schedule of statuses")])
    if "an answer" in effects and len(effects) > 1:
        names = answers or ["schedule"]
        raise DocumentError([Mistake("", f"{names[0]} is about answers, {effects[1]} about jobs: want two rules")])
    replacing = [name for name in REPLACING if name in fields]
    if len(replacing) > 1:
        raise DocumentError([Mistake("", f"{' and '.join(replacing)} contradict each other: want one of them")])
    if fields.get("commit") and not {"respond", "gateway"} & set(fields):
        raise DocumentError([Mistake("commit", 'goes with respond or gateway; a drop is "after"')])
    if FIRE in fields.get("schedule", ()) and not (answers or len(effects) > (1 if scheduled else 0)):
        raise DocumentError([Mistake("schedule", '"fire" does what the rule says, and it says nothing')])


def _calls(value: Any) -> tuple[int, ...] | range:
    match value:
        case int():
            return (value,)
        case {"every": every}:
            return range(value.get("first", every), sys.maxsize, every)
        case _:
            return tuple(value)


def _scheduled(entry: Any) -> Any:
    match entry:
        case "drop":
            return AnswerFault(drop="before")
        case str():
            return entry
        case int():
            return AnswerFault(respond=Respond(entry))
        case _:
            return AnswerFault(respond=_respond(entry))


def _answer_fault(fields: Mapping[str, Any]) -> AnswerFault | None:
    if not any(name in fields for name in ANSWER_FIELDS):
        return None
    return AnswerFault(
        respond=_respond(fields["respond"]) if "respond" in fields else None,
        gateway=fields.get("gateway"),
        commits=fields.get("commit", False),
        drop=fields.get("drop", ""),
        truncate=fields.get("truncate"),
        drip_s=duration_s(fields["drip"]) if "drip" in fields else None,
        is_malformed=fields.get("malformed", False),
        content_type=fields.get("contentType", ""),
    )


def _respond(fields: Mapping[str, Any]) -> Respond:
    headers = dict(fields.get("headers", {}))
    kinds = [headers.pop(name) for name in list(headers) if name.lower() == "content-type"]
    framing = [name for name in headers if name.lower() in FRAMING]
    if framing:
        raise DocumentError([Mistake("respond.headers", f"{framing[0]} is the server's own; truncate cuts a body")])
    kind = fields.get("contentType", kinds[0] if kinds else "")
    return Respond(fields["status"], tuple(headers.items()), "body" in fields, fields.get("body"), kind)


def _delay(value: Any) -> Delay:
    if isinstance(value, str):
        span = duration_s(value)
        return Delay(span, span)
    if "min" in value:
        return Delay(duration_s(value["min"]), duration_s(value["max"]))
    return Delay(duration_s(value["mean"]), duration_s(value["deviation"]), is_normal=True)


def _job_fault(fields: Mapping[str, Any]) -> JobFault | None:
    if "job" not in fields and "webhook" not in fields:
        return None
    job, hook = fields.get("job", {}), fields.get("webhook", "")
    fail, slow = job.get("fail"), job.get("slow")
    return JobFault(
        errors=_errors(fail),
        is_stuck="stuck" in job,
        is_cancelled="cancel" in job,
        is_instant="instant" in job,
        processing_s=duration_s(slow) if isinstance(slow, str) else None,
        factor=NONE.factor if slow is None or isinstance(slow, str) else float(slow),
        queued_s=duration_s(job["queued"]) if "queued" in job else None,
        webhook=hook if isinstance(hook, str) else "",
        webhook_late_s=0.0 if isinstance(hook, str) else duration_s(hook["late"]),
    )


def _errors(fail: Any) -> tuple[str, ...]:
    match fail:
        case None:
            return ()
        case bool():
            return (DEFAULT_ERROR,)
        case str():
            return (fail,)
        case _:
            return tuple(fail)
