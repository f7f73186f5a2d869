"""SoupBinTCP 3.00 and 4.00: login, numbered messages and heartbeats over a byte stream.

Packets and their framing only; the session (who speaks first, timeouts, what is sent again) does
not belong here. Numbers and session names are sent right justified; padding on either side is
accepted, as both are found in the wild.

Source: Nasdaq "SoupBinTCP 3.00" and "4.00".
"""

import dataclasses
from typing import ClassVar, Self

from tickgate.protocols.wire import (
    U16,
    Alpha6,
    Alpha10,
    AlphaRight10,
    Buffer,
    Char,
    Digits20,
    Message,
    UnknownMessage,
    WireError,
    by_type,
    constant,
    field,
)

LENGTH_BYTES = 2
"""Bytes of packet_length, which counts what follows it."""
MAX_PAYLOAD = 0xFFFF - 1
"""Most bytes of payload that a packet can announce."""


class SoupPacket(Message):
    """A packet with its length in front. Subclasses without a payload have one fixed length."""

    packet_length: ClassVar[U16] = constant(
        "bytes that follow this field", lambda cls: max(cls.LENGTH - LENGTH_BYTES, 0)
    )
    packet_type: ClassVar[Char] = constant("type of the packet")


class LoginRequest(SoupPacket, type="L"):
    """Login Request. From the client, first of all."""

    username: Alpha6 = field("compared without case")
    password: Alpha10 = field("compared without case")
    requested_session: AlphaRight10 = field("session wanted; all spaces = the active one")
    requested_sequence_number: Digits20 = field(
        "next sequence number wanted; 0 = only new messages, 1 = from the start"
    )

    def __repr__(self) -> str:
        """The packet without its password: packets end up in logs."""
        return (
            f"LoginRequest(username={self.username!r}, password=..., "
            f"requested_session={self.requested_session!r}, "
            f"requested_sequence_number={self.requested_sequence_number!r})"
        )


class LoginAccepted(SoupPacket, type="A"):
    """Login Accepted. From the server."""

    session: AlphaRight10 = field("session that is now logged in to")
    sequence_number: Digits20 = field("number of the next Sequenced Data packet")


class LoginRejected(SoupPacket, type="J"):
    """Login Rejected. From the server, which then closes."""

    reject_reason_code: Char = field("A not authorised, S session not available")


class ServerHeartbeat(SoupPacket, type="H"):
    """Server Heartbeat. After one second without any other packet from the server."""


class ClientHeartbeat(SoupPacket, type="R"):
    """Client Heartbeat. After one second without any other packet from the client."""


class EndOfSession(SoupPacket, type="Z"):
    """End of Session. From the server: no more Sequenced Data; it closes soon after."""


class LogoutRequest(SoupPacket, type="O"):
    """Logout Request. From the client; the server closes."""


class PayloadPacket(SoupPacket):
    """A packet whose payload may have any length from 0 to MAX_PAYLOAD bytes."""

    payload: bytes = dataclasses.field(default=b"", kw_only=False)

    def encode(self) -> bytes:
        """Bytes of this packet. Raises WireError if the payload is too long."""
        if len(self.payload) > MAX_PAYLOAD:
            raise WireError(
                f"a payload is at most {MAX_PAYLOAD} bytes long, was {len(self.payload)}"
            )
        return self._pack((1 + len(self.payload), *self._CONSTANTS[1:])) + self.payload

    @classmethod
    def decode(cls, data: Buffer) -> Self:
        """Packet in `data`, which must be exactly one. Raises WireError if it is not."""
        if len(data) < cls.LENGTH:
            raise WireError(f"{cls.__name__} is >= {cls.LENGTH} bytes long, was {len(data)}")
        packet = cls._unpack(data, (len(data) - LENGTH_BYTES, *cls._CONSTANTS[1:]))
        object.__setattr__(packet, "payload", bytes(data[cls.LENGTH :]))
        return packet


class SequencedData(PayloadPacket, type="S"):
    """Sequenced Data. From the server; each counts one, an empty one too."""


class UnsequencedData(PayloadPacket, type="U"):
    """Unsequenced Data. From the client, in 4.00 the server too; can be lost for good."""


class Debug(PayloadPacket, type="+"):
    """Debug. Any text, from both sides; to be ignored."""


PACKETS: dict[str, type[SoupPacket]] = by_type(
    Debug,
    LoginRequest,
    LoginAccepted,
    LoginRejected,
    SequencedData,
    UnsequencedData,
    ServerHeartbeat,
    ClientHeartbeat,
    EndOfSession,
    LogoutRequest,
)
"""Packet class of each type character."""

_BY_BYTE = {ord(key): packet for key, packet in PACKETS.items()}


def decode(data: Buffer) -> SoupPacket:
    """Packet in `data`, which must be exactly one with its length in front.

    Raises UnknownMessage for an unknown type, WireError for any wrong length or content.
    """
    if len(data) <= LENGTH_BYTES:
        raise WireError(f"a SoupBinTCP packet is at least 3 bytes long, was {len(data)}")
    packet = _BY_BYTE.get(data[LENGTH_BYTES])
    if packet is None:
        raise UnknownMessage(f"SoupBinTCP has no packet type {bytes(data[2:3])!r}")
    return packet.decode(data)


class PacketReader:
    """Cuts a byte stream into packets, however TCP has split or joined them.

    A packet that is no packet ends the stream: nothing behind it can be trusted. The packets
    before it are still delivered; the error is raised by the first `feed` that has none to give,
    and by every one after it. `error` is set from the moment the bad packet is seen.
    """

    def __init__(self) -> None:
        self.error: WireError | None = None
        self._pending = bytearray()

    @property
    def pending(self) -> int:
        """Bytes of an unfinished packet; not 0 at the end of a stream means that it was cut."""
        return len(self._pending)

    def feed(self, data: Buffer) -> list[SoupPacket]:
        """Packets completed by `data`, in order.

        Raises WireError if the length, type or content of a packet is illegal.
        """
        packets: list[SoupPacket] = []
        if self.error is None:
            self._pending += data
            try:
                self._cut(packets)
            except WireError as error:
                self.error = error
                self._pending.clear()
        if self.error is not None and not packets:
            raise self.error
        return packets

    def _cut(self, packets: list[SoupPacket]) -> None:
        at, pending = 0, self._pending
        while len(pending) - at >= LENGTH_BYTES:
            length = int.from_bytes(pending[at : at + LENGTH_BYTES], "big")
            if length == 0:
                raise WireError("packet_length must be at least 1, was 0")
            if len(pending) - at > LENGTH_BYTES:
                _check_start(length, pending[at + LENGTH_BYTES])
            end = at + LENGTH_BYTES + length
            if len(pending) < end:
                break
            packets.append(decode(bytes(pending[at:end])))
            at = end
        del pending[:at]


def _check_start(length: int, kind: int) -> None:
    """Refuse a packet by its first three bytes, without waiting for what it announces."""
    packet = _BY_BYTE.get(kind)
    if packet is None:
        raise UnknownMessage(f"SoupBinTCP has no packet type {bytes((kind,))!r}")
    required = packet.LENGTH - LENGTH_BYTES
    if length != required and not issubclass(packet, PayloadPacket):
        raise WireError(f"packet_length of {packet.__name__} must be {required}, was {length}")
