"""A faithful local fake of the Apiframe v2 API.

`MockServer` runs it in a thread of this program, `Control` moves the levers of one that runs elsewhere.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockserver.client.control import Control
    from mockserver.client.wire import ControlError
    from mockserver.inprocess import MockServer
    from mockserver.webhook_inbox import WebhookInbox

__version__ = "0.1.0"
__all__ = ["Control", "ControlError", "MockServer", "WebhookInbox", "__version__"]

_PLACES = {
    "Control": "mockserver.client.control",
    "ControlError": "mockserver.client.wire",
    "MockServer": "mockserver.inprocess",
    "WebhookInbox": "mockserver.webhook_inbox",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and nothing else: the command line starts without the rest."""
    if name not in _PLACES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_PLACES[name]), name)
