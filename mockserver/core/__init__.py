"""The rules of the API as pure functions of values: no I/O, no clock, no chance, no HTTP."""
