"""Deliveries: taken under a lease, settled, given back when a worker dies, and how a process hears of new ones.

A process that takes deliveries is a worker with a lease, which it renews three times in the span of one. When it dies,
what it had taken falls due again with its lease's end, and the first worker to look takes it. Real time counts here,
not the mock's: each process tells its own, so that clocks of machines must agree to within a few seconds.

A delivery that falls due before all others is published to all processes, which hear of it about when the process
that made it has its answer. Should a message be lost, each looks anew when it renews its lease.
"""

import asyncio
import contextlib
import secrets
from collections import defaultdict
from typing import Any

from redis.exceptions import RedisError

from mockserver.clock import real_s
from mockserver.core.deliveries import Attempt, Delivery
from mockserver.core.jobs import Job
from mockserver.stores.protocol import REMEMBERED_DELIVERIES, StoreDown
from mockserver.stores.redis.packing import attempts_of, delivery_of, job_of, packed_attempt, packed_delivery
from mockserver.stores.redis.part import Part, Terms
from mockserver.stores.redis.shards import Shards

LEASE_S = 15.0
RENEWALS = 3
"""In the span of one lease."""


class Outbox(Part):
    """The part of the store that keeps deliveries."""

    def __init__(self, shards: Shards, terms: Terms) -> None:
        super().__init__(shards, terms)
        self._worker = secrets.token_hex(8)
        self._held: dict[str, int] = {}
        """Deliveries that this process has taken, and the shard of each."""
        self._may_hold_more = False
        self._claims = 0
        """Under way."""
        self._turn = 0
        self._watch: asyncio.Task[None] | None = None

    async def claim_due(self, now: float, limit: int) -> list[tuple[Delivery, Job]]:
        if self._watch is None:
            self._watch = asyncio.create_task(self._keep_watch(), name="redis deliveries")
        is_alone = not self._claims
        self._claims += 1
        try:
            if self._may_hold_more and is_alone:
                await self._give_back(is_leaving=False)
            return await self._claimed(now, limit)
        except BaseException:
            self._may_hold_more = True  # what an answer that is lost has named
            raise
        finally:
            self._claims -= 1

    async def _claimed(self, now: float, limit: int) -> list[tuple[Delivery, Job]]:
        real = self._terms.real.now()
        shards, share = self._whom_to_ask(limit)
        asked = (
            self._shards.run("claim_due", shard, now, share, self._worker, real, real + self._terms.lease_s)
            for shard in shards
        )
        taken = []
        for shard, answer in zip(shards, await asyncio.gather(*asked), strict=True):
            for delivery_id, value, job_id, row in zip(*(answer[place::4] for place in range(4)), strict=True):
                delivery = delivery_of(delivery_id.decode(), value)
                self._held[delivery.id] = shard
                taken.append((delivery, job_of(job_id.decode(), row)))
        if len(shards) > 1:
            taken.sort(key=lambda each: each[0].due_at)
        return taken

    def _whom_to_ask(self, limit: int) -> tuple[list[int], int]:
        """Shards, and how many deliveries to take of each; each has its turn where there are more shards than that."""
        every = list(self._shards.every)
        if limit >= len(every):
            return every, limit // len(every)
        self._turn = (self._turn + limit) % len(every)
        return (every[self._turn :] + every[: self._turn])[:limit], 1

    async def next_due_at(self) -> float:
        return min(float(due_at) for due_at, _ in await self._shards.run_on_all("next_due_at"))

    async def is_settled(self, now: float) -> bool:
        instants = await self._shards.run_on_all("next_due_at")
        return all(float(due_at) > now for both in instants for due_at in both)

    async def settle(self, delivery: Delivery, attempt: Attempt) -> None:
        shard = self._held.get(delivery.id)
        if shard is None:
            found = await self._shards.job(delivery.job_id)
            shard = 0 if found is None else found[0]
        try:
            await self._shards.run(
                "settle",
                shard,
                delivery.id,
                packed_delivery(delivery),
                packed_attempt(attempt),
                self._worker,
                REMEMBERED_DELIVERIES,
                int(delivery.is_about_the_end),
            )
        except BaseException:
            self._may_hold_more = True  # it is sent again unless this arrived
            raise
        finally:
            self._held.pop(delivery.id, None)
        if not delivery.status.is_final:
            self.due_changed.set()

    async def deliveries(self, job_id: str | None = None) -> list[tuple[Delivery, list[Attempt]]]:
        answers = await self._shards.run_on_all("deliveries", job_id or "")
        known = [
            (delivery_of(delivery_id.decode(), value), attempts_of(attempts))
            for answer in answers
            for delivery_id, value, attempts in zip(*(answer[place::3] for place in range(3)), strict=True)
        ]
        return sorted(known, key=lambda each: (each[0].event_at, each[0].id))

    async def redeliver(self, delivery_id: str, now: float) -> Delivery | None:
        for answer in await self._shards.run_on_all("redeliver", delivery_id, now):
            if answer:
                self.due_changed.set()
                return delivery_of(delivery_id, answer[0])
        return None

    # Leases and wake-ups

    async def _give_back(self, *, is_leaving: bool) -> None:
        """Make due again what this process is not known to hold, after an answer was lost; all of it at the end."""
        self._may_hold_more = False
        kept = defaultdict[int, list[str]](list)
        for delivery_id, shard in self._held.items():
            kept[shard].append(delivery_id)
        for shard in self._shards.every:
            await self._shards.run("give_back", shard, self._worker, int(is_leaving), *kept[shard])

    async def _stop_watch(self) -> None:
        if self._watch is None:
            return
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        self._watch = None
        self._held.clear()
        with contextlib.suppress(StoreDown):
            await self._give_back(is_leaving=True)

    async def _keep_watch(self) -> None:
        """Listen, renew the lease, and begin again when the connection is lost."""
        while True:
            listener: Any = self._shards.line.client.pubsub(ignore_subscribe_messages=True)
            try:
                await listener.subscribe(self._shards.channel)
                while True:
                    await self._beat()
                    await self._listen(listener)
            except (RedisError, OSError, StoreDown):
                await asyncio.sleep(1.0)
            finally:
                with contextlib.suppress(RedisError, OSError):
                    await listener.aclose()

    async def _listen(self, listener: Any) -> None:
        """Pass on what is published until the lease is to be renewed."""
        until = real_s() + self._terms.lease_s / RENEWALS
        while (left_s := until - real_s()) > 0:
            if await listener.get_message(timeout=left_s):
                self.due_changed.set()

    async def _beat(self) -> None:
        real = self._terms.real.now()
        await self._shards.run_on_all("beat", self._worker, real, real + self._terms.lease_s)
        self.due_changed.set()  # a message may be lost, or a lease have run out
