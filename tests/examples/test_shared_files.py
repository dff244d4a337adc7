"""The files of examples/shared: linted, of one mind with the settings, and tried with the real programs they start."""

import asyncio
import copy
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest
import redis
from ruamel.yaml import YAML

from mockserver.app import App
from mockserver.settings import SETTINGS, Settings, SettingsError, load
from mockserver.stores.opening import opened
from tests.conftest import KEY, MakeApp
from tests.driver import Driver
from tests.stores import redisserver

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "examples" / "shared"
MANIFESTS = sorted((SHARED / "kubernetes").rglob("*.yaml"))
KUBERNETES = ("1.30", "1.37")
"""The oldest and the newest that the manifests are checked for."""
TOKEN = "secret"
OURS = {"apiframe-mockserver", "registry.example.com/apiframe-mockserver:0.1.0"}
"""Images that are made from the Dockerfile; all others are pulled."""
COMPOSE: Any = YAML(typ="safe").load(SHARED / "compose.yaml")
RESOURCES: list[Any] = [resource for path in MANIFESTS for resource in YAML(typ="safe").load_all(path)]


def of_kind(kind: str) -> list[Any]:
    return [resource for resource in RESOURCES if resource["kind"] == kind]


def pod_of(name: str) -> Any:
    """What a Deployment or StatefulSet starts."""
    starting = of_kind("Deployment") + of_kind("StatefulSet")
    [found] = (each for each in starting if each["metadata"]["name"] == name)
    return found["spec"]["template"]


def container_of(name: str) -> Any:
    [container] = pod_of(name)["spec"]["containers"]
    return container


@pytest.mark.parametrize("version", KUBERNETES)
def test_each_manifest_fits_the_schema_of_its_kind(version: str) -> None:
    for resource in RESOURCES:
        kubernetes_validate.validate(resource, version, strict=True)


def test_the_linter_finds_a_field_that_does_not_exist() -> None:
    [deployment] = copy.deepcopy(of_kind("Deployment"))
    deployment["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        kubernetes_validate.validate(deployment, KUBERNETES[-1], strict=True)


def test_every_image_is_ours_or_pinned() -> None:
    images = {service["image"] for service in COMPOSE["services"].values()}
    images |= {container_of(name)["image"] for name in ("apiframe", "valkey")}
    assert images >= OURS
    assert {image for image in images - OURS if not re.fullmatch(r"[a-z/]+:\d+\.\d+-alpine", image)} == set()


# One mind with the settings


def filled(text: str, given: dict[str, str]) -> str:
    """A value as compose or Kubernetes hands it to the server."""
    text = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: given[found[1]], text)
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    return re.sub(r"\$\((\w+)\)", lambda found: given[found[1]], text)


def test_the_settings_of_both_are_ones_that_a_server_takes() -> None:
    given = {"MOCKSERVER_ADMIN_TOKEN": "secret", "VALKEY_PASSWORD": "letters"}
    in_pod = {each["name"]: each.get("value", "secret") for each in container_of("apiframe")["env"]}
    known = {row.variable for row in SETTINGS}
    for environment in (COMPOSE["services"]["mock"]["environment"], in_pod):
        variables = {name: filled(value, given) for name, value in environment.items() if name in known}
        assert set(environment) - set(variables) <= {"VALKEY_PASSWORD"}
        settings = load({}, variables)
        assert (settings.admin_token, settings.webhook_allow) == ("secret", ("private",))
        assert settings.store.endswith("valkey:6379/0")


def test_the_image_can_speak_to_redis() -> None:
    [asked] = re.findall(r'"\.\[([a-z,]+)\]"', (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert set(asked.split(",")) >= {"redis", "metrics"}


# Names lead somewhere


def test_what_a_pod_asks_of_a_secret_is_in_it() -> None:
    [secret] = of_kind("Secret")
    asked = [
        each["valueFrom"]["secretKeyRef"]
        for name in ("apiframe", "valkey")
        for each in container_of(name)["env"]
        if "valueFrom" in each
    ]
    assert {ref["name"] for ref in asked} == {secret["metadata"]["name"]}
    assert {ref["key"] for ref in asked} == set(secret["stringData"])


def test_services_select_pods_and_ports_that_are_there() -> None:
    for service in of_kind("Service"):
        name = service["metadata"]["name"]
        assert service["spec"]["selector"] == pod_of(name)["metadata"]["labels"]
        ports = {port["name"] for port in container_of(name)["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_kubernetes_sets_no_variable_that_a_server_takes_for_a_setting() -> None:
    assert pod_of("apiframe")["spec"]["enableServiceLinks"] is False
    assert "mockserver" not in {service["metadata"]["name"] for service in of_kind("Service")}


# The guide


def used(place: str) -> str:
    """What is said of a store in a folder that holds no store."""
    with pytest.raises(SettingsError) as refused:
        asyncio.run(opened(load({"store": place}, {}).store, 1))
    return str(refused.value)


@pytest.mark.parametrize(
    "place", ["sqlite:DIR", "sqlite:DIR/none/mock.db", "sqlite:DIR/notes", "unix://DIR/redis.sock", "..."]
)
def test_the_guide_shows_what_is_said_of_a_store_that_cannot_be_used(place: str, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("Dear diary", encoding="utf-8")
    said = used(place.replace("DIR", str(tmp_path)))
    for folder in (tmp_path / "none", tmp_path):
        said = said.replace(str(folder), "DIR")
    assert said.removeprefix('store "sqlite:DIR/notes" ') in (ROOT / "docs" / "shared.md").read_text(encoding="utf-8")


# Probes


def probes_of(container: Any) -> list[Any]:
    return [container[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")]


async def test_every_probe_is_answered_by_a_server_with_a_token(make_app: MakeApp) -> None:
    app = await make_app(admin_token="secret")
    mock, service = container_of("apiframe"), COMPOSE["services"]["mock"]
    commands = [probe["exec"]["command"] for probe in probes_of(mock) if "exec" in probe]
    ports = {port["name"] for port in mock["ports"]}
    assert {probe["tcpSocket"]["port"] for probe in probes_of(mock) if "tcpSocket" in probe} <= ports
    for command in [*commands, service["healthcheck"]["test"][1:]]:
        assert command[:3] == ["mockserver", "wait", "http://127.0.0.1:4010"]
    [asked] = {tuple(command[3:]) for command in [*commands, service["healthcheck"]["test"][1:]]}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "mockserver", "wait", app.url, *asked)
    assert await process.wait() == 0
    assert len(app.journal) == 0


# What is started


def options_of_compose() -> list[str]:
    program, *options = COMPOSE["services"]["valkey"]["command"]
    assert program == "valkey-server"
    return list(options)


def options_of_pod() -> list[str]:
    program, *options = container_of("valkey")["args"]
    assert program == "valkey-server"
    return [filled(option, {"REDISCLI_AUTH": "letters"}) for option in options]


@pytest.mark.parametrize(
    ("options", "password"), [(options_of_compose, None), (options_of_pod, "letters")], ids=["compose", "pod"]
)
def test_the_server_takes_its_options_and_keeps_what_it_was_told(
    options: Callable[[], list[str]], password: str | None
) -> None:
    server = redisserver.Server(*options())
    try:
        with redis.Redis(unix_socket_path=str(server.socket), password=password) as client:
            found: Any = client.config_get("append*", "maxmemory-policy", "save")
        assert found | {"appendonly": "yes", "appendfsync": "everysec", "save": ""} == found
        assert found["maxmemory-policy"] == "noeviction"
    finally:
        server.kill()


@pytest.fixture
async def mocks() -> AsyncIterator[list[App]]:
    """Three servers over what compose starts for them."""
    server = redisserver.Server(*options_of_compose())
    settings = Settings(port=0, store=server.url, admin_token=TOKEN)
    async with AsyncExitStack() as stack:
        stack.callback(server.kill)
        yield [await stack.enter_async_context(App(settings)) for _ in range(3)]


STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
"""Where Debian keeps what the image has built in."""


def balancer() -> str:
    """A real nginx that can pass connections on; without one the test is skipped."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    has_stream = found and (STREAM.exists() or "--with-stream " in _about(found))
    if not has_stream:
        pytest.skip("NOT TESTED: examples/shared/nginx.conf; install nginx with its stream module")
    assert found is not None
    return found


def _about(nginx: str) -> str:
    return subprocess.run([nginx, "-V"], capture_output=True, text=True, check=True).stderr + " "


def config_for(mocks: list[App], port: int, folder: Path) -> str:
    """The file, with other places in it."""
    text = (SHARED / "nginx.conf").read_text(encoding="utf-8")
    [server] = re.findall(r"^ *server mock:4010 .*$", text, re.MULTILINE)
    servers = "\n".join(server.replace("mock:4010", app.url.removeprefix("http://")) for app in mocks)
    text = text.replace(server, servers).replace("listen 4010", f"listen 127.0.0.1:{port}")
    module = f"load_module {STREAM};\n" if STREAM.exists() else ""
    return module + text.replace("/tmp/", f"{folder}/")  # noqa: S108 - as the file has it


@pytest.fixture
async def balanced(mocks: list[App], tmp_path: Path) -> AsyncIterator[str]:
    """The address of the balancer."""
    nginx = balancer()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = tmp_path / "nginx.conf"
    file.write_text(config_for(mocks, port, tmp_path), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        nginx, "-c", str(file), "-g", "daemon off;", stderr=asyncio.subprocess.PIPE
    )
    url = f"http://127.0.0.1:{port}"
    try:
        waiting = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mockserver", "wait", url, "--timeout", "20s", "--quiet"
        )
        assert await waiting.wait() == 0
        yield url
    finally:
        process.terminate()
        await process.communicate()


async def test_three_servers_behind_the_balancer_are_one(balanced: str, mocks: list[App]) -> None:
    headers = {"X-API-Key": KEY, "X-Mock-Token": TOKEN}
    connector = aiohttp.TCPConnector(force_close=True)  # another server each time
    async with aiohttp.ClientSession(balanced, headers=headers, connector=connector) as http:
        driver = Driver(http)
        job_ids = [await driver.submit() for _ in range(6)]
        await driver.advance("1h")
        assert await driver.statuses(*job_ids) == ["COMPLETED"] * 6
        await driver.pull("POST", "faults", {"match": {"method": "POST"}, "drop": "before", "times": 2}, status=201)
        for _ in range(2):
            with pytest.raises(aiohttp.ServerDisconnectedError):  # a balancer for HTTP would answer 502
                await driver.submit()
        await driver.submit()
        counted = [(await driver.pull("GET", "summary"))["requests"] for _ in mocks]
        assert counted == [6 + 6 + 2 + 1] * len(mocks)
        await driver.pull("POST", "reset")
        assert [(await driver.pull("GET", "health"))["jobs"] for _ in mocks] == [0] * len(mocks)
