"""One TCP connection with a bounded queue of bytes to write; never waits."""

import socket

from tickgate.fix.acceptor import AcceptorConnection

QUEUE_LIMIT = 4 << 20
"""Bytes that may wait for a client before it counts as too slow."""


class Connection:
    """A client's socket. ``peer`` is its address; ``failed`` why it must be closed, or empty."""

    def __init__(self, sock: socket.socket, peer: str, acceptor: AcceptorConnection) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.peer = peer
        self.acceptor = acceptor
        self.failed = ""
        self.ending = False
        """Close once the queue is empty."""
        self._queue = bytearray()

    @property
    def waiting(self) -> bool:
        """Whether bytes wait to be written."""
        return bool(self._queue)

    def read(self) -> bytes | None:
        """What came: bytes; empty when there is nothing now; None when the peer is gone."""
        try:
            return self.sock.recv(65_536) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def queue(self, data: bytes) -> None:
        """Add bytes to write; too many make the connection fail."""
        if self.failed:
            return
        self._queue += data
        if len(self._queue) > QUEUE_LIMIT:
            self.failed = f"slow consumer: more than {QUEUE_LIMIT} bytes wait for it"
            self._queue.clear()

    def write(self) -> None:
        """Write what the socket takes now."""
        if not self._queue or self.failed:
            return
        try:
            sent = self.sock.send(self._queue)
        except BlockingIOError:
            return
        except OSError as error:
            self.failed = f"write failed: {error.strerror or error}"
            self._queue.clear()
            return
        del self._queue[:sent]
