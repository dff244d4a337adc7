"""The socket that a server listens on, and its address as clients write it."""

import ipaddress
import socket

BACKLOG = 4096


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on.

    Raises:
        OSError: the address cannot be listened on.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    listener.setblocking(False)  # noqa: FBT003 - the socket's own interface
    return listener


def address_of(listener: socket.socket) -> str:
    """`http://HOST:PORT`; where it listens on every address, that of this machine."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")  # noqa: PLR2004 - IPv4
    return f"http://{address}:{port}" if address.version == 4 else f"http://[{address}]:{port}"  # noqa: PLR2004
