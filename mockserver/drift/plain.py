"""A schema of a document in one plain form: references followed, notes dropped, one spelling for each meaning.

The form is that of our own request schemas: what the validator and its messages expect.
"""

from collections.abc import Mapping
from typing import Any

from mockserver.core.catalog import Schema
from mockserver.drift.document import BadDocument, Document, shown
from mockserver.drift.joining import joined
from mockserver.drift.keywords import MANY, NAMED, NOTES, ONE, OTHERS, judge, schemas_in
from mockserver.drift.spelling import spelled

FIELD, MESSAGE = "x-field", "x-message"
"""Of a rule across fields of ours: where its message stands in `details`, and that."""
RULES = "x-rules"
"""Those rules in plain form: pairs of the two."""


def plain(document: Document, node: Any, trail: frozenset[str] = frozenset()) -> Schema:
    """The schema in plain form; where it holds itself, anything goes. *trail* are the references that led here.

    Raises:
        BadDocument: a part of it is no schema, or a reference leads nowhere.
    """
    document.spend()
    if isinstance(node, bool):
        return {} if node else {"not": {}}
    if not isinstance(node, dict):
        msg = f"want a schema, found {shown(node)}"
        raise BadDocument(msg)
    own = _plain_parts({key: value for key, value in node.items() if key != "$ref"}, document, trail)
    if "$ref" not in node:
        return own
    reference = node["$ref"]
    target = document.target(reference)
    if reference in trail:
        return own
    found = plain(document, target, trail | {reference})
    whole = joined(found, own)
    return {"allOf": [found, own]} if whole is None else whole


def _plain_parts(node: Mapping[str, Any], document: Document, trail: frozenset[str]) -> Schema:
    parts: Schema = {}
    members = node.get("allOf")
    rules = [each for each in members if _is_rule(each)] if isinstance(members, list) else []
    if rules:
        parts[RULES] = [[str(each.get(FIELD, "")), str(each[MESSAGE])] for each in rules]
        node = {**node, "allOf": [each for each in node["allOf"] if not _is_rule(each)]}
    for key, value in node.items():
        if key in NOTES or key.startswith("x-"):
            continue
        if key in ONE:
            parts[key] = value if value is False and key in OTHERS else plain(document, value, trail)
        elif key in MANY:
            parts[key] = [plain(document, each, trail) for each in schemas_in(key, value)]
        elif key in NAMED:
            parts[key] = {name: plain(document, each, trail) for name, each in schemas_in(key, value).items()}
        else:
            parts[key] = value
    judge(parts)
    return spelled(parts)


def _is_rule(member: Any) -> bool:
    return isinstance(member, dict) and MESSAGE in member
