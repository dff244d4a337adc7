"""Scenarios: where they are found, and how they are played."""
