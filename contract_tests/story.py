"""A job watched from its submission to its end: what most clauses of the lifecycle are judged by.

On a mock as many as the profile says, in moved time; elsewhere one, the golden job: what it can settle for one price.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any, NamedTuple

from contract_tests.client import Client
from contract_tests.contract import Model
from contract_tests.exchange import Exchange
from contract_tests.outcome import Inconclusive, Step
from contract_tests.receiver import Mailbox, Received
from contract_tests.strategies import full_body, minimal_body
from contract_tests.trial import ACCEPTED, OK, PROMPT, Trial

TERMINAL = ("COMPLETED", "FAILED", "CANCELLED")
KEY_LENGTH = 255
LONGEST_S = 600.0
"""How long a job is watched where time cannot be moved."""
LONGEST_MOVED_S = 6 * 3600.0
"""The same where it can: well before keys are forgotten."""
MAIL_S = 15.0
MOVED_MAIL_S = 1.0
"""Real time that a webhook may take once its job has ended."""


class Plot(NamedTuple):
    """How one story shall go."""

    fails: bool = False
    has_webhook: bool = False
    events: tuple[str, ...] = ()
    """None: the server's default."""
    is_full: bool = False
    """Whether the body has every parameter."""


PLOTS = (
    Plot(),
    Plot(has_webhook=True),
    Plot(fails=True, has_webhook=True),
    Plot(has_webhook=True, events=("progress", "completed"), is_full=True),
    Plot(fails=True),
    Plot(has_webhook=True, events=("failed",)),
    Plot(fails=True, has_webhook=True, events=("completed",)),
)


class Sighting(NamedTuple):
    """The job's status as one answer showed it."""

    by: str
    """submit, replay, poll or list."""
    status: str
    exchange: Exchange


class Poll(dict[str, Any]):
    """A job as one answer showed it; a field that is not there reads as None, and `exchange` is that answer."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange.fields)
        self.exchange = exchange

    def __missing__(self, _: str) -> None:
        return None


@dataclass
class Story:
    """Everything that was seen of one job."""

    client: Client
    model: Model
    plot: Plot
    body: dict[str, Any]
    key: str
    job_id: str = ""
    """Empty: no submission was accepted."""
    is_rerun: bool = False
    """Whether the job is of an earlier run whose key was used again."""
    is_over: bool = False
    submissions: list[Exchange] = field(default_factory=list)
    """Sent at one moment, with one key."""
    refusal: Exchange | None = None
    """A body that had to be refused, with the key of the submissions, before them."""
    refused_after: Exchange | None = None
    """What a good body got with that key, if it was refused too."""
    replays: list[Exchange] = field(default_factory=list)
    """Sent later, with that key and the same bytes."""
    respelled: list[Exchange] = field(default_factory=list)
    """The same with an equal body, spelled otherwise."""
    sightings: list[Sighting] = field(default_factory=list)
    polls: list[Poll] = field(default_factory=list)
    twins: list[tuple[Exchange, Exchange]] = field(default_factory=list)
    """Pairs of polls with nothing between them."""
    entries: list[dict[str, Any]] = field(default_factory=list)
    """The job's entry whenever the list was read, each followed by `poll_at_entry`."""
    poll_at_entry: list[Poll] = field(default_factory=list)
    balances: list[int] = field(default_factory=list)
    """Before, right after the submissions, at the end."""
    mail: list[Received] = field(default_factory=list)
    mailbox: Mailbox | None = None
    steps: list[Step] = field(default_factory=list)

    def must_be_new(self) -> None:
        """For what is judged by the balance or by what was delivered.

        Raises:
            Inconclusive: the job was paid for by an earlier run.
        """
        if self.is_rerun:
            msg = "the job is of an earlier run, whose key was used again; another --seed makes a new one"
            raise Inconclusive(msg)

    @property
    def last(self) -> Poll:
        """The job as it was seen last."""
        return self.polls[-1]

    @property
    def events(self) -> tuple[str, ...]:
        """The events that may come."""
        return self.plot.events or ("completed", "failed")


def told(trial: Trial) -> Iterator[Story]:
    """The run's stories, each told when it is first asked for; the trace is the story's own."""
    session = trial.session
    wanted = session.profile.stories if session.target.levers else 1
    for number, (model, plot) in enumerate(islice(_plots(trial), wanted)):
        if len(session.stories) <= number:
            session.trace.clear()
            session.stories.append(_tell(trial, model, plot, number))
            session.stories[number].steps = list(session.trace)
        story = session.stories[number]
        trial.at = story.polls[-1].exchange if story.polls else None
        if story.job_id and story.polls:
            session.trace[:] = story.steps
            yield story


def _plots(trial: Trial) -> Iterator[tuple[Model, Plot]]:
    if trial.session.target.levers is None:
        yield trial.cheapest, Plot(has_webhook=trial.session.receiver is not None)
        return
    models = [model for op in trial.contract.submissions for model in trial.contract.models_of(op.id)]
    models.sort(key=lambda model: (model.result, model.id))
    step = 7 if len(models) % 7 else 11  # neighbours differ, and all come up
    number = 0
    while True:
        yield models[number * step % len(models)], PLOTS[number % len(PLOTS)]
        number += 1


def _tell(trial: Trial, model: Model, plot: Plot, number: int) -> Story:
    session = trial.session
    body = (full_body if plot.is_full else minimal_body)(model, PROMPT)
    box = trial.mailbox() if plot.has_webhook else None
    if box is not None:
        body["webhookUrl"] = box.url
    if plot.events:
        body["webhookEvents"] = list(plot.events)
    story = Story(trial.client(), model, plot, body, f"contract-{session.seed}-story-{number}-".ljust(KEY_LENGTH, "x"))
    story.mailbox = box
    trial.buy(body)
    story.balances.append(_balance(story))
    accepted = _submit(trial, story)
    if not accepted:
        session.story_fault = f"no job to watch: {story.submissions[0].summary}"
        return story
    story.job_id = str(accepted[0].fields.get("jobId"))
    _watch(trial, story)
    story.is_rerun = bool(story.polls) and session.is_older(story.polls[0])
    _finish(trial, story)
    return story


def _submit(trial: Trial, story: Story) -> list[Exchange]:
    """Use the key with a body that is refused, then twice at one moment with the right one; what was accepted.

    Where the refusal has used the key up, another takes its place: one broken promise must not hide the others.
    """
    accepted: list[Exchange] = []
    story.refusal = story.client.submit({**story.body, "prompt": ""}, story.key)
    for key in (story.key, story.key[:-1] + "y"):
        story.key = key
        story.submissions = trial.together(*[lambda: story.client.submit(story.body, story.key)] * 2)
        accepted = [each for each in story.submissions if each.status == ACCEPTED]
        if accepted:
            break
        story.refused_after = story.submissions[0]
    story.balances.append(_balance(story))
    return accepted


def _watch(trial: Trial, story: Story) -> None:
    waited_s, step_s = 0.0, 1.0
    is_virtual = trial.session.target.time.is_virtual
    for look in count():
        _look(story)
        if look == 0:
            story.sightings[:0] = _submitted(story)
        if look in (1, 4):
            _replay(story)
            _list(story)
        if story.polls and story.last.get("status") in TERMINAL:
            story.is_over = True
            return
        if look == 3 and story.plot.fails and trial.session.target.levers:  # noqa: PLR2004 - in the middle of it
            trial.levers.end_job(story.job_id, fail="the provider said no")
            trial.session.note("make the job fail", "")
            continue
        trial.session.pass_time(step_s)
        waited_s += step_s
        if waited_s > (LONGEST_MOVED_S if is_virtual else LONGEST_S):
            return
        step_s = min(step_s * 1.3, 3600.0 if is_virtual else 3.0)


def _submitted(story: Story) -> list[Sighting]:
    """The answers to the submissions: given at one moment, their order is that of what they say."""
    seen = [_sighting("submit", each) for each in story.submissions if each.status == ACCEPTED]
    return sorted(seen, key=lambda each: each.status != "QUEUED")


def _finish(trial: Trial, story: Story) -> None:
    _replay(story)
    _list(story)
    if story.mailbox is not None and story.is_over:
        expects_mail = story.last.get("status", "").lower() in story.events
        patience_s = MAIL_S if not trial.session.target.time.is_virtual else MOVED_MAIL_S
        story.mailbox.wait(
            lambda mail: any(each.event != "progress" for each in mail), patience_s if expects_mail else 0
        )
        story.mail = story.mailbox.of_job(story.job_id)
    trial.session.pass_time(30.0)
    _look(story)
    story.balances.append(_balance(story))


def _look(story: Story) -> None:
    pair = story.client.job(story.job_id), story.client.job(story.job_id)
    story.twins.append(pair)
    for exchange in pair:
        if exchange.status == OK:
            story.polls.append(Poll(exchange))
        story.sightings.append(_sighting("poll", exchange))


def _replay(story: Story) -> None:
    """Repeat the submission with its key: in the same bytes, and with other spaces and the fields in another order."""
    header, path = ("Idempotency-Key", story.key), story.submissions[0].path
    story.replays.append(story.client.send("POST", path, value=story.body, headers=[header]))
    other = json.dumps(dict(reversed(story.body.items())), indent=len(story.replays)).encode()
    story.respelled.append(story.client.send("POST", path, body=other, headers=[header]))
    story.sightings += [_sighting("replay", each) for each in (story.replays[-1], story.respelled[-1])]


def _list(story: Story) -> None:
    exchange = story.client.jobs(search=story.job_id)
    found = exchange.fields.get("jobs")
    if isinstance(found, list) and found and isinstance(found[0], dict):
        story.entries.append(found[0])
        story.sightings.append(Sighting("list", str(found[0].get("status")), exchange))
        story.poll_at_entry.append(Poll(story.client.job(story.job_id)))


def _sighting(by: str, exchange: Exchange) -> Sighting:
    return Sighting(by, str(exchange.fields.get("status")), exchange)


def _balance(story: Story) -> int:
    team = story.client.me().fields.get("team")
    return int(team.get("credits", 0)) if isinstance(team, dict) else 0
