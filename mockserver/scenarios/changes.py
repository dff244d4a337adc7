"""What a scenario changes of a running server, each with what puts it back."""

import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from mockserver.core.accounts import RateLimit, Team
from mockserver.core.scenario import Scenario
from mockserver.core.signing import key_digest
from mockserver.issuing import issue
from mockserver.service import Service

ORIGIN = "scenario"
"""Of its fault rules."""
TAG_LENGTH = 9
LONGEST_NAME = 40


class Changes:
    """Changes things, and has *undo* put them back, unless somebody else has changed them since."""

    def __init__(self, service: Service, undo: AsyncExitStack) -> None:
        self._service, self._undo = service, undo

    def add_faults(self, scenario: Scenario, key: str) -> list[str]:
        """Add its rules, for one key or for all; their ids."""
        faults = self._service.faults
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", scenario.name)[:LONGEST_NAME].lstrip("._-") or ORIGIN
        named = [{"id": f"{name}-{number}", **rule} for number, rule in enumerate(scenario.faults, 1)]
        taken = {rule.id for rule in faults.rules()}
        tag = f".{key_digest(key)[:TAG_LENGTH]}" if key else ""
        if taken & {rule["id"] + tag for rule in named}:  # rules of others stay
            tag += f".{ORIGIN}"
        added = {rule.id: rule for rule in faults.add(named, ORIGIN, key, tag)}
        self._undo.callback(faults.remove, lambda rule: added.get(rule.id) is rule)
        return list(added)

    async def add_key(self, body: Mapping[str, Any], jobs_limit: int | None) -> None:
        """Bring a key, with a team of its own."""
        store = self._service.store
        issued = await issue(store, self._service.clock.now(), body, jobs_limit)
        self._undo.push_async_callback(store.remove_key, issued.key.digest)

    async def set_credits(self, key: str, number: int) -> None:
        """Give the team of a key so many."""
        store, clock = self._service.store, self._service.clock
        caller = await store.caller(key_digest(key))
        if caller is None:
            return
        team_id = caller.team.id
        before = await store.balance(team_id, clock.now())
        await store.set_balance(team_id, number, clock.now())

        async def put_back() -> None:
            await store.set_balance(team_id, before, clock.now())

        self._undo.push_async_callback(put_back)

    async def of_team(self, key: str, changes: Mapping[str, Any]) -> None:
        """Change fields of a key's team."""
        caller = await self._service.store.caller(key_digest(key))
        if caller is None or not changes:
            return
        before = {name: getattr(caller.team, name) for name in changes}
        await self._put_team(caller.team, changes)

        async def put_back() -> None:
            now = await self._service.store.caller(caller.key.digest)
            if now is not None:
                ours = [name for name in changes if getattr(now.team, name) == changes[name]]
                await self._put_team(now.team, {name: before[name] for name in ours})

        self._undo.push_async_callback(put_back)

    async def _put_team(self, team: Team, changes: Mapping[str, Any]) -> None:
        await self._service.store.put_team(team._replace(**changes))
        await self._service.store.move_up(team.id, self._service.clock.now())

    async def limit_key(self, key: str, limit: RateLimit | None) -> None:
        """Give a key a rate limit."""
        store, digest = self._service.store, key_digest(key)
        caller = await store.caller(digest)
        if caller is None:
            return
        before = caller.key.rate_limit
        await store.put_key(caller.key._replace(rate_limit=limit))

        async def put_back() -> None:
            now = await store.caller(digest)
            if now is not None and now.key.rate_limit == limit:
                await store.put_key(now.key._replace(rate_limit=before))

        self._undo.push_async_callback(put_back)
