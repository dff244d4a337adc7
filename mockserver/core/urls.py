"""Addresses as JavaScript's `new URL` judges and writes them (WHATWG URL), any scheme."""

import ada_url


def is_url(text: str) -> bool:
    """Whether `new URL(text)` would accept it: absolute, any scheme, spaces around it ignored."""
    return ada_url.check_url(_scalar(text))


def normal_form(text: str) -> str:
    """The address as `new URL(text).href` writes it, all ASCII.

    Raises:
        ValueError: the text is no URL.
    """
    return ada_url.URL(_scalar(text)).href


def _scalar(text: str) -> str:
    """The text with lone surrogates replaced, as JavaScript does before it parses an address."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
