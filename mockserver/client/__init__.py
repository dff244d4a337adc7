"""The control client: the levers of a running mock, over HTTP."""

from mockserver.client.control import Control, KeyView
from mockserver.client.waiting import Found, Waited
from mockserver.client.wire import ControlError

__all__ = ["Control", "ControlError", "Found", "KeyView", "Waited"]
