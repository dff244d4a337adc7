"""The deliveries of the store in memory: which are due, who has taken them, and what came of each attempt."""

import heapq
import math
from collections import OrderedDict
from collections.abc import Iterable
from itertools import count

from mockserver.core.deliveries import Attempt, Delivery, DeliveryStatus
from mockserver.stores.protocol import REMEMBERED_DELIVERIES


class Outbox:
    """Deliveries that wait, in time order, and the latest of those that are done."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, str]] = []
        self._sequence = count()
        self._pending: dict[str, Delivery] = {}
        self._of_job: dict[str, set[str]] = {}
        self._taken: OrderedDict[str, float] = OrderedDict()  # the first of a plain dict that shrinks is far to seek
        self._done: OrderedDict[str, Delivery] = OrderedDict()
        self._attempts: dict[str, list[Attempt]] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def waits_for(self, job_id: str) -> bool:
        """Whether a delivery of this job is not done."""
        return job_id in self._of_job

    def put(self, deliveries: Iterable[Delivery]) -> bool:
        """Add deliveries, or change them; whether one is now due before all that waited."""
        earliest = self._due[0][0] if self._due else math.inf
        for delivery in deliveries:
            self._pending[delivery.id] = delivery
            self._of_job.setdefault(delivery.job_id, set()).add(delivery.id)
            heapq.heappush(self._due, (delivery.due_at, next(self._sequence), delivery.id))
        return bool(self._due) and self._due[0][0] < earliest

    def drop(self, job_id: str) -> None:
        """Forget the deliveries of a job that nobody has taken."""
        waiting = self._of_job.pop(job_id, set())
        for delivery_id in waiting - self._taken.keys():
            del self._pending[delivery_id]
        if taken := waiting & self._taken.keys():
            self._of_job[job_id] = taken

    def take(self, now: float, limit: int) -> list[Delivery]:
        """Up to *limit* deliveries that are due, in time order; each is the caller's until `settle`."""
        taken: list[Delivery] = []
        while self._due and self._due[0][0] <= now and len(taken) < limit:
            entry = heapq.heappop(self._due)
            if self._is_waiting(*entry):
                delivery = self._pending[entry[2]]
                self._taken[delivery.id] = delivery.due_at
                taken.append(delivery)
        return taken

    def next_due_at(self) -> float:
        """When the next one that nobody has taken falls due; infinite for none."""
        while self._due and not self._is_waiting(*self._due[0]):  # dropped, taken, or moved to another instant
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else math.inf

    def is_settled(self, now: float) -> bool:
        """Whether nothing that fell due by *now* is still to be attempted."""
        return self.next_due_at() > now and all(due_at > now for due_at in self._taken.values())

    def settle(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Keep what came of a taken delivery; whether that was the end of it."""
        self._taken.pop(delivery.id, None)
        if delivery.id not in self._pending:  # all was reset meanwhile
            return False
        self._attempts.setdefault(delivery.id, []).append(attempt)
        if not delivery.status.is_final:
            self.put([delivery])
            return False
        del self._pending[delivery.id]
        waiting = self._of_job[delivery.job_id]
        waiting.discard(delivery.id)
        if not waiting:
            del self._of_job[delivery.job_id]
        self._done[delivery.id] = delivery
        if len(self._done) > REMEMBERED_DELIVERIES:
            old, _ = self._done.popitem(last=False)
            self._attempts.pop(old, None)
        return True

    def remembered(self, job_id: str | None) -> list[tuple[Delivery, list[Attempt]]]:
        """Every delivery that is known, or those of one job, oldest event first, with its attempts."""
        known = [*self._done.values(), *self._pending.values()]
        chosen = [each for each in known if job_id is None or each.job_id == job_id]
        chosen.sort(key=lambda each: (each.event_at, each.id))
        return [(each, list(self._attempts.get(each.id, ()))) for each in chosen]

    def find(self, delivery_id: str) -> Delivery | None:
        """A delivery that is known."""
        return self._done.get(delivery_id) or self._pending.get(delivery_id)

    def again(self, delivery: Delivery, now: float) -> Delivery:
        """The delivery made due at *now* as if never tried; as it is, while it is taken or its event is to come."""
        if delivery.id in self._taken or delivery.event_at > now:
            return delivery
        self._done.pop(delivery.id, None)
        fresh = delivery._replace(due_at=now, attempts=0, status=DeliveryStatus.PENDING, is_resent=True)
        self.put([fresh])
        return fresh

    def _is_waiting(self, due_at: float, _: int, delivery_id: str) -> bool:
        delivery = self._pending.get(delivery_id)
        return delivery is not None and delivery.due_at == due_at and delivery_id not in self._taken
