"""Addresses as JavaScript's `new URL` judges them. Both tables were printed by Node 20."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.urls import is_url, normal_form

HREFS = {
    "http://example.com": "http://example.com/",
    "HTTP://EXAMPLE.com:80/a?b#c": "http://example.com/a?b#c",
    "ftp://x": "ftp://x/",
    "mailto:a@b.c": "mailto:a@b.c",
    "data:,x": "data:,x",
    "javascript:alert(1)": "javascript:alert(1)",
    "a:": "a:",
    "a:b c": "a:b c",
    "x-y.z+1:": "x-y.z+1:",
    "localhost:3000": "localhost:3000",
    "C:\\x": "c:\\x",
    "http:example.com": "http://example.com/",
    "https:/example.com": "https://example.com/",
    "http:\\\\example.com": "http://example.com/",
    " http://a ": "http://a/",
    "\thttp://a\n": "http://a/",
    "ht\ntp://a": "http://a/",
    "http://h/a b": "http://h/a%20b",
    "foo://a": "foo://a",
    "foo:///": "foo:///",
    "http://[::1]": "http://[::1]/",
    "http://[::1]:80": "http://[::1]/",
    "http://1.2.3.4": "http://1.2.3.4/",
    "http://1.2.3": "http://1.2.0.3/",
    "http://0x7f.1": "http://127.0.0.1/",
    "http://2130706433": "http://127.0.0.1/",
    "http://a:65535": "http://a:65535/",
    "http://a:": "http://a/",
    "http://u:p@h": "http://u:p@h/",
    "http://@h": "http://h/",
    "http://a/\u0000": "http://a/",
    "\u0000http://a": "http://a/",
    "http://ex_ample": "http://ex_ample/",
    "http://m\u00fcnchen.de": "http://xn--mnchen-3ya.de/",
    "http://a..b": "http://a..b/",
    "http://a.": "http://a./",
    "file:///x": "file:///x",
    "file:": "file:///",
    "file://h/x": "file://h/x",
    "ws://a": "ws://a/",
    "urn:uuid:1": "urn:uuid:1",
    "tel:+1": "tel:+1",
    "about:blank": "about:blank",
    "http://h/%zz": "http://h/%zz",
    "http://h/\ud800": "http://h/%EF%BF%BD",
    "http://h/\ud83d\ude00": "http://h/%F0%9F%98%80",
    "http://user name@h": "http://user%20name@h/",
    "http://a#b#c": "http://a/#b#c",
    "https://EXAMPLE\u3002com": "https://example.com/",
    "http://%41": "http://a/",
}
NO_URLS = [
    "http://a%20b/",
    "1a:b",
    "http:",
    "http://",
    "http://?",
    "//example.com",
    "/path",
    "",
    "   ",
    "example.com",
    "localhost",
    "http://a b",
    "foo://a b",
    "http://[::1",
    "http://[:::1]",
    "http://[::1%25lo]",
    "http://256.1.1.1",
    "http://4294967296",
    "http://1.2.3.4.5",
    "http://a.1",
    "http://a:65536",
    "http://a:x",
    "http://a:-1",
    "http://u@",
    "http://a\u0000b",
    "http://ex<ample",
    "http://ex|ample",
    "http://ex^ample",
    "http://\u00ad",
    "http://%zz",
    "http://exa%00mple",
    "http://\ud800",
    "foo://h:99999",
    "\u00e9:x",
    "http://a\u3000b",
    "wss://",
    "http://[1.2.3.4]",
]


@pytest.mark.parametrize(("text", "href"), HREFS.items(), ids=map(ascii, HREFS))
def test_what_new_url_accepts_is_an_address_and_is_written_as_its_href(text: str, href: str) -> None:
    assert (is_url(text), normal_form(text)) == (True, href)


@pytest.mark.parametrize("text", NO_URLS, ids=map(ascii, NO_URLS))
def test_what_new_url_refuses_is_no_address(text: str) -> None:
    assert not is_url(text)
    with pytest.raises(ValueError, match="Invalid input"):
        normal_form(text)


@given(
    text=st.text(st.characters() | st.integers(0xD800, 0xDFFF).map(chr), max_size=20),
    scheme=st.sampled_from(["", "http://", "a:"]),
)
def test_any_text_is_judged_and_an_address_stays_one_in_its_normal_form(text: str, scheme: str) -> None:
    if is_url(scheme + text):
        href = normal_form(scheme + text)
        assert href.isascii()
        assert normal_form(href) == href
