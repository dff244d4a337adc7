"""The OpenAPI 3.1 document, assembled from schemas/."""

import re
from http import HTTPStatus
from typing import Any

from mockserver import __version__
from mockserver.core.catalog import Catalog, Operation, Schema

_RETRY_AFTER = {
    "description": "Whole seconds to wait before the next request.",
    "schema": {"type": "integer", "minimum": 1},
}

_SECURITY_SCHEMES = {
    "ApiKeyAuth": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "BearerAuth": {"type": "http", "scheme": "bearer"},
}


def openapi_document(catalog: Catalog, server_url: str) -> dict[str, Any]:
    """The document as a JSON value; *server_url* is where the described server listens."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Schema] = {}
    for operation in catalog.operations.values():
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(catalog, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Apiframe v2, as imitated by apiframe-mockserver",
            "version": __version__,
            "description": "What the local mock accepts and answers, assembled from its schemas.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server_url}],
        "tags": [{"name": tag} for tag in dict.fromkeys(op.tag for op in catalog.operations.values())],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _operation(catalog: Catalog, operation: Operation, schemas: dict[str, Schema]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _joined(operation.id),
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": [{name: []} for name in _SECURITY_SCHEMES] if operation.needs_key else [],
        "parameters": _parameters(catalog, operation),
        "responses": {
            status: _answer(status, name, catalog, schemas) for status, name in sorted(operation.answers.items())
        },
    }
    body = _body(catalog, operation, schemas)
    if body is not None:
        described["requestBody"] = {"required": True, "content": body}
    return described


def _body(catalog: Catalog, operation: Operation, schemas: dict[str, Schema]) -> dict[str, Any] | None:
    if operation.is_submission:
        return {"application/json": {"schema": _request(catalog, operation, schemas)}}
    if operation.body is not None:
        return {"application/json": {"schema": _component(operation.body, catalog, schemas)}}
    if operation.form is not None:
        return {"multipart/form-data": {"schema": _component(operation.form, catalog, schemas)}}
    return None


def _parameters(catalog: Catalog, operation: Operation) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in operation.path_parameters.items()
    ]
    if operation.query:
        properties = catalog.schemas[operation.query]["properties"]
        found += [{"name": name, "in": "query", "required": False, "schema": s} for name, s in properties.items()]
    if operation.takes_idempotency_key:
        schema = _bare(catalog.schemas["requests/idempotency-key.json"])
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema})
    return found


def _answer(status: str, name: str | None, catalog: Catalog, schemas: dict[str, Schema]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": HTTPStatus(int(status)).phrase}
    if name is not None:
        described["content"] = {"application/json": {"schema": _component(name, catalog, schemas)}}
    if status == "429":
        described["headers"] = {"Retry-After": _RETRY_AFTER}
    return described


def _component(name: str, catalog: Catalog, schemas: dict[str, Schema]) -> Schema:
    key = _joined(name.rpartition("/")[2].removesuffix(".json"))
    schemas[key] = _bare(catalog.schemas[name])
    return {"$ref": f"#/components/schemas/{key}"}


def _request(catalog: Catalog, operation: Operation, schemas: dict[str, Schema]) -> Schema:
    name = f"{_joined(operation.id)}Request"
    references = {}
    for model in catalog.models[operation.id].values():
        key = name if operation.choose is None else f"{name}_{model.id}"
        schemas[key] = model.body_schema
        references[model.id] = f"#/components/schemas/{key}"
    if operation.choose is not None:
        schemas[name] = {
            "oneOf": [{"$ref": reference} for reference in references.values()],
            "discriminator": {"propertyName": operation.choose, "mapping": references},
        }
    return {"$ref": f"#/components/schemas/{name}"}


def _bare(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in ("$schema", "$id")}


def _joined(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[.\-_]", name))
