"""Answering for the vendor's own addresses: a proxy on this machine, and certificates that one program trusts."""
