"""A wheel, installed in an empty environment outside the checkout, samples and serves."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow  # wheels are built and installed, once in each process that runs some of these
CHECKOUT = Path(__file__).parent.parent
DATA = ("schemas", "fixtures")

if sys.platform == "win32":
    OWN_GROUP, STOP = subprocess.CREATE_NEW_PROCESS_GROUP, signal.CTRL_BREAK_EVENT
else:
    OWN_GROUP, STOP = 0, signal.SIGTERM


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that holds the wheel and sees the dependencies of this one, without any network.

    A path in a .pth file is searched, but .pth files there are not read: an editable install of the checkout stays out.
    """
    home = tmp_path_factory.mktemp("installed")
    venv.create(home)
    seen = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site_packages(home) / "dependencies.pth").write_text("\n".join(sorted(seen)), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--isolated", "--python", command(home, "python")]
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", "--ignore-installed", wheel, cwd=home)
    return home


def test_a_wheel_carries_the_data_inside_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        carried = {Path(name) for name in archive.namelist()}
    inside = Path("mockserver", "_data")
    assert {path.relative_to(inside) for path in carried if path.is_relative_to(inside)} == {
        path.relative_to(CHECKOUT) for name in DATA for path in (CHECKOUT / name).rglob("*") if path.is_file()
    }
    assert not {path.parts[0] for path in carried} & set(DATA)


def test_an_installed_wheel_is_used_and_puts_no_data_at_top_level(installed: Path) -> None:
    found = run(command(installed, "python"), "-c", "import mockserver; print(mockserver.__file__)", cwd=installed)
    assert Path(found.strip()).resolve() == (site_packages(installed) / "mockserver" / "__init__.py").resolve()
    assert [name for name in DATA if (site_packages(installed) / name).exists()] == []


def test_an_installed_wheel_samples(installed: Path) -> None:
    model = json.loads((CHECKOUT / "schemas" / "models.json").read_text(encoding="utf-8"))["models"][0]["id"]
    printed = run(command(installed, "python"), "-m", "mockserver", "sample", model, cwd=installed)
    assert json.loads(printed)["model"] == model


def test_an_installed_wheel_serves_until_it_is_told_to_stop(installed: Path) -> None:
    with subprocess.Popen(
        [command(installed, "mockserver"), "serve", "--port", "0"],
        cwd=installed,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
        creationflags=OWN_GROUP,
    ) as server:
        try:
            assert server.stdout is not None
            ready, _, url = server.stdout.readline().strip().rpartition(" ")
            assert ready == "listening on"
            status, body = get(url, "/v2/models")
            server.send_signal(STOP)
            exit_code = server.wait(timeout=20)
        finally:
            server.kill()
    assert (status, exit_code) == (200, 0)
    assert json.loads(body)


def get(url: str, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", path, headers={"X-API-Key": "afk_test"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def run(*words: str | Path, cwd: Path) -> str:
    """Give back what a command prints; a failure shows all of it."""
    ran = subprocess.run(
        words, cwd=cwd, env=clean_environment(), capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def clean_environment() -> dict[str, str]:
    """Leave out what would lead Python to the checkout, or the mock to someone's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MOCKSERVER_"))}


def command(home: Path, name: str) -> str:
    return str(Path(sysconfig.get_path("scripts", "venv", {"base": str(home)})) / name)


def site_packages(home: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(home)}))


def test_an_installed_wheel_verifies_and_carries_no_tests_of_ours(wheel: Path, installed: Path) -> None:
    printed = run(command(installed, "mockserver"), "verify", "--only", "LIST,HDR", cwd=installed)
    assert "Contract kept" in printed
    assert (installed / "contract-report" / "report.html").is_file()
    with zipfile.ZipFile(wheel) as archive:
        tops = {Path(name).parts[0] for name in archive.namelist()}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"mockserver", "contract_tests"}
