"""Webhook signatures, against known ones."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.signing import Scheme, key_digest, matching_scheme, signature
from mockserver.schemas import data_folder

VECTORS: list[dict[str, Any]] = json.loads((data_folder("fixtures") / "signatures.json").read_text(encoding="utf-8"))[
    "vectors"
]
SCHEMES: list[Scheme] = ["hex", "raw"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["key"])
def test_a_known_body_has_its_known_signature(vector: dict[str, Any], scheme: Scheme) -> None:
    assert key_digest(vector["key"]) == vector["keyDigest"]
    assert signature(vector["keyDigest"], vector["body"].encode(), scheme) == vector["signatures"][scheme]
    assert matching_scheme(vector["key"], vector["body"].encode(), vector["signatures"][scheme]) == scheme


def test_the_vectors_are_those_of_the_documents() -> None:
    assert [vector["signatures"] for vector in VECTORS] == [
        {
            "hex": "sha256=a685ab428a43f1bbc1d25439f792c8c203b300cdf4e3d13627cb8444edb3c846",
            "raw": "sha256=deaa7bea2723d18c40f639b5d5ad40d26aa5b16a60db865c68c970ea306f3a9f",
        }
    ]


@given(key=st.text(max_size=20), body=st.binary(max_size=40), scheme=st.sampled_from(SCHEMES))
def test_a_signature_is_found_true_with_and_without_prefix_and_in_capitals(
    key: str, body: bytes, scheme: Scheme
) -> None:
    header = signature(key_digest(key), body, scheme)
    for sent in (header, header.removeprefix("sha256="), header.upper(), f" {header} "):
        assert matching_scheme(key, body, sent) == scheme


@given(key=st.text(max_size=20), body=st.binary(max_size=40), scheme=st.sampled_from(SCHEMES), data=st.data())
def test_a_signature_of_anything_else_is_false(key: str, body: bytes, scheme: Scheme, data: st.DataObject) -> None:
    header = signature(key_digest(key), body, scheme)
    assert matching_scheme(key + "x", body, header) is None
    assert matching_scheme(key, body + b" ", header) is None
    at = data.draw(st.integers(len("sha256="), len(header) - 1))
    digit = "0" if header[at] != "0" else "1"
    assert matching_scheme(key, body, header[:at] + digit + header[at + 1 :]) is None


@given(header=st.text(st.characters() | st.sampled_from(["\udcff"]), max_size=20))
def test_any_other_header_is_false(header: str) -> None:
    assert matching_scheme("afk_test", b"{}", header) is None
