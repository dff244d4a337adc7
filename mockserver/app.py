"""The composition root: settings and a clock in, a running server out."""

import contextlib
import gc
import logging
import secrets
import socket
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from mockserver.api import assets, errors, files, jobs, loras, me, models, submissions, uploads
from mockserver.api.gate import Gate
from mockserver.assets import Assets
from mockserver.bell import Bell
from mockserver.clock import Clock
from mockserver.control.area import control_area
from mockserver.control.levers import Levers
from mockserver.control.summary import summary_of
from mockserver.core.accounts import ready_made
from mockserver.core.catalog import Catalog
from mockserver.core.jsontext import encode, parse
from mockserver.core.signing import key_digest
from mockserver.faults import Faults
from mockserver.findings.findings import Findings
from mockserver.http.listening import BACKLOG, address_of, listen
from mockserver.http.request import Request
from mockserver.http.router import Router
from mockserver.http.server import Area, HttpServer, Limits
from mockserver.http.turns import Turns
from mockserver.journal import Journal
from mockserver.probing import Prober
from mockserver.scenarios.configured import Configured
from mockserver.scenarios.stage import Stage
from mockserver.service import Rules, Service
from mockserver.settings import Settings, SettingsError
from mockserver.sharedjournal import LOOK_S, SharedJournal
from mockserver.sharing import Part, Sharing
from mockserver.spec import contract_by
from mockserver.spool import Spool
from mockserver.stats import Stats
from mockserver.stores.opening import opened
from mockserver.stores.protocol import StoreDown
from mockserver.webhooks import Deliverer, Sending

log = logging.getLogger(__name__)

DRAIN_S = 5.0
MEGABYTE = 1024 * 1024


class App:
    """One mock server: an asynchronous context manager, or `start` and `close`.

    It listens where the settings say, or takes turns with other processes on a *listener* that they share.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, listener: socket.socket | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self._shared = listener
        self.url = ""
        self.notes: list[str] = []
        """What there is to tell of the document that is followed, once it runs."""
        self._closing = contextlib.AsyncExitStack()

    async def start(self) -> str:
        """Listen, and say where: `http://HOST:PORT`.

        Raises:
            OSError: the address cannot be listened on.
            SettingsError: the store, a fault rule of the settings file, the scenario or the document will not do.
        """
        try:
            return await self._started()
        except StoreDown as error:
            await self.close()
            msg = f"store: {error}"
            raise SettingsError(msg) from None
        except BaseException:
            await self.close()
            raise

    async def _started(self) -> str:
        listener = self._shared or listen(self.settings.host, self.settings.port)
        self._closing.callback(listener.close)
        self.url = address_of(listener)
        self.store = await opened(self.settings.store, self.settings.max_jobs)
        self._closing.push_async_callback(self.store.close)
        self._compose()
        await self._set_up()
        self.deliverer.start()
        self._closing.push_async_callback(self.deliverer.close)
        runner = web.ServerRunner(self.server, shutdown_timeout=DRAIN_S)
        await runner.setup()
        self._runner = runner
        self._closing.push_async_callback(self.drain)
        site = Turns(runner, listener) if self._shared else web.SockSite(runner, listener, backlog=BACKLOG)
        await site.start()
        return self.url

    def _compose(self) -> None:
        """All parts, each made of those before it; what has to be let go of is noted for the end."""
        settings, clock = self.settings, self.clock
        self.spool = Spool(clock, self.store, settings.upload_keeps)
        self._closing.push_async_callback(self.spool.close)
        rules = self._rules()
        self.prober = Prober(self.spool, self.url, rules.public_url, is_on=settings.probe_inputs)
        self._closing.push_async_callback(self.prober.close)
        seed = self._next_seed = self._seed()
        self.faults = Faults(clock, seed, self.store if self.store.is_shared else None)
        self.service = Service(self._contract(), self.store, clock, rules, self.faults, seed, self.prober)
        self.journal = self._journal()
        self._closing.push_async_callback(self.journal.close)
        self.stats = Stats()
        self.journal.watch(self.stats.on_entry)
        self.findings = Findings(self.service, self.journal, settings.webhook_signing)
        self.deliverer = Deliverer(self.service, self._sending())
        if isinstance(self.journal, SharedJournal):
            self.deliverer.watch(self.journal.on_attempt)
            self.deliverer.bell = Bell(LOOK_S)
        for watch in (self.stats.on_attempt, self.findings.on_attempt):
            if isinstance(self.journal, SharedJournal):
                self.journal.watch_attempts(watch)
            else:
                self.deliverer.watch(watch)
        self.stage = Stage(self.service, settings)
        self.configured = Configured(self.service, self.stage)
        parts: dict[str, Part] = {
            "clock": clock,
            "faults": self.faults,
            "stage": self.stage,
            "configured": self.configured,
        }
        if isinstance(self.journal, SharedJournal):
            parts |= {"journal": self.journal, "findings": self.findings}
        self.sharing = Sharing(self.store, parts, self._on_start, self._on_lost)
        self.service.sharing = self.sharing if self.store.is_shared else None
        self.gallery = files.Gallery(self.store.folder and self.store.folder / "drawn")
        self._closing.callback(self.gallery.close)
        self.levers = self._levers()
        self.server = self._server()

    def _journal(self) -> Journal:
        settings, size = self.settings, int(self.settings.journal_mb * MEGABYTE)
        if self.store.is_shared:
            return SharedJournal(self.clock, settings.journal_requests, size, self.store)
        return Journal(self.clock, settings.journal_requests, size)

    def _levers(self) -> Levers:
        return Levers(
            self.service,
            self.store,
            self.clock,
            self.deliverer,
            self.journal,
            self.stats,
            self.findings,
            self.stage,
            self.settings,
            self.sharing,
            self._start_over,
        )

    def _seed(self) -> int:
        return secrets.randbits(63) if self.settings.seed is None else self.settings.seed

    async def _set_up(self) -> bool:
        """The teams, keys, rules and scenario of the start, or those of a store that has them; whether it had none."""
        async with self.sharing.turn():
            is_new = await self.store.set_up(*ready_made(self.settings.max_concurrent_jobs))
            is_new = is_new or not await self.sharing.has_begun()
            if is_new:
                self._clear()
                await self._begin()
            else:
                await self.configured.go_on()
        return is_new

    async def _start_over(self) -> None:
        """Everything back to the configured start, for all who share the store."""
        async with self.sharing.turn():
            await self.deliverer.stop()
            await self.store.reset(*ready_made(self.settings.max_concurrent_jobs))
            self._clear()
            await self._begin()
            self.deliverer.start()

    async def _on_lost(self) -> None:
        """Begin anew, unless another process has done so or is about to."""
        if await self._set_up():
            log.warning("%s had forgotten everything: all has begun anew", self.store.name)

    def _clear(self) -> None:
        """Be as at the start, on a store that is."""
        self.clock.reset()
        self.faults.clear()
        self.deliverer.forget()
        self._forget(is_ours=True)

    async def _begin(self) -> None:
        """Draw from the start, and let others do so."""
        seed, self._next_seed = self._next_seed, self._seed()
        await self.sharing.begin(encode({"id": secrets.token_hex(8), "seed": seed}))
        await self._draw_anew(seed)
        await self.configured.set_up()

    async def _on_start(self, start: bytes) -> None:
        """Go on with what another process has begun anew."""
        self.deliverer.forget()
        await self._draw_anew(parse(start).value["seed"])
        self._forget(is_ours=False)

    async def _draw_anew(self, seed: int) -> None:
        number = await self.store.next_number("processes") if self.store.is_shared else 1
        self.service.start_over(seed, number)
        self.faults.seed = seed

    def _forget(self, *, is_ours: bool) -> None:
        """Forget what was made of state that is no more, by a reset of ours or of another process."""
        self.gallery.forget(is_ours=is_ours)
        self.spool.forget(is_ours=is_ours)
        for part in (self.journal, self.stats, self.findings):
            part.clear()

    async def adopt(self, settings: Settings) -> None:
        """Go on with other settings, as far as a running server can: those of `LIVE`, fault rules and scenario.

        Raises:
            SettingsError: a fault rule or the scenario will not do; then nothing has changed.
        """
        async with self.sharing.turn():
            self.settings = await self.configured.adopt(settings)

    async def summary(self, key: str = "") -> dict[str, Any]:
        """What GET /_mock/summary shows, of one API key or of all."""
        return await summary_of(self.levers, key_digest(key) if key else "")

    def _contract(self) -> Catalog:
        """The contract that it keeps: ours, or ours with what a document says otherwise."""
        contract, self.notes = contract_by(self.settings.spec)
        for line in self.notes:
            log.info(line)
        return contract

    def _rules(self) -> Rules:
        settings = self.settings
        return Rules(
            speed=settings.speed,
            keeps_s=settings.retention,
            rate_limit=settings.rate_limit,
            obeys_directives=not settings.no_directives,
            public_url=settings.public_url or self.url,
        )

    def _sending(self) -> Sending:
        settings = self.settings
        return Sending(
            scheme=settings.webhook_signing,
            allow=settings.webhook_allow,
            attempts_at_s=settings.webhook_attempts,
            timeout_s=settings.webhook_timeout,
            per_host=settings.webhook_concurrency,
        )

    def _server(self) -> HttpServer:
        service, levers = self.service, self.levers
        parts = (submissions, jobs, loras, me, models)
        gate = Gate(service, service.faults)
        routes = [route for part in parts for route in part.routes(service, gate)]
        uploaded = uploads.routes(service, gate, self.spool)
        registered = assets.routes(service, gate, Assets(self.store))
        router = Router([*routes, *uploaded, *registered, *files.routes(service, gate, self.gallery)])
        record = levers.journal.record
        api = Area("", router, errors.refuse, _let_through, is_open_to_browsers=True, stray=gate.stray, record=record)
        areas = [control_area(levers), api] if not self.settings.no_control else [api]
        limits = Limits(int(self.settings.max_body_mb * MEGABYTE))
        return HttpServer(areas, limits, logs_requests=self.settings.verbose)

    async def drain(self) -> None:
        """Take no more connections, and finish the requests under way; those that wait for something wait no longer."""
        self.deliverer.bell.close()
        self.journal.bell.close()
        await self._runner.cleanup()

    async def close(self) -> None:
        """Finish the requests under way, then stop everything."""
        await self._closing.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def tune_collector() -> None:
    """Keep garbage collection from holding requests up: what is loaded now is never looked at again.

    Stored jobs are plain tuples, which the collector lets go of once it has seen them: each pass lets go of those whose
    parts it had let go of before, so a job takes two, and the parts that jobs share take theirs here. A long row of
    young objects, or of those seen once, would stand for most of the slowest answers.
    """
    gc.collect(0)
    gc.collect(1)
    gc.freeze()
    gc.set_threshold(700, 4, 20_000)


def _let_through(_: Request) -> None:
    return None
