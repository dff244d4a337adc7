"""Documents of the vendor from files and addresses, and the contract of a mock that follows one."""

import asyncio
import json
from pathlib import Path

import aiohttp

from mockserver.api.openapi import openapi_document
from mockserver.core.catalog import Catalog
from mockserver.drift.document import BadDocument, Document, opened
from mockserver.drift.follow import catalog_with
from mockserver.drift.known import Known, known_differences
from mockserver.schemas import catalog, schema_files
from mockserver.settings import SettingsError

MAX_BYTES = 50 * 1024 * 1024
TIMEOUT_S = 30.0
OURS = "http://127.0.0.1:4010"
"""Stands for the address of the mock, which is no part of what is compared."""


def contract_by(spec: str) -> tuple[Catalog, list[str]]:
    """Our contract, with the request bodies of the document in the file *spec* unless that is empty, and what to tell.

    Raises:
        SettingsError: the file cannot be read, or is no document that can be followed.
    """
    if not spec:
        return catalog(), []
    if "://" in spec:
        msg = f'--spec: "{spec}" is an address; download the document, and name the file'
        raise SettingsError(msg)
    try:
        followed, notes = catalog_with(catalog(), opened(text_of(Path(spec))), known())
    except BadDocument as error:
        msg = f'--spec: "{spec}": {error}'
        raise SettingsError(msg) from None
    return followed, notes.lines(Path(spec).name)


def our_document() -> Document:
    """What this version of the mock says of itself."""
    return Document(json.loads(json.dumps(openapi_document(catalog(), OURS))))


def known() -> list[Known]:
    """The differences from the vendor that are there on purpose."""
    return known_differences(schema_files()["known-differences.json"])


def text_of(file: Path) -> str:
    """What a file holds.

    Raises:
        BadDocument: it cannot be read.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            msg = f"is larger than {MAX_BYTES // 1024**2} MB"
            raise BadDocument(msg)
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"cannot be read: {error.strerror}"
        raise BadDocument(msg) from None
    except UnicodeDecodeError:
        msg = "is no text in UTF-8"
        raise BadDocument(msg) from None


async def fetched(url: str, timeout_s: float = TIMEOUT_S) -> str:
    """What an address answers.

    Raises:
        BadDocument: it answers nothing that can be used, or nothing in time.
    """
    try:
        async with (
            asyncio.timeout(timeout_s),
            aiohttp.ClientSession(headers={"Accept": "application/json"}) as session,
            session.get(url) as response,
        ):
            return await _body(response)
    except TimeoutError:
        msg = f"has not answered within {timeout_s:g} s"
        raise BadDocument(msg) from None
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        msg = "is no address; want a file, or an address that begins with http:// or https://"
        raise BadDocument(msg) from None
    except aiohttp.ClientError as error:
        msg = f"cannot be fetched: {error or type(error).__name__}; download it in another way, and name the file"
        raise BadDocument(msg) from None


async def _body(response: aiohttp.ClientResponse) -> str:
    if not response.ok:
        msg = f"answers {response.status} {response.reason}; want a document"
        raise BadDocument(msg)
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_BYTES:
            msg = f"is larger than {MAX_BYTES // 1024**2} MB"
            raise BadDocument(msg)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        msg = "is no text in UTF-8"
        raise BadDocument(msg) from None
