"""MoldUDP64 1.00: numbered messages in UDP packets, heartbeats, and requests for lost ones.

Message k of a packet has number `sequence_number + k`. Recovery (which packet is next, what to ask
for) does not belong here.

Source: Nasdaq "MoldUDP64 1.00".
"""

from dataclasses import dataclass

from tickgate.protocols.wire import U16, U64, Alpha10, Buffer, Message, WireError, field

END_OF_SESSION = 0xFFFF
"""message_count of an end-of-session packet."""
MAX_MESSAGES = END_OF_SESSION - 1
"""Most messages that one packet can announce (far fewer fit a datagram)."""


class Header(Message):
    """Downstream packet.

    From the server to all listeners, or in answer to one request; message blocks follow.
    """

    session: Alpha10 = field("session name")
    sequence_number: U64 = field(
        "number of the first message in the packet; of the next message to come if there is none"
    )
    message_count: U16 = field("messages in the packet; 0 heartbeat, 65535 end of session")


class Block(Message):
    """Message block.

    A downstream packet has message_count of them; the message itself follows.
    """

    message_length: U16 = field("bytes of the message that follows; 0 is legal")


class Request(Message):
    """Request packet.

    From a listener to the request server, in unicast UDP.
    """

    session: Alpha10 = field("session wanted")
    sequence_number: U64 = field("first message wanted")
    requested_message_count: U16 = field("how many")


@dataclass(frozen=True, slots=True)
class Packet:
    """A downstream packet; without messages it is a heartbeat."""

    session: str
    sequence_number: int
    messages: tuple[bytes, ...] = ()

    @property
    def is_heartbeat(self) -> bool:
        """Whether the packet only tells the next sequence number."""
        return not self.messages and not self.is_end_of_session

    @property
    def is_end_of_session(self) -> bool:
        """Whether the session is over: `sequence_number` will not come."""
        return isinstance(self, EndOfSession)

    @property
    def next_sequence_number(self) -> int:
        """Number of the message after the last one here."""
        return self.sequence_number + len(self.messages)

    def encode(self) -> bytes:
        """Bytes of the UDP payload.

        Raises WireError if a value does not fit. Whether the packet fits a frame is for the
        sender to see to.
        """
        count = len(self.messages)
        if count > MAX_MESSAGES:
            raise WireError(f"a packet holds at most {MAX_MESSAGES} messages, not {count}")
        parts = [self._header(count)]
        for index, message in enumerate(self.messages):
            if len(message) > 0xFFFF:
                raise WireError(f"message {index} is at most 65535 bytes long, was {len(message)}")
            parts.append(len(message).to_bytes(2, "big"))
            parts.append(message)
        return b"".join(parts)

    def _header(self, count: int) -> bytes:
        return Header(
            session=self.session, sequence_number=self.sequence_number, message_count=count
        ).encode()


@dataclass(frozen=True, slots=True)
class EndOfSession(Packet):
    """The packet that takes the place of heartbeats when the session is over."""

    def encode(self) -> bytes:
        """Bytes of the UDP payload. Raises WireError if a value does not fit."""
        if self.messages:
            raise WireError(f"EndOfSession holds no messages, not {len(self.messages)}")
        return self._header(END_OF_SESSION)


def decode(data: Buffer) -> Packet:
    """Downstream packet in a UDP payload.

    Raises WireError if the payload is too short for the header or a message block, or longer than
    its blocks: nothing of such a packet is to be trusted.
    """
    if len(data) < Header.LENGTH:
        raise WireError(f"a downstream packet is >= {Header.LENGTH} bytes long, was {len(data)}")
    header = Header.decode(data[: Header.LENGTH])
    at, end = Header.LENGTH, len(data)
    if header.message_count == END_OF_SESSION:
        if at != end:
            raise WireError(f"an end-of-session packet is {at} bytes long, was {end}")
        return EndOfSession(header.session, header.sequence_number)
    messages = []
    for index in range(header.message_count):
        start = at + Block.LENGTH
        at = start + int.from_bytes(data[at:start], "big")
        if max(start, at) > end:
            raise WireError(
                f"message block {index} of {header.message_count} ends at byte {max(start, at)}, "
                f"but the packet is {end} bytes long"
            )
        messages.append(bytes(data[start:at]))
    if at != end:
        raise WireError(f"a packet with these blocks is {at} bytes long, was {end}")
    return Packet(header.session, header.sequence_number, tuple(messages))
