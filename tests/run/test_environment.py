"""What a program is told, so that it reaches the mock at the vendor's addresses."""

import ssl
from pathlib import Path

import pytest

from mockserver.intercept import trust
from mockserver.intercept.authority import issue
from mockserver.intercept.environment import Places, for_program
from tests.run.conftest import NOW

PLACES = Places("http://127.0.0.1:4010", "http://127.0.0.1:5", "/tmp/x/trusted.pem", "/tmp/x/mockserver.pem")  # noqa: S108 - never opened
SET = {
    "HTTPS_PROXY": "http://127.0.0.1:5",
    "https_proxy": "http://127.0.0.1:5",
    "HTTP_PROXY": "http://127.0.0.1:5",
    "http_proxy": "http://127.0.0.1:5",
    "NO_PROXY": "localhost,127.0.0.1,::1",
    "no_proxy": "localhost,127.0.0.1,::1",
    "NODE_USE_ENV_PROXY": "1",
    "SSL_CERT_FILE": PLACES.bundle,
    "REQUESTS_CA_BUNDLE": PLACES.bundle,
    "CURL_CA_BUNDLE": PLACES.bundle,
    "NODE_EXTRA_CA_CERTS": PLACES.extra,
    "DENO_CERT": PLACES.extra,
    "APIFRAME_BASE_URL": "http://127.0.0.1:4010",
    "APIFRAME_API_KEY": "afk_test",
}


def test_a_program_gets_the_variables_of_every_kind_of_client_beside_its_own() -> None:
    assert for_program({"HOME": "/home/fox"}, PLACES) == {"HOME": "/home/fox", **SET}


def test_what_would_lead_past_the_mock_is_taken_away() -> None:
    base = {
        "ALL_PROXY": "socks5://127.0.0.1:9050",
        "all_proxy": "socks5://127.0.0.1:9050",
        "https_proxy": "http://proxy.example.com:3128",
        "no_proxy": "intern.example.com, .apiframe.ai 10.0.0.0/8,localhost",
        "NODE_USE_ENV_PROXY": "0",
    }
    direct = "localhost,127.0.0.1,::1,intern.example.com,10.0.0.0/8"
    assert for_program(base, PLACES) == {**SET, "NO_PROXY": direct, "no_proxy": direct}


@pytest.mark.parametrize(
    ("given", "told"),
    [("afk_real_0123456789", "afk_test"), ("", "afk_test"), ("afk_test_poor", "afk_test_poor")],
    ids=["a real one", "none", "one of the mock's"],
)
def test_only_a_key_of_the_mock_reaches_the_program(given: str, told: str) -> None:
    assert for_program({"APIFRAME_API_KEY": given}, PLACES)["APIFRAME_API_KEY"] == told


@pytest.fixture
def others(tmp_path: Path) -> bytes:
    """The certificate of an authority that is not ours."""
    return issue(("other.test",), tmp_path, NOW).authority_pem.strip()


def certificates(text: bytes) -> list[bytes]:
    return [part + b"-----END CERTIFICATE-----" for part in text.split(b"-----END CERTIFICATE-----")[:-1]]


def test_what_is_trusted_is_ours_the_system_s_and_what_the_environment_names_each_once(
    tmp_path: Path, others: bytes
) -> None:
    (tmp_path / "company.pem").write_bytes(b"# the company's\r\n" + others.replace(b"\n", b"\r\n"))
    named = {"SSL_CERT_FILE": str(tmp_path / "company.pem"), "REQUESTS_CA_BUNDLE": str(tmp_path / "none.pem")}
    ours = issue(("api.apiframe.ai",), tmp_path, NOW).authority_pem
    bundle = trust.with_roots(ours, named)
    found = [b"\n".join(pem.split()) for pem in certificates(bundle)]
    assert found[0] == b"\n".join(ours.split())
    assert b"\n".join(others.split()) in found
    assert len(found) == len(set(found))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=bundle.decode())
    assert len(context.get_ca_certs()) == len(found)
    default = ssl.create_default_context().get_ca_certs(binary_form=True)
    assert set(default) <= set(context.get_ca_certs(binary_form=True))


def test_what_is_trusted_beside_is_ours_and_what_the_environment_adds(tmp_path: Path, others: bytes) -> None:
    folder = tmp_path / "extra"
    folder.mkdir()
    (folder / "company.pem").write_bytes(others)
    ours = issue(("api.apiframe.ai",), tmp_path, NOW).authority_pem.strip()
    assert trust.with_extra(ours, {}) == ours + b"\n"
    assert trust.with_extra(ours, {"NODE_EXTRA_CA_CERTS": str(folder)}) == ours + b"\n" + others + b"\n"


def test_the_key_of_a_certificate_stays_in_no_file(tmp_path: Path) -> None:
    issue(("api.apiframe.ai",), tmp_path, NOW)
    assert list(tmp_path.iterdir()) == []
