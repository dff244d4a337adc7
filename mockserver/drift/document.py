"""An OpenAPI 3 document: opened, its references followed, its operations listed."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MAX_NODES = 50_000
"""Twenty times what the vendor has, references followed; a document that unfolds without end stops here."""
SHOWN = 60


class BadDocument(Exception):
    """The document cannot be used; the text says where and why."""


class Described(NamedTuple):
    """One operation of a document."""

    method: str
    """In capitals."""
    path: str
    value: Mapping[str, Any]
    parameters: list[Mapping[str, Any]]
    """Its own and those of its path, references followed."""


class Document:
    """A document whose references can be followed.

    Raises:
        BadDocument: it is no OpenAPI 3 document.
    """

    def __init__(self, value: Any) -> None:
        version = value.get("openapi", value.get("swagger")) if isinstance(value, dict) else None
        if not (isinstance(version, str) and version.startswith("3.")):
            told = f'its version is "{str(version)[:SHOWN]}"' if version else 'it has no "openapi" at its top'
            msg = f"is no OpenAPI 3 document: {told}"
            raise BadDocument(msg)
        self.value = value
        self.paths = self.mapping(value.get("paths"), "paths")
        self._left = MAX_NODES

    @property
    def name(self) -> str:
        """Its title and version, as far as it has them."""
        info = self.value.get("info")
        known = [info.get("title"), info.get("version")] if isinstance(info, dict) else []
        return " ".join(each for each in known if isinstance(each, str))

    def operations(self) -> Iterator[Described]:
        """Its operations, in order."""
        for path, item in self.paths.items():
            methods = self.mapping(self.resolved(item), f"paths.{path}")
            for method, value in methods.items():
                if method.lower() in METHODS:
                    place = f"paths.{path}.{method}"
                    operation = self.mapping(value, place)
                    parameters = [
                        self.mapping(self.resolved(each), f"{place}.parameters")
                        for holder in (methods, operation)
                        for each in self.items(holder.get("parameters", []), f"{place}.parameters")
                    ]
                    yield Described(method.upper(), path, operation, parameters)

    def resolved(self, node: Any) -> Any:
        """What a reference, or a chain of them, leads to; anything else as it is."""
        seen = set()
        while isinstance(node, dict) and "$ref" in node:
            reference = node["$ref"]
            node = self.target(reference)
            if reference in seen:
                msg = f'the reference "{reference}" leads back to itself'
                raise BadDocument(msg)
            seen.add(reference)
        return node

    def target(self, reference: Any) -> Any:
        """What stands where a local reference points.

        Raises:
            BadDocument: it points elsewhere, or nowhere.
        """
        if not (isinstance(reference, str) and reference.startswith("#")):
            msg = f"{shown(reference)} refers to another file; put all into one, with references that begin with #/"
            raise BadDocument(msg)
        node = self.value
        for step in filter(None, unquote(reference[1:]).split("/")):
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
                node = node[int(name)]
            elif isinstance(node, dict) and name in node:
                node = node[name]
            else:
                msg = f"{shown(reference)} leads nowhere"
                raise BadDocument(msg)
        return node

    def spend(self) -> None:
        """Count one more schema that is looked at.

        Raises:
            BadDocument: there were too many.
        """
        self._left -= 1
        if self._left < 0:
            msg = f"unfolds into more than {MAX_NODES:,} schemas"
            raise BadDocument(msg)

    @staticmethod
    def items(value: Any, place: str) -> list[Any]:
        """The value, which has to be a list.

        Raises:
            BadDocument: it is something else.
        """
        if not isinstance(value, list):
            msg = f"{place}: want a list, found {shown(value)}"
            raise BadDocument(msg)
        return value

    @staticmethod
    def mapping(value: Any, place: str) -> Mapping[str, Any]:
        """The value, which has to be an object.

        Raises:
            BadDocument: it is something else.
        """
        if not isinstance(value, dict):
            msg = f"{place}: want an object, found {shown(value)}"
            raise BadDocument(msg)
        return value


def opened(text: str) -> Document:
    """The document that a text holds.

    Raises:
        BadDocument: the text is no JSON, or no OpenAPI 3 document.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        msg = "is nested too deep"
        raise BadDocument(msg) from None
    except ValueError as error:
        start = text.lstrip("\ufeff \t\r\n")
        if start and start[0] not in '{["':
            msg = "is no JSON; a document in YAML has to be converted first, as in: yq -o=json old.yaml > new.json"
            raise BadDocument(msg) from None
        msg = f"is no JSON: {error}"
        raise BadDocument(msg) from None
    return Document(value)


def shown(value: Any) -> str:
    """A value in a message, shortened."""
    text = json.dumps(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
