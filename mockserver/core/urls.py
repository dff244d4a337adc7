"""Addresses as JavaScript's `new URL` judges and writes them (WHATWG URL), any scheme."""

import ada_url

from mockserver.core.jsontext import well_formed


def is_url(text: str) -> bool:
    """Whether `new URL(text)` would accept it: absolute, any scheme, spaces around it ignored."""
    return ada_url.check_url(well_formed(text))


def normal_form(text: str) -> str:
    """The address as `new URL(text).href` writes it, all ASCII.

    Raises:
        ValueError: the text is no URL.
    """
    return ada_url.URL(well_formed(text)).href
