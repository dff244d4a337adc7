"""Which handler answers a path: one look-up where at most the last segment is open, else segment by segment."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from mockserver.core.errors import MethodNotAllowed, PathNotFound
from mockserver.http.answers import Answer
from mockserver.http.request import Request

Handler = Callable[[Request], Awaitable[Answer]]


class Route(NamedTuple):
    """A method and a path; a segment `{name}` stands for any text without a slash."""

    method: str
    path: str
    handler: Handler
    is_prompt: bool = False
    """Whether it ordinarily waits for nothing, and never asks for the current task before it first waits."""


class Router:
    """Finds the handler of a request. HEAD is answered wherever GET is."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._tails: dict[str, tuple[str, dict[str, Route]]] = {}
        self._patterns: list[tuple[list[str], dict[str, Route]]] = []
        for route in routes:
            self._methods_at(route.path)[route.method] = route

    def _methods_at(self, path: str) -> dict[str, Route]:
        if "{" not in path:
            return self._exact.setdefault(path, {})
        head, _, tail = path.rpartition("/")
        if "{" not in head:
            return self._tails.setdefault(head, (tail[1:-1], {}))[1]
        pattern = path.split("/")
        for known, methods in self._patterns:
            if known == pattern:
                return methods
        methods = {}
        self._patterns.append((pattern, methods))
        return methods

    def find(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]]:
        """The route and the values of the pattern's names, decoded.

        Raises:
            PathNotFound, MethodNotAllowed: as named.
        """
        methods = self._exact.get(raw_path)
        values: Mapping[str, str] = {}
        if methods is None:
            methods, values = self._by_pattern(raw_path)
        route = methods.get("GET" if method == "HEAD" else method)
        if route is None:
            raise MethodNotAllowed(allowed_methods(methods))
        return route, values

    def methods(self, raw_path: str) -> list[str]:
        """What may be asked of a path.

        Raises:
            PathNotFound: nothing is there.
        """
        return allowed_methods(self._exact.get(raw_path) or self._by_pattern(raw_path)[0])

    def _by_pattern(self, raw_path: str) -> tuple[dict[str, Route], Mapping[str, str]]:
        head, _, tail = raw_path.rpartition("/")
        if tail and head in self._tails:
            name, methods = self._tails[head]
            return methods, {name: unquote(tail) if "%" in tail else tail}
        segments = raw_path.split("/")
        for pattern, methods in self._patterns:
            if len(pattern) == len(segments):
                values = _matched(pattern, segments)
                if values is not None:
                    return methods, values
        raise PathNotFound


def allowed_methods(methods: Iterable[str]) -> list[str]:
    """The value of `Allow`, sorted."""
    return sorted({*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])})


def _matched(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    values = {}
    for wanted, found in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            if not found:
                return None
            values[wanted[1:-1]] = unquote(found) if "%" in found else found
        elif wanted != found:
            return None
    return values
