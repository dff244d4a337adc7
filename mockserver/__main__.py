"""`mockserver`, the command."""

import io
import sys

from mockserver.cli.main import run


def main() -> None:
    """Run the command line and exit with its code: 0 done, 1 the check failed, 2 misused."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what the terminal cannot show is escaped
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
