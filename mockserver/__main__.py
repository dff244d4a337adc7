"""`mockserver`, the command."""

import sys

from mockserver.cli.main import run


def main() -> None:
    """Run the command line and exit with its code: 0 done, 1 the check failed, 2 misused."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
