"""Recovery's sockets and its way to the card: ``FeedLink``.

Recovery runs at the end of a turn, after commands, orders and the card's events, and never waits:
its sockets are looked at in passing, and each turn hands the card a few packets at most. Nothing
of it is journalled: it changes no order, and what it does follows from the card's state, which is
read anew after a restart. The card's FeedEvent records are journalled as all of its events are.
"""

import errno
import os
import socket
from collections.abc import Callable

from tickgate.engine.cardport import Card
from tickgate.marketdata.recovery import Command, Forget, Inject, Rebuild, Recovery, Resume
from tickgate.marketdata.settings import Address, RecoverySettings

__all__ = ["FeedLink"]

PACKETS_A_TURN = 2
"""Packets for the card in one turn; each is at most 512 bytes, so 128 writes."""
DATAGRAMS_A_TURN = 32
_STREAM_BYTES = 16_384
_DATAGRAM_BYTES = 65_535


class FeedLink:
    """Recovery of the feed over real sockets. Only CardError leaves it."""

    def __init__(
        self, settings: RecoverySettings, resumed: Callable[[int, int, int], None]
    ) -> None:
        """Open the socket for re-requests. Raises OSError."""
        self.recovery = Recovery(settings, resumed)
        self.counters = self.recovery.counters
        self._settings = settings
        self._card: Card | None = None
        self._stream: socket.socket | None = None
        self._attempt = 0  # which of recovery's the stream is for
        self._connecting = False
        self._out = b""
        self._datagrams: socket.socket | None = None
        if settings.rerequest:
            self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._datagrams.setblocking(False)

    @property
    def busy(self) -> bool:
        """Whether the next turn should come soon."""
        return self.recovery.busy

    def work(self, card: Card | None, now_ns: int) -> None:
        """Do what is due; ``card`` is None while there is none that is configured."""
        recovery = self.recovery
        if card is not self._card:
            self._card = card
            recovery.reset()
            self._close_stream()
        if card is None:
            return
        if recovery.busy:
            self._receive(now_ns)
            recovery.tick(now_ns)
        if recovery.wants_stream or self._stream is not None:
            self._work_stream(now_ns)
        if recovery.state_due(now_ns):
            recovery.on_state(card.feed_state(), now_ns)
        self._carry_out(card, now_ns)
        for server, request in recovery.requests(now_ns):
            self._request(server, request)

    def close(self) -> None:
        """Close the sockets."""
        self._close_stream()
        if self._datagrams is not None:
            self._datagrams.close()

    def _carry_out(self, card: Card, now_ns: int) -> None:
        recovery = self.recovery
        for _ in range(PACKETS_A_TURN):
            if not recovery.commands or not _do(card, recovery.commands[0]):
                return
            recovery.done(recovery.commands[0], now_ns)

    # ---- re-requests ----

    def _request(self, server: int, request: bytes) -> None:
        if self._datagrams is None:
            return
        try:
            self._datagrams.sendto(request, self._settings.rerequest[server])
        except OSError as error:  # it is asked again after a while, and then another one
            self.counters[f"request not sent: {_name(error)}"] += 1

    def _receive(self, now_ns: int) -> None:
        if self._datagrams is None:
            return
        for _ in range(DATAGRAMS_A_TURN):
            try:
                data, sender = self._datagrams.recvfrom(_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError as error:  # such as a server's port that is closed
                self.counters[f"request refused: {_name(error)}"] += 1
                continue
            if sender in self._settings.rerequest:
                self.recovery.on_datagram(data, now_ns)
            else:
                self.counters["answers of strangers"] += 1

    # ---- snapshots ----

    def _work_stream(self, now_ns: int) -> None:
        recovery, address = self.recovery, self._settings.glimpse
        if not recovery.wants_stream or address is None:
            self._close_stream()
            return
        if self._attempt != recovery.attempt:
            self._close_stream()
            self._attempt = recovery.attempt
        try:
            if self._stream is None:
                self._open_stream(address)
            elif self._connecting:
                self._look_whether_connected(self._stream)
            else:
                self._read(self._stream, now_ns)
                self._write(self._stream)
        except OSError as error:
            self._close_stream()
            recovery.on_closed(_name(error), now_ns)

    def _open_stream(self, address: Address) -> None:
        self._stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._stream.setblocking(False)
        self._connecting, self._out = True, b""
        problem = self._stream.connect_ex(address)
        if problem not in (0, errno.EINPROGRESS):
            raise OSError(problem, os.strerror(problem))

    def _look_whether_connected(self, stream: socket.socket) -> None:
        problem = stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if problem:
            raise OSError(problem, os.strerror(problem))
        try:
            stream.getpeername()
        except OSError as error:
            if error.errno == errno.ENOTCONN:
                return
            raise
        self._connecting = False
        self.recovery.on_connected()

    def _read(self, stream: socket.socket, now_ns: int) -> None:
        if not self.recovery.wants_data:
            return
        try:
            data = stream.recv(_STREAM_BYTES)
        except BlockingIOError:
            return
        if data:
            self.recovery.on_stream(data, now_ns)
        else:
            self._close_stream()
            self.recovery.on_closed("the server closed", now_ns)

    def _write(self, stream: socket.socket) -> None:
        self._out += self.recovery.to_send()
        if not self._out or stream.fileno() < 0:
            return
        try:
            sent = stream.send(self._out)
        except BlockingIOError:
            return
        self._out = self._out[sent:]

    def _close_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream, self._connecting, self._out = None, False, b""


def _do(card: Card, command: Command) -> bool:
    """Carry out a command; False when the card has no room for it now."""
    match command:
        case Inject():
            return card.inject_packet(command.payload, snapshot=command.snapshot)
        case Rebuild():
            card.rebuild_feed()
        case Resume():
            card.resume_feed(command.sequence)
        case Forget():
            card.forget_session()
    return True


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
