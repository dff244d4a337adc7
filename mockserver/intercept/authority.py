"""A certificate for the vendor's hosts, from an authority that signs once and whose key is never written down."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import trustme

NAME = "apiframe-mockserver"
BEFORE = timedelta(days=1)
"""For clocks that are late."""
VALID = timedelta(days=365)
"""Some clients take no certificate that is good for much longer."""


class Issued(NamedTuple):
    """What one run answers and is trusted with."""

    authority_pem: bytes
    """The certificate that clients have to trust."""
    context: ssl.SSLContext
    """Answers as the hosts, in HTTP/1.1."""


def issue(hosts: tuple[str, ...], folder: Path, now: float) -> Issued:
    """A new authority and its one certificate, for these hosts alone.

    The ssl module reads keys from files only: that of the certificate lies in *folder* for a moment, readable by this
    user alone.
    """
    authority = trustme.CA(path_length=0, organization_name=NAME, organization_unit_name="authority of one run")
    today = datetime.fromtimestamp(now, UTC)
    certificate = authority.issue_cert(
        *hosts, organization_name=NAME, not_before=today - BEFORE, not_after=today + VALID
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    with certificate.private_key_and_cert_chain_pem.tempfile(dir=str(folder)) as file:
        context.load_cert_chain(file)
    return Issued(authority.cert_pem.bytes(), context)
