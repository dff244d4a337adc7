"""The delivery worker: takes due events from the store in time order, signs them, POSTs them, records what came.

Events of one job go out one after the other; jobs do not wait for each other, and a host gets a bounded number of
requests at once.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import aiohttp
import yarl

from mockserver import __version__
from mockserver.bell import Bell
from mockserver.clock import real_s
from mockserver.core.deliveries import Attempt, Delivery, after_attempt, earlier, payload, respelled
from mockserver.core.jobs import Job, Webhook
from mockserver.core.jsontext import well_formed
from mockserver.core.signing import EVENT_HEADER, HEADER, Scheme, signature
from mockserver.core.targets import is_allowed, refusal_text
from mockserver.core.urls import normal_form
from mockserver.posting import Poster
from mockserver.resolver import AllowedResolver, TargetRefused, is_literal
from mockserver.service import Service
from mockserver.stores.pauses import Pauses
from mockserver.stores.protocol import StoreDown

log = logging.getLogger(__name__)

TAKEN_AT_ONCE = 500
REMEMBERED_ANSWER_BYTES = 2000
PATIENCE_S = 0.05
"""Between two looks at whether all is settled, where another process may have settled it."""
DROPPED = 'dropped on purpose: the order for this job is "{}"'
Watch = Callable[[Job, Delivery, Attempt], None]


class Sending(NamedTuple):
    """The settings of deliveries."""

    scheme: Scheme
    allow: tuple[str, ...]
    """`loopback`, `private`, `any` or host names."""
    attempts_at_s: Sequence[float]
    timeout_s: float
    per_host: int


class Heard(NamedTuple):
    """What came of one HTTP try."""

    status: int | None
    answer: str = ""
    error: str | None = None
    may_retry: bool = True

    @property
    def is_success(self) -> bool:
        """Whether the receiver took the event."""
        return self.status is not None and 200 <= self.status < 300 and self.error is None  # noqa: PLR2004 - 2xx


class Line:
    """The deliveries for one host, of which so many are under way at once."""

    __slots__ = ("ready", "senders")

    def __init__(self) -> None:
        self.ready: deque[str] = deque()
        """Jobs whose deliveries wait for a sender."""
        self.senders = 0


class Deliverer:
    """Runs until closed. `settled` waits for what is due; nothing here decides what a job sends or when."""

    def __init__(self, service: Service, sending: Sending) -> None:
        self._service, self._sending = service, sending
        self._store, self._clock = service.store, service.clock
        self._lanes: dict[str, deque[tuple[Delivery, Job]]] = {}
        self._lines: dict[str, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._poster: Poster | None = None
        self._progressed = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None
        self._watches: list[Watch] = []
        self.bell = Bell()
        """Rings at each attempt."""

    def watch(self, watch: Watch) -> None:
        """Tell *watch* of each attempt from now on."""
        self._watches.append(watch)

    def start(self) -> None:
        """Begin to deliver, if not at it already."""
        if self._loop_task is None:
            self._loop_task = asyncio.create_task(self._run(), name="deliverer")

    async def stop(self) -> None:
        """Give up the attempts under way, which stay due in the store, until `start`; nobody waits for them."""
        tasks = [*self._tasks, *([self._loop_task] if self._loop_task else [])]
        self._loop_task = None
        self._progressed.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.forget()

    def forget(self) -> None:
        """Give up the attempts under way, of deliveries that are no more, and go on with those that are."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self._lanes, self._lines = {}, {}
        self._store.due_changed.set()

    async def close(self) -> None:
        """Stop, and let go of connections."""
        await self.stop()
        if self._poster is not None:
            await self._poster.close()

    async def settled(self) -> None:
        """Wait until every event that is due by now has been attempted, retries that are due included.

        Raises:
            StoreDown: nobody can tell.
        """
        now = self._clock.now()
        self._store.due_changed.set()
        while self._loop_task is not None and not await self._store.is_settled(now):
            self._progressed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S if self._store.is_shared else 1.0):
                    await self._progressed.wait()
        await asyncio.sleep(0)

    async def _run(self) -> None:
        pauses = Pauses()
        while True:
            try:
                await self._deliver_due()
                pauses.begin_again()
            except StoreDown as error:
                if pauses.are_first:
                    log.warning("webhooks wait: %s", error)
                await pauses.next()
            except Exception:
                log.exception("bug: webhooks")
                await pauses.next()

    async def _deliver_due(self) -> None:
        """Take what is due, or wait until something may be."""
        wake = self._store.due_changed
        wake.clear()
        if self._service.sharing is not None:
            await self._service.sharing.catch_up()
        taken = await self._store.claim_due(self._clock.now(), TAKEN_AT_ONCE)
        for delivery, job in taken:
            self._enqueue(delivery, job)
        await asyncio.sleep(0)  # requests have their turn between two handfuls of a crowd that is due
        if not taken:
            self._progressed.set()
            await self._clock.sleep_until(await self._store.next_due_at(), wake)

    def _enqueue(self, delivery: Delivery, job: Job) -> None:
        lane = self._lanes.get(job.id)
        if lane is not None:
            lane.append((delivery, job))
            return
        self._lanes[job.id] = deque([(delivery, job)])
        place = _place_of(job.webhook.url if job.webhook else "")
        line = self._lines.get(place)
        if line is None:
            line = self._lines[place] = Line()
        line.ready.append(job.id)
        if line.senders < self._sending.per_host:
            line.senders += 1
            task = asyncio.create_task(self._send(place, line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, place: str, line: Line) -> None:
        """Send what waits for one host, the deliveries of each job in order."""
        lanes = self._lanes
        while line.ready:
            job_id = line.ready.popleft()
            lane = lanes[job_id]
            while lane:
                delivery, job = lane.popleft()
                try:
                    if job.webhook is not None:
                        await self._attempt(delivery, job, job.webhook)
                except Exception:  # the next one is not to wait for ever
                    log.exception("bug: delivery %s", delivery.id)
                self._progressed.set()
            del lanes[job_id]
        line.senders -= 1
        if not line.senders and self._lines.get(place) is line:
            del self._lines[place]

    async def _attempt(self, delivery: Delivery, job: Job, hook: Webhook) -> None:
        at, began = self._clock.now(), real_s()
        body, headers = b"", dict[str, str]()
        try:
            body, headers = self._message(job, delivery, hook)
            if _is_lost(delivery, hook):
                heard = Heard(None, error=DROPPED.format(hook.order), may_retry=False)
            else:
                heard = await self._post(hook.url, body, headers)
        except Exception as error:
            log.exception("bug: delivery %s", delivery.id)
            heard = Heard(None, error=f"bug of the mock: {error!r}", may_retry=False)
        # Moving the clock by hand is no time that the receiver took, and must not put off the next attempt.
        took_s = 0.0 if self._clock.is_frozen else (real_s() - began) * self._clock.speed
        after = after_attempt(
            delivery,
            succeeded=heard.is_success,
            may_retry=heard.may_retry,
            took_s=took_s,
            attempts_at_s=self._sending.attempts_at_s,
        )
        attempt = Attempt(
            delivery.id, after.attempts, at, took_s, hook.url, headers, body, heard.status, heard.answer, heard.error
        )
        _report(after, attempt)
        await self._settle(after, attempt)
        for watch in self._watches:
            watch(job, after, attempt)
        self.bell.ring()

    async def _settle(self, delivery: Delivery, attempt: Attempt) -> None:
        """Keep what became of an attempt; while the store is away, as long as it takes."""
        pauses = Pauses()
        while True:
            try:
                await self._store.settle(delivery, attempt)
            except StoreDown:
                await pauses.next()
            else:
                return

    def _message(self, job: Job, delivery: Delivery, hook: Webhook) -> tuple[bytes, dict[str, str]]:
        """Body and headers, both as the order of the job's webhooks wants them."""
        result = "" if job.is_lora else self._service.result_json(job)
        body = signed_body = payload(job, delivery, result)
        if hook.order == "respelled":
            body = respelled(body)
        elif hook.order == "replayed-signature":
            signed_body = payload(job, earlier(job, delivery), result)
        signed = signature(hook.digest, signed_body, self._sending.scheme)
        if hook.order == "bad-signature":
            signed = signed[:-1] + ("0" if signed[-1] != "0" else "1")
        return body, {
            "Content-Type": "application/json",
            "User-Agent": f"apiframe-mockserver/{__version__}",
            HEADER: signed,
            EVENT_HEADER: delivery.event,
        }

    async def _post(self, address: str, body: bytes, headers: Mapping[str, str]) -> Heard:
        target = _target(address, self._sending.allow)
        return target if isinstance(target, Heard) else await self._exchange(target, body, headers)

    async def _exchange(self, url: yarl.URL, body: bytes, headers: Mapping[str, str]) -> Heard:
        try:
            async with asyncio.timeout(self._sending.timeout_s):
                status, start = await self._client().post(url, body, headers)
            return Heard(status, start.decode("utf-8", "replace"), _why_not(status))
        except TargetRefused as refused:
            return Heard(None, error=str(refused), may_retry=False)
        except TimeoutError:
            return Heard(None, error=f"no answer within {self._sending.timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error.__cause__, TargetRefused):
                return Heard(None, error=str(error.__cause__), may_retry=False)
            return Heard(None, error=f"{type(error).__name__}: {error}")

    def _client(self) -> Poster:
        if self._poster is None:
            connector = aiohttp.TCPConnector(
                limit=0, resolver=AllowedResolver(self._sending.allow), use_dns_cache=False, keepalive_timeout=1.0
            )
            self._poster = Poster(connector, REMEMBERED_ANSWER_BYTES)
        return self._poster


@lru_cache(maxsize=1000)
def _target(address: str, allow: tuple[str, ...]) -> yarl.URL | Heard:
    """Where to send, or why nothing is sent there; a name is judged once it is resolved."""
    try:
        url = yarl.URL(normal_form(address), encoded=True)
    except ValueError as error:
        return Heard(None, error=f"not an address that can be called: {error}", may_retry=False)
    if url.scheme not in ("http", "https") or not url.host:
        return Heard(None, error=f'cannot send to "{url.scheme}:" addresses, only http: and https:', may_retry=False)
    if is_literal(url.host) and not is_allowed(url.host, [url.host], allow):
        return Heard(None, error=refusal_text(url.host), may_retry=False)
    return url


@lru_cache(maxsize=1000)
def _place_of(address: str) -> str:
    """Host and port of an address; the same for all that cannot be called."""
    try:
        url = yarl.URL(normal_form(address), encoded=True)
    except ValueError:
        return ""
    return f"{url.host}:{url.port}"


def _why_not(status: int) -> str | None:
    if 200 <= status < 300:  # noqa: PLR2004 - 2xx
        return None
    if 300 <= status < 400:  # noqa: PLR2004 - 3xx
        return f"answered {status}; redirects are not followed"
    return f"answered {status}; only 2xx counts as received"


def _is_lost(delivery: Delivery, hook: Webhook) -> bool:
    is_meant = hook.order == "drop" or (hook.order == "lose-final" and delivery.is_about_the_end)
    return is_meant and not delivery.is_resent


def _report(delivery: Delivery, attempt: Attempt) -> None:
    level = logging.INFO if attempt.error is None else logging.WARNING
    said = attempt.error or f"answered {attempt.status}"
    place = well_formed(attempt.url)  # half a character cannot be written everywhere
    log.log(level, "webhook %s, attempt %d to %s: %s", delivery.id, attempt.number, place, said)
