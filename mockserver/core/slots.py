"""When a job may start where a team runs only so many at once: first come, first served."""

import heapq


def take_slot(free_at: list[float], limit: int, ready_at: float, runs_s: float) -> float:
    """Say when a job that is ready at *ready_at* starts, and book its slot until it ends.

    *free_at* is a heap of the instants at which booked slots get free (infinite: never), at most *limit* long;
    it is changed. The start is infinite where no slot will ever be free.
    """
    starts_at = ready_at if len(free_at) < limit else max(ready_at, heapq.heappop(free_at))
    heapq.heappush(free_at, starts_at + runs_s)
    return starts_at
