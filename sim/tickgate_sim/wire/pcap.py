"""Recording to classic pcap files: frames as they are, byte streams as TCP segments made for the
purpose.

The order-entry stream is bytes on a socket, so its segments in a recording are synthesised: right
checksums, sequence and acknowledgement numbers, opening and closing handshakes, one segment a chunk
that was seen.
"""

import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tickgate_sim.wire.frames import CARD, EXCHANGE, MAX_SEGMENT, tcp_frame

__all__ = ["Pcap", "TcpRecorder"]

_MAGIC = 0xA1B2C3D4
_ETHERNET = 1
_SNAP_BYTES = 65535
_FIN, _SYN, _PSH, _ACK = 0x01, 0x02, 0x08, 0x10
_FIRST_PORT, _PORTS = 49152, 16384


class Pcap:
    """A classic pcap file of Ethernet frames, times in microseconds UTC."""

    def __init__(self, path: Path, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._file = path.open("wb")
        self._clock_ns = clock_ns
        self.frames = 0
        self._file.write(struct.pack("<IHHiIII", _MAGIC, 2, 4, 0, 0, _SNAP_BYTES, _ETHERNET))
        self._file.flush()

    def write(self, frame: bytes) -> None:
        """Append one frame with the time as it is now."""
        seconds, ns = divmod(self._clock_ns(), 1_000_000_000)
        self._file.write(struct.pack("<IIII", seconds, ns // 1000, len(frame), len(frame)) + frame)
        self.frames += 1

    def flush(self) -> None:
        """Make what was written readable for others."""
        self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def __enter__(self) -> "Pcap":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class TcpRecorder:
    """One connection from the card (client) to the exchange (server), as segments in a pcap
    file."""

    _opened = 0

    def __init__(self, pcap: Pcap, server_port: int) -> None:
        self._pcap = pcap
        self._ports = (_FIRST_PORT + TcpRecorder._opened % _PORTS, server_port)
        TcpRecorder._opened += 1
        self._next = [1_000_000, 2_000_000]  # sequence numbers of client and server
        self._sent = 0
        self._open = True
        self._segment(0, _SYN)
        self._segment(1, _SYN | _ACK)
        self._segment(0, _ACK)

    def from_card(self, data: bytes) -> None:
        """Record bytes that the card sent."""
        self._data(0, data)

    def from_exchange(self, data: bytes) -> None:
        """Record bytes that the exchange sent."""
        self._data(1, data)

    def close(self, *, by_exchange: bool) -> None:
        """Record the closing of the connection; nothing comes after it."""
        if not self._open:
            return
        self._open = False
        first = int(by_exchange)
        self._segment(first, _FIN | _ACK)
        self._segment(1 - first, _FIN | _ACK)
        self._segment(first, _ACK)

    def _data(self, side: int, data: bytes) -> None:
        for start in range(0, len(data), MAX_SEGMENT):
            self._segment(side, _PSH | _ACK, data[start : start + MAX_SEGMENT])

    def _segment(self, side: int, flags: int, payload: bytes = b"") -> None:
        ends = (CARD, EXCHANGE)
        frame = tcp_frame(
            ends[side],
            self._ports[side],
            ends[1 - side],
            self._ports[1 - side],
            sequence=self._next[side],
            acknowledgement=self._next[1 - side] if flags & _ACK else 0,
            flags=flags,
            payload=payload,
            identification=self._sent,
        )
        self._sent += 1
        self._next[side] += len(payload) + bool(flags & (_SYN | _FIN))
        self._pcap.write(frame)
