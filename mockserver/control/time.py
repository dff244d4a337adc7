"""GET and POST /_mock/clock."""

import math
from typing import Any

from mockserver.control.levers import PREFIX, Body, Levers, Problem, answer
from mockserver.core.durations import duration_s
from mockserver.core.instants import instant, iso
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route

_BODY = Body(
    advance={"type": ["string", "number"], "minimum": 0},
    now={"type": "string"},
    freeze={"type": "boolean"},
    speed={"type": "number", "exclusiveMinimum": 0, "maximum": 1e6},
    wait={"type": "boolean"},
)
LONGEST_STEP_S = 100 * 365 * 86400.0


def routes(levers: Levers) -> list[Route]:
    """The two routes."""
    clock = levers.clock

    async def get_clock(_: Request) -> Answer:
        return answer(shown(levers))

    async def post_clock(request: Request) -> Answer:
        body = await _BODY.read(request)
        async with levers.sharing.turn():
            target = _target(body, clock.now())
            if "speed" in body:
                clock.set_speed(float(body["speed"]))
            if "freeze" in body:
                clock.freeze(is_frozen=body["freeze"])
            if target is not None:
                clock.move_to(max(target, clock.now()))
        if target is not None and body.get("wait", True):
            await levers.deliverer.settled()
        return answer(shown(levers))

    return [Route("GET", f"{PREFIX}/clock", get_clock), Route("POST", f"{PREFIX}/clock", post_clock)]


def shown(levers: Levers) -> dict[str, Any]:
    """The clock as JSON; `jobSpeed` is what job times are divided by, null for instant jobs."""
    clock, job_speed = levers.clock, levers.service.rules.speed
    return {
        "now": iso(clock.now()),
        "frozen": clock.is_frozen,
        "speed": clock.speed,
        "jobSpeed": job_speed if math.isfinite(job_speed) else None,
    }


def _target(body: dict[str, Any], now: float) -> float | None:
    """Where the body wants the clock to be.

    Raises:
        Problem: 400 for a text of another form, 409 for the past.
    """
    if "now" not in body and "advance" not in body:
        return None
    try:
        target = instant(body["now"]) if "now" in body else now
    except (ValueError, OverflowError) as error:
        raise Problem(400, "Invalid body", f"now: {error}; an instant is written 2026-03-15T10:00:32Z") from None
    try:
        span = body.get("advance", 0)
        target += duration_s(span) if isinstance(span, str) else float(span)
    except ValueError as error:
        raise Problem(400, "Invalid body", f"advance: {error}") from None
    if target < now:
        raise Problem(409, "Time only moves forward", f"it is {iso(now)}; POST {PREFIX}/reset starts over")
    if target - now > LONGEST_STEP_S:
        raise Problem(400, "Invalid body", "the clock moves by 100 years at most")
    return target
