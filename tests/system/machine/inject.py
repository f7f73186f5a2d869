"""``python inject.py PID INTERFACE``: frames from standard input, one in hex a line, onto the wire.

Moves to the network namespace of process PID first (and to its user namespace, where this is no
superuser), so that the card takes the frames from the TAP like the exchange's own.
"""

import ctypes
import os
import socket
import sys


def enter(pid: int, kind: str) -> None:
    """Join one namespace of a process. Raises OSError."""
    descriptor = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0):
            raise OSError(ctypes.get_errno(), f"setns to the {kind} namespace of {pid}")
    finally:
        os.close(descriptor)


def main() -> None:
    """Send what comes."""
    pid, interface = int(sys.argv[1]), sys.argv[2]
    if os.geteuid():
        enter(pid, "user")
    enter(pid, "net")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((interface, 0))
        for line in sys.stdin:
            wire.send(bytes.fromhex(line))


if __name__ == "__main__":
    main()
