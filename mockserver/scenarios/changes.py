"""What a scenario changes of a running server, each with what puts it back.

What puts a change back is a plain row of JSON, so that any process that shares the store can do it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mockserver.core.accounts import KeyName, RateLimit, Team
from mockserver.core.scenario import Scenario
from mockserver.issuing import issue
from mockserver.service import Service

ORIGIN = "scenario"
"""Of its fault rules."""
TAG_LENGTH = 9
LONGEST_NAME = 40
INSTANT = "instant"
Undo = Sequence[Any]
"""The name of a method of `Undoing`, and its arguments."""


class Changes:
    """Changes things, and notes in `undo` how to put them back."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.undo: list[Undo] = []

    def add_faults(self, scenario: Scenario, key: KeyName | None) -> list[str]:
        """Add its rules, for one key or for all; their ids."""
        faults = self._service.faults
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", scenario.name)[:LONGEST_NAME].lstrip("._-") or ORIGIN
        named = [{"id": f"{name}-{number}", **rule} for number, rule in enumerate(scenario.faults, 1)]
        taken = {rule.id for rule in faults.rules()}
        tag = f".{key.digest[:TAG_LENGTH]}" if key else ""
        if taken & {rule["id"] + tag for rule in named}:  # rules of others stay
            tag += f".{ORIGIN}"
        added = [rule.id for rule in faults.add(named, ORIGIN, key, tag)]
        self.undo.append(("remove_faults", [faults.mark(rule_id) for rule_id in added]))
        return added

    async def add_key(self, body: Mapping[str, Any], jobs_limit: int | None) -> None:
        """Bring a key, with a team of its own."""
        issued = await issue(self._service.store, self._service.clock.now(), body, jobs_limit)
        self.undo.append(("remove_key", issued.key.digest))

    async def set_credits(self, digest: str, number: int) -> None:
        """Give the team of a key so many."""
        store, clock = self._service.store, self._service.clock
        caller = await store.caller(digest)
        if caller is None:
            return
        before = await store.balance(caller.team.id, clock.now())
        await store.set_balance(caller.team.id, number, clock.now())
        self.undo.append(("set_credits", caller.team.id, before))

    async def of_team(self, digest: str, changes: Mapping[str, Any]) -> None:
        """Change fields of a key's team."""
        caller = await self._service.store.caller(digest)
        if caller is None or not changes:
            return
        before = {name: getattr(caller.team, name) for name in changes}
        await put_team(self._service, caller.team, changes)
        self.undo.append(("put_team_back", digest, _plain(changes), _plain(before)))

    async def limit_key(self, digest: str, limit: RateLimit | None) -> None:
        """Give a key a rate limit."""
        caller = await self._service.store.caller(digest)
        if caller is None:
            return
        before = caller.key.rate_limit
        await self._service.store.put_key(replace(caller.key, rate_limit=limit))
        self.undo.append(("unlimit_key", digest, limit, before))


class Undoing:
    """Puts changes back, unless somebody else has changed the same since."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def put_back(self, undo: Sequence[Undo]) -> None:
        """Put all of it back, the last change first."""
        for name, *values in reversed(undo):
            await getattr(self, name)(*values)

    async def remove_faults(self, marks: Sequence[str]) -> None:
        """Remove rules."""
        faults = self._service.faults
        faults.remove(lambda rule: faults.mark(rule.id) in marks)

    async def remove_key(self, digest: str) -> None:
        """Revoke a key."""
        await self._service.store.remove_key(digest)

    async def set_credits(self, team_id: str, before: int) -> None:
        """Give a team what it had."""
        await self._service.store.set_balance(team_id, before, self._service.clock.now())

    async def put_team_back(self, digest: str, changes: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        """Give a key's team the fields that it had."""
        now = await self._service.store.caller(digest)
        if now is not None:
            team = {name: getattr(now.team, name) for name in changes}
            ours = [name for name in changes if team[name] == _number(changes[name])]
            await put_team(self._service, now.team, {name: _number(before[name]) for name in ours})

    async def unlimit_key(self, digest: str, limit: Sequence[Any] | None, before: Sequence[Any] | None) -> None:
        """Give a key the rate limit that it had."""
        now = await self._service.store.caller(digest)
        if now is not None and now.key.rate_limit == _limit(limit):
            await self._service.store.put_key(replace(now.key, rate_limit=_limit(before)))


async def put_team(service: Service, team: Team, changes: Mapping[str, Any]) -> None:
    """Change fields of a team, and let its jobs have the slots that are free by it."""
    await service.store.put_team(replace(team, **changes))
    await service.store.move_up(team.id, service.clock.now())


def _limit(value: Sequence[Any] | None) -> RateLimit | None:
    return None if value is None else RateLimit(*value)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON can have them, which knows no infinite speed."""
    return {name: INSTANT if value == math.inf else value for name, value in values.items()}


def _number(value: Any) -> Any:
    return math.inf if value == INSTANT else value
