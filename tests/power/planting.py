"""How a defect is written down and planted: what is swapped for what, while a context is entered."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Handler, Route
from mockserver.service import Service
from mockserver.stores.protocol import Store


class Defect(NamedTuple):
    """One way in which a server breaks one clause."""

    name: str
    clause: str
    about: str
    """What the broken server does, in a sentence."""
    plant: Callable[[], AbstractContextManager[None]]
    """While it is entered, every server that is started in this process has the defect."""


class Swap(NamedTuple):
    """An attribute of a module or class, and what stands there while the defect is planted."""

    owner: Any
    attribute: str
    substitute: Any


Make = Callable[[], list[Swap]]
Wrap = Callable[[Service, Request, Handler], Awaitable[Answer]]


def breaks(clause: str, defects: dict[str, Defect]) -> Callable[[Make], Make]:
    """Enter the decorated function's swaps in *defects*: its name is the defect's, its docstring says what it does.

    The function is called at each planting, so that what it keeps in its variables starts empty.
    """

    def enter(make: Make) -> Make:
        name = make.__name__.replace("_", "-")
        about = " ".join((make.__doc__ or "").split())

        @contextmanager
        def plant() -> Iterator[None]:
            with ExitStack() as stack:
                for owner, attribute, substitute in make():
                    stack.enter_context(patch.object(owner, attribute, substitute))
                yield

        defects[name] = Defect(name, clause, about, plant)
        return make

    return enter


def genuine(owner: Any, attribute: str) -> Any:
    """What a swap calls to do the rest; private names too, which a defect must be able to reach."""
    return getattr(owner, attribute)


def around(part: ModuleType, wrap: Wrap, path: str | None = None) -> Swap:
    """*wrap* around the handlers of one part of the API, or of one path of it; the control plane has none of them."""
    routes = genuine(part, "routes")

    def wrapped(service: Service, route: Route) -> Route:
        async def handle(request: Request) -> Answer:
            return await wrap(service, request, route.handler)

        return route._replace(handler=handle) if path in (None, route.path) else route

    def rerouted(service: Service, *others: Any) -> list[Route]:
        return [wrapped(service, route) for route in routes(service, *others)]

    return Swap(part, "routes", rerouted)


def is_control(request: Request) -> bool:
    """Whether a lever is asked for, which no defect may touch."""
    return request.path_text.startswith("/_mock/")


async def take(store: Store, team_id: str, amount: int, now: float) -> None:
    """Take credits without a reason, as far as there are any."""
    available = await store.balance(team_id, now)
    await store.set_balance(team_id, max(0, available - amount), now)
