"""Multicast on loopback made into Ethernet frames, for machines where no TAP can be made."""

import socket
import struct

from tickgate_sim.wire.frames import MAX_PAYLOAD, udp_frame

__all__ = ["MulticastRelay"]

_RECEIVE_BYTES = 32 << 20
_SO_RCVBUFFORCE, _SO_RXQ_OVFL = 33, 40
_LOOPBACK = "127.0.0.1"


class MulticastRelay:
    """Receives a multicast group on loopback and returns what comes as frames.

    Counters: ``dropped`` (lost in a full socket buffer), ``oversized`` (more than a frame holds).
    """

    def __init__(self, group: str, port: int) -> None:
        self.group = group
        self.port = port
        self.dropped = 0
        self.oversized = 0
        self._count = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._widen()
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        self._socket.bind((group, port))
        membership = struct.pack("4s4s", socket.inet_aton(group), socket.inet_aton(_LOOPBACK))
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)

    def fileno(self) -> int:
        """Descriptor to wait on."""
        return self._socket.fileno()

    def receive(self) -> bytes | None:
        """Return the next datagram as a frame; None when there is none, now or for good reason."""
        while True:
            try:
                payload, control, _, source = self._socket.recvmsg(MAX_PAYLOAD + 1, 64)
            except BlockingIOError:
                return None
            for level, kind, data in control:
                if level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL:
                    self.dropped = struct.unpack("I", data)[0]
            if len(payload) > MAX_PAYLOAD:
                self.oversized += 1
                continue
            self._count += 1
            return udp_frame(payload, source, self.group, self.port, identification=self._count)

    def close(self) -> None:
        """Leave the group."""
        self._socket.close()

    def _widen(self) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
        except PermissionError:  # an ordinary user gets what the system allows
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
