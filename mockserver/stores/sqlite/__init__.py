"""The store in a SQLite file: all of it survives a restart, and the processes of one machine share it."""
