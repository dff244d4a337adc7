"""Small documents, made by hand."""

from typing import Any

from mockserver.drift.document import Document


def with_schema(schema: Any, *, components: Any = None, version: str = "3.1.0") -> Document:
    """A document with one operation, POST /v2/things, whose JSON body has this schema."""
    body = {"content": {"application/json": {"schema": schema}}}
    return Document(
        {
            "openapi": version,
            "paths": {"/v2/things": {"post": {"requestBody": body, "responses": {}}}},
            "components": {"schemas": components or {}},
        }
    )
