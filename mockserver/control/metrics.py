"""GET /_mock/metrics: the numbers in the text format of Prometheus."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from mockserver.control.jobs import jobs_of, trainings_of
from mockserver.control.levers import PREFIX, Levers, Problem
from mockserver.core.loras import lora_moment
from mockserver.core.timeline import JobStatus
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.stats import BOUNDS_S
from mockserver.stores.protocol import Counts

if TYPE_CHECKING:
    from prometheus_client import Metric

NAMES = "apiframe_mock"
DROPPED = "none"
TURN = 1000


def routes(levers: Levers) -> list[Route]:
    """The route."""

    async def get_metrics(request: Request) -> Answer:
        try:
            from prometheus_client import CollectorRegistry, exposition  # noqa: PLC0415 - an extra
        except ModuleNotFoundError:
            detail = 'this needs prometheus-client; pip install "apiframe-mockserver[metrics]"'
            raise Problem(501, "Not installed", detail) from None
        await levers.journal.refresh()
        snapshot = _Snapshot(levers, await _statuses(levers), await levers.store.counts(), await _taken_later(levers))
        registry = CollectorRegistry(auto_describe=False)
        registry.register(snapshot)
        encode, kind = exposition.choose_encoder(request.headers.get("Accept", ""))
        return Answer(200, encode(registry), content_type=kind.encode("latin-1"))

    return [Route("GET", f"{PREFIX}/metrics", get_metrics)]


async def _statuses(levers: Levers) -> Counter[JobStatus]:
    """How many of the kept jobs stand where, counted in turns with the requests that come in meanwhile."""
    now = levers.clock.now()
    jobs = await jobs_of(levers.store, "", now)
    statuses: Counter[JobStatus] = Counter()
    for start in range(0, len(jobs), TURN):
        statuses.update(job.moment(now).status for job in jobs[start : start + TURN])
        await asyncio.sleep(0)
    return statuses


async def _taken_later(levers: Levers) -> int:
    """Credits that were taken when trainings of LoRAs started, whatever became of them."""
    now = levers.clock.now()
    trainings = await trainings_of(levers.store, "", now)
    return sum([job.later_cost for job in trainings if lora_moment(job, now).started_at is not None])


class _Snapshot:
    """What the library asks for the numbers of this moment."""

    def __init__(self, levers: Levers, statuses: Counter[JobStatus], counts: Counts, taken_later: int) -> None:
        self._levers, self._statuses, self._counts = levers, statuses, counts
        self._taken_later = taken_later

    def collect(self) -> Iterator["Metric"]:
        """Every series."""
        yield from self._of_requests()
        yield from self._of_jobs()
        yield from self._of_webhooks()
        yield from self._of_the_mock()

    def _of_requests(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily  # noqa: PLC0415 - an extra

        stats = self._levers.stats
        labels = ["operation", "status"]
        requests = CounterMetricFamily(f"{NAMES}_requests", "Requests to the imitated API.", labels=labels)
        for operation, answers in sorted(stats.answers.items()):
            for status, count in sorted(answers.statuses.items(), key=str):
                requests.add_metric([operation, DROPPED if status is None else str(status)], count)
        yield requests
        latency = HistogramMetricFamily(
            f"{NAMES}_request_duration_seconds", "Real time from request to answer.", labels=["operation"]
        )
        bounds = [*(f"{bound:g}" for bound in BOUNDS_S), "+Inf"]
        for operation, answers in sorted(stats.answers.items()):
            groups = list(zip(bounds, accumulate(answers.groups), strict=True))
            latency.add_metric([operation], groups, answers.sum_s)
        yield latency
        faults = CounterMetricFamily(f"{NAMES}_faults_fired", "Faults that fired, by rule.", labels=["rule"])
        for rule, count in sorted(stats.faults.items()):
            faults.add_metric([rule], count)
        yield faults
        findings = CounterMetricFamily(f"{NAMES}_findings", "What clients did against the contract.", labels=["id"])
        for name, count in sorted(self._levers.findings.counts().items()):
            findings.add_metric([name], count)
        yield findings

    def _of_jobs(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415 - an extra

        stats = self._levers.stats
        accepted = CounterMetricFamily(f"{NAMES}_jobs_accepted", "Jobs accepted, by model.", labels=["model"])
        for model, count in sorted(stats.jobs.items()):
            accepted.add_metric([model], count)
        yield accepted
        yield CounterMetricFamily(f"{NAMES}_replays", "Submissions that gave an earlier job back.", stats.replays)
        taken = stats.total().credits_taken + self._taken_later
        yield CounterMetricFamily(f"{NAMES}_credits_taken", "Credits taken for jobs.", taken)
        jobs = GaugeMetricFamily(f"{NAMES}_jobs", "Jobs that are kept, by their status now.", labels=["status"])
        for status, count in sorted(self._statuses.items()):
            jobs.add_metric([status.value], count)
        yield jobs

    def _of_webhooks(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415 - an extra

        attempts = CounterMetricFamily(
            f"{NAMES}_webhook_attempts", "Attempts to deliver webhooks.", labels=["event", "result"]
        )
        for labels, count in sorted(self._levers.stats.attempts.items()):
            attempts.add_metric(labels, count)
        yield attempts
        pending = self._counts.pending_deliveries
        yield GaugeMetricFamily(f"{NAMES}_webhooks_pending", "Webhooks still to be delivered.", pending)

    def _of_the_mock(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415 - an extra

        journal, clock = self._levers.journal, self._levers.clock
        yield CounterMetricFamily(f"{NAMES}_jobs_evicted", "Jobs that left to make room.", self._counts.evicted)
        yield GaugeMetricFamily(f"{NAMES}_journal_entries", "Requests remembered.", len(journal))
        yield CounterMetricFamily(f"{NAMES}_journal_dropped", "Requests that left to make room.", journal.dropped)
        speed = 0.0 if clock.is_frozen else clock.speed
        yield GaugeMetricFamily(f"{NAMES}_clock_speed", "Seconds of the mock's clock in a real one.", speed)
