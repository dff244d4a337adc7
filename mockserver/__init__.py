"""A faithful local fake of the Apiframe v2 API."""

__version__ = "0.1.0"
