"""The control plane as one area of the server: every lever's routes, its guard, its errors."""

from functools import partial

from mockserver import __version__
from mockserver.control import (
    faults,
    findings,
    jobs,
    keys,
    metrics,
    requests,
    scenarios,
    summary,
    teams,
    time,
    webhooks,
)
from mockserver.control.levers import PREFIX, Levers, answer, guard, refuse
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Handler, Route, Router
from mockserver.http.server import Area
from mockserver.settings import without_password


def control_area(levers: Levers) -> Area:
    """All of /_mock."""
    router = Router([route._replace(handler=_in_step(levers, route.handler)) for route in routes(levers)])
    return Area(f"{PREFIX}/", router, refuse, partial(guard, levers.settings), is_open_to_browsers=False)


def _in_step(levers: Levers, handle: Handler) -> Handler:
    """A lever that first goes on with what other processes have changed."""

    async def enter(request: Request) -> Answer:
        await levers.sharing.catch_up()
        return await handle(request)

    return enter


def routes(levers: Levers) -> list[Route]:
    """Every route of every lever."""

    async def get_health(_: Request) -> Answer:
        counts = await levers.store.counts()
        return answer(
            {
                "status": "ok",
                "version": __version__,
                "store": without_password(levers.settings.store),
                "jobs": counts.jobs,
                "evictedJobs": counts.evicted,
                "pendingDeliveries": counts.pending_deliveries,
                "clock": time.shown(levers),
            }
        )

    async def post_reset(_: Request) -> Answer:
        await levers.start_over()
        return answer({"status": "ok"})

    return [
        Route("GET", f"{PREFIX}/health", get_health),
        Route("POST", f"{PREFIX}/reset", post_reset),
        *time.routes(levers),
        *teams.routes(levers),
        *keys.routes(levers),
        *jobs.routes(levers),
        *faults.routes(levers),
        *scenarios.routes(levers),
        *webhooks.routes(levers),
        *requests.routes(levers),
        *findings.routes(levers),
        *summary.routes(levers),
        *metrics.routes(levers),
    ]
