"""Sessions of pytest within pytest: `play` runs a file of tests with the plugin, in this process."""

from collections.abc import Callable
from textwrap import dedent

import aiohttp
import httpx
import pytest
import requests
import trio

from mockserver import MockServer, WebhookInbox
from mockserver.client import telling

LOADED = (aiohttp, httpx, requests, trio, telling, MockServer, WebhookInbox)
"""What only an inner session has imported is unloaded at its end, which not every library endures."""

Play = Callable[..., pytest.RunResult]
INI = """
[pytest]
filterwarnings = error
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""
API = '''
import json
import os
import urllib.error
import urllib.request


def ask(method, path, body=None, **headers):
    """Status and JSON; what a program does that reads its settings from the environment."""
    raw = None if body is None else json.dumps(body).encode()
    sent = {"X-API-Key": os.environ["APIFRAME_API_KEY"], "Content-Type": "application/json", **headers}
    request = urllib.request.Request(os.environ["APIFRAME_BASE_URL"] + path, raw, sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def submit(prompt="a fox", **more):
    return ask("POST", "/v2/images/generate", {"model": "flux-2-pro", "prompt": prompt, **more})
'''


@pytest.fixture
def play(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Play:
    for name in ("APIFRAME_BASE_URL", "APIFRAME_API_KEY", "APIFRAME_MOCK_URL", "APIFRAME_MOCK_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def run(tests: str, *options: str, ini: str = "", conftest: str = "") -> pytest.RunResult:
        pytester.makeini(INI + ini)
        pytester.makeconftest(conftest)
        pytester.makepyfile(api=API, test_it=f"import pytest\nfrom api import ask, submit\n{dedent(tests)}")
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)

    return run
