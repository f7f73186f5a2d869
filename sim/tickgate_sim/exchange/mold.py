"""MoldUDP64 downstream packets (moldudp64.md) and the messages they carried."""

from collections.abc import Sequence

from tickgate.protocols import moldudp64

MAX_PAYLOAD = 1400
"""Largest UDP payload sent, header included: fits one Ethernet frame with a VLAN tag."""
HEADER_BYTES = 20
BLOCK_HEADER_BYTES = 2


class MoldStream:
    """Numbers messages from 1 and packs them; keeps them all, so any can be sent again."""

    def __init__(self, session: str, *, max_payload: int = MAX_PAYLOAD) -> None:
        self.session = session
        self.messages: list[bytes] = []
        self._max_payload = max_payload

    @property
    def next_sequence(self) -> int:
        """Number of the next message."""
        return len(self.messages) + 1

    def pack(self, messages: Sequence[bytes]) -> list[bytes]:
        """Packets with ``messages``, which occurred together: as few packets as they fit in."""
        packets: list[bytes] = []
        batch: list[bytes] = []
        size = HEADER_BYTES
        for message in messages:
            length = BLOCK_HEADER_BYTES + len(message)
            if batch and size + length > self._max_payload:
                packets.append(self._packet(batch))
                batch, size = [], HEADER_BYTES
            batch.append(message)
            size += length
        if batch:
            packets.append(self._packet(batch))
        return packets

    def _packet(self, batch: list[bytes]) -> bytes:
        packet = moldudp64.Packet(self.session, self.next_sequence, tuple(batch)).encode()
        self.messages += batch
        return packet

    def packet_from(self, sequence: int, count: int) -> bytes | None:
        """A packet with message ``sequence`` and those after it once more, ``count`` at the most.

        It holds as many as there are and as fit in one packet; None if not even the first is
        there.
        """
        if sequence < 1:
            return None
        batch: list[bytes] = []
        size = HEADER_BYTES
        most = min(count, self._max_payload // BLOCK_HEADER_BYTES)
        for message in self.messages[sequence - 1 : sequence - 1 + most]:
            size += BLOCK_HEADER_BYTES + len(message)
            if batch and size > self._max_payload:
                break
            batch.append(message)
        return moldudp64.Packet(self.session, sequence, tuple(batch)).encode() if batch else None

    def heartbeat(self) -> bytes:
        """A packet that only tells the next number."""
        return moldudp64.Packet(self.session, self.next_sequence).encode()

    def end_of_session(self) -> bytes:
        """A packet that says that no message will follow."""
        return moldudp64.EndOfSession(self.session, self.next_sequence).encode()
