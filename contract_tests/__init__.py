"""Contract tests: numbered promises of the Apiframe v2 API, held against any server that speaks HTTP."""
