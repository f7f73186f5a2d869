"""``python -m tickgate_sim.wire.guard PARENT COMMAND...``: a command that ends when its parent
does."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for SIGTERM at the end of process PARENT, then become COMMAND."""
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit("wire: the broker ended before its command began")
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"wire: {command[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
