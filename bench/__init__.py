"""Benchmarks: ratios within one run, never single figures."""
