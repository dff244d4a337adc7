"""The report of a run: one JSON value, and everything that is made from it."""
