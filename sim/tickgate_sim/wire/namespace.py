"""A network namespace for the exchange, with a TAP device whose other end is the card's wire.

What the exchange sends leaves by the device as whole Ethernet frames, which the card reads from the
device's descriptor; nothing of it touches the machine's own network. An ordinary user gets the
namespace inside a user namespace of its own, where the system allows that and lets the user open
/dev/net/tun.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

from tickgate_sim.wire.frames import EXCHANGE

__all__ = ["DEVICE", "NamespaceError", "dropped_frames", "enter"]

DEVICE = "card0"
"""The TAP device inside the namespace; it has the exchange's address."""
_PREFIX_MASK = "255.255.255.0"
_QUEUE_FRAMES = 10_000
"""Frames that wait for a card that is slower than the feed."""

_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_TUNSETIFF = 0x4004_54CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_IFF_UP = 0x1
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8914, 0x8916, 0x891C
_SIOCSIFHWADDR, _SIOCSIFTXQLEN = 0x8924, 0x8943
_ARPHRD_ETHER = 1


class NamespaceError(Exception):
    """The namespace or its device cannot be made here: what was refused and why."""


def enter() -> int:
    """Move this process to a network namespace of its own; return the TAP's descriptor.

    There is no way back: call it in a process that does nothing else. Raises NamespaceError, after
    which the process is of no use for networking.
    """
    _unshare()
    tap = _open_tap()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            _configure(control)
    except OSError as error:
        os.close(tap)
        raise NamespaceError(f"{DEVICE} cannot be configured: {error.strerror}") from error
    return tap


def dropped_frames() -> int:
    """Return how many frames the device dropped because the card did not read them in time."""
    for line in Path("/proc/self/net/dev").read_text().splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == DEVICE:
            return int(counts.split()[11])  # transmit: bytes, packets, errors, drops
    return 0


def _unshare() -> None:
    uid, gid = os.geteuid(), os.getegid()
    flags = _CLONE_NEWNET if uid == 0 else _CLONE_NEWUSER | _CLONE_NEWNET
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags):
        code = ctypes.get_errno()
        raise NamespaceError(f"a network namespace is refused: {os.strerror(code)}")
    if uid:
        try:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
            Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
        except OSError as error:
            raise NamespaceError(f"a user namespace is refused: {error.strerror}") from error


def _open_tap() -> int:
    try:
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NamespaceError(f"/dev/net/tun: {error.strerror}") from error
    try:
        fcntl.ioctl(tap, _TUNSETIFF, _request(struct.pack("H", _IFF_TAP | _IFF_NO_PI)))
    except OSError as error:
        os.close(tap)
        raise NamespaceError(f"a TAP device is refused: {error.strerror}") from error
    return tap


def _configure(control: socket.socket) -> None:
    try:  # without this the kernel speaks IPv6 of its own accord
        Path(f"/proc/sys/net/ipv6/conf/{DEVICE}/disable_ipv6").write_text("1")
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EACCES, errno.EROFS):
            raise
    hardware = struct.pack("H", _ARPHRD_ETHER) + EXCHANGE.mac
    fcntl.ioctl(control, _SIOCSIFHWADDR, _request(hardware))
    fcntl.ioctl(control, _SIOCSIFTXQLEN, _request(struct.pack("i", _QUEUE_FRAMES)))
    fcntl.ioctl(control, _SIOCSIFADDR, _request(_address(EXCHANGE.address)))
    fcntl.ioctl(control, _SIOCSIFNETMASK, _request(_address(_PREFIX_MASK)))
    for device in (DEVICE, "lo"):
        fcntl.ioctl(control, _SIOCSIFFLAGS, _request(struct.pack("H", _IFF_UP), device))


def _address(text: str) -> bytes:
    return struct.pack("HH", socket.AF_INET, 0) + socket.inet_aton(text)


def _request(value: bytes, device: str = DEVICE) -> bytes:
    """A struct ifreq."""
    return struct.pack("16s24s", device.encode(), value)


if __name__ == "__main__":  # the probe of tickgate_sim.wire.mode
    try:
        enter()
    except NamespaceError as problem:
        sys.exit(str(problem))
