"""The two flows that pass through the broker: frames to the card, and bytes between card and
exchange."""

import selectors
import socket
from collections import deque
from collections.abc import Callable

from tickgate_sim.wire.pcap import TcpRecorder

__all__ = ["BytePipe", "FrameFlow"]

_READ_BYTES = 65536
_FRAMES_A_TURN = 64
_HIGH_WATER = 1 << 16


class FrameFlow:
    """Frames from any number of sources to one end of a SEQPACKET pair, in the order of reading.

    Frames wait in ``queue`` while the card is slow; beyond ``limit`` they are dropped and counted.
    Frames that the card sends (IGMP reports, ARP answers) reach nobody here: they are counted in
    ``from_card``.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        limit: int = 200_000,
    ) -> None:
        self._selector = selector
        self._limit = limit
        self._out: socket.socket | None = None
        self.queue: deque[bytes] = deque()
        self.frames = 0
        self.dropped = 0
        self.from_card = 0

    def add_source(self, descriptor: int, receive: Callable[[], bytes | None]) -> None:
        """Take frames from ``receive`` (None = nothing more now) when a descriptor is readable."""
        self._selector.register(descriptor, selectors.EVENT_READ, lambda _: self._read(receive))

    def connect(self) -> socket.socket:
        """Return the card's end of a new pair, in place of the one before."""
        self._disconnect()
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        mine.setblocking(False)
        self._out = mine
        self._selector.register(mine, selectors.EVENT_READ, self._writable)
        self._send()
        return theirs

    def close(self) -> None:
        """Close the card's end."""
        self._disconnect()

    def _read(self, receive: Callable[[], bytes | None]) -> None:
        for _ in range(_FRAMES_A_TURN):
            frame = receive()
            if frame is None:
                break
            self.frames += 1
            if self._out is None or len(self.queue) >= self._limit:
                self.dropped += 1
            else:
                self.queue.append(frame)
        self._send()

    def _writable(self, events: int) -> None:
        if events & selectors.EVENT_READ and not self._take():
            self._disconnect()
        else:
            self._send()

    def _take(self) -> bool:
        """Take what the card has sent; return whether its end is still there."""
        assert self._out is not None
        try:
            while self._out.recv(_READ_BYTES):
                self.from_card += 1
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _send(self) -> None:
        if self._out is None:
            return
        try:
            while self.queue:
                self._out.send(self.queue[0])
                self.queue.popleft()
        except BlockingIOError:
            pass
        except OSError:
            self._disconnect()
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.queue else 0)
        self._selector.modify(self._out, wanted, self._writable)

    def _disconnect(self) -> None:
        if self._out is not None:
            self._selector.unregister(self._out)
            self._out.close()
            self._out = None
            self.dropped += len(self.queue)
            self.queue.clear()


class BytePipe:
    """Bytes both ways between the card's end and the exchange's, each chunk shown to a recorder."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        card: socket.socket,
        exchange: socket.socket,
        recorder: TcpRecorder,
    ) -> None:
        self._selector = selector
        self._recorder = recorder
        self._ends = (card, exchange)
        self._waiting = (bytearray(), bytearray())  # to the card, to the exchange
        self.open = True
        for side, end in enumerate(self._ends):
            end.setblocking(False)
            selector.register(end, selectors.EVENT_READ, self._handler(side))

    def close(self, *, by_exchange: bool) -> None:
        """Close both ends."""
        if self.open:
            self.open = False
            for end in self._ends:
                self._selector.unregister(end)
                end.close()
            self._recorder.close(by_exchange=by_exchange)

    def _handler(self, side: int) -> Callable[[int], None]:
        return lambda events: self._ready(side, events)

    def _ready(self, side: int, events: int) -> None:
        try:
            if events & selectors.EVENT_READ and not self._read(side):
                self.close(by_exchange=side == 1)
                return
            for other in (0, 1):
                self._write(other)
        except BlockingIOError:
            pass
        except OSError:
            self.close(by_exchange=side == 1)
            return
        for other, end in enumerate(self._ends):
            room = len(self._waiting[1 - other]) < _HIGH_WATER
            wanted = (selectors.EVENT_READ if room else 0) | (
                selectors.EVENT_WRITE if self._waiting[other] else 0
            )
            self._selector.modify(end, wanted or selectors.EVENT_WRITE, self._handler(other))

    def _read(self, side: int) -> bool:
        data = self._ends[side].recv(_READ_BYTES)
        if data:
            (self._recorder.from_exchange if side else self._recorder.from_card)(data)
            self._waiting[1 - side].extend(data)
        return bool(data)

    def _write(self, side: int) -> None:
        waiting = self._waiting[side]
        if waiting:
            del waiting[: self._ends[side].send(waiting)]
