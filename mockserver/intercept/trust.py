"""The authorities that programs of this machine trust, so that a file of ours can stand for theirs."""

import contextlib
import re
import ssl
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

REPLACING = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name the whole of what is trusted."""
ADDING = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
"""Variables that name what is trusted beside."""

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def with_roots(authority_pem: bytes, environment: Mapping[str, str]) -> bytes:
    """Ours, and what is trusted here without it: the system's, certifi's, and what the environment names."""
    files = [*_system(), *_certifi(), *_named(REPLACING, environment)]
    return _joined([authority_pem, *_windows(), *_texts(files)])


def with_extra(authority_pem: bytes, environment: Mapping[str, str]) -> bytes:
    """Ours, and what the environment adds to the system's."""
    return _joined([authority_pem, *_texts(_named(ADDING, environment))])


def _joined(texts: list[bytes]) -> bytes:
    """The certificates in the texts, each once."""
    found = {b"".join(pem.split()): pem.strip() for text in texts for pem in _CERTIFICATE.findall(text)}
    return b"\n".join([*found.values(), b""])


def _named(variables: tuple[str, ...], environment: Mapping[str, str]) -> list[Path]:
    return [Path(environment[name]) for name in variables if environment.get(name)]


def _texts(places: list[Path]) -> Iterator[bytes]:
    """What files hold, or the files of folders; nothing for what cannot be read."""
    for place in places:
        with contextlib.suppress(OSError):
            for file in place.iterdir() if place.is_dir() else [place]:
                with contextlib.suppress(OSError):
                    yield file.read_bytes()


def _system() -> list[Path]:
    paths = ssl.get_default_verify_paths()
    place = paths.cafile or paths.capath  # the folder holds the same again
    return [Path(place)] if place else []


def _certifi() -> list[Path]:
    try:
        import certifi  # noqa: PLC0415 - where it is installed, programs trust it instead of the system
    except ImportError:
        return []
    return [Path(certifi.where())]


def _windows() -> list[bytes]:
    if sys.platform != "win32":
        return []
    stored = ssl.enum_certificates("ROOT")
    return [ssl.DER_cert_to_PEM_cert(certificate).encode() for certificate, form, _ in stored if form == "x509_asn"]
