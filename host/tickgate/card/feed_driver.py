"""The feed, over the card's registers: lines, state, and what recovery hands in."""

import struct
from typing import Literal

from tickgate.card import registers as reg
from tickgate.card.protocols import Transport
from tickgate.card.ring_driver import RingDriver
from tickgate.card.status import FeedState

__all__ = ["CHANNELS", "INJECT_BYTES", "FeedDriver", "Line"]

Line = Literal["a", "b"]

CHANNELS = 4
"""Channels that ``feed_select`` can name; a card may have fewer."""

INJECT_BYTES = 2048
"""Longest packet that is handed in: it must fit the card's empty queue (``feed_inject_room``)."""

_LINES = {
    "a": (reg.FEED_GROUP, reg.FEED_PORT),
    "b": (reg.FEED_GROUP_B, reg.FEED_PORT_B),
}
_STATE_READS = (
    reg.FEED_STATE,
    reg.FEED_EXPECTED_LOW,
    reg.FEED_EXPECTED_HIGH,
    reg.FEED_HIGHEST_LOW,
    reg.FEED_HIGHEST_HIGH,
    reg.FEED_SESSION_0,
    reg.FEED_SESSION_1,
    reg.FEED_SESSION_2,
    reg.COUNT_INJECT_MESSAGES,
    reg.COUNT_MOLD_PACKETS,
    reg.COUNT_MOLD_FOREIGN,
)
_BEAT = 8


class FeedDriver(RingDriver):
    """The channels of the feed. Every ``channel`` is 0 to ``CHANNELS - 1``."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._room = 0

    # ---- settings ----

    def set_feed(self, group: str, port: int, *, line: Line = "a", channel: int = 0) -> None:
        """Set the multicast group (dotted) and UDP port of a line; group 0.0.0.0 switches it off.

        Raises ValueError for a group, port or channel that there cannot be.
        """
        self._select(channel)
        group_register, port_register = _LINES[line]
        port_word = port_register.pack(value=port)
        self.registers.write_checked(group_register, _address(group, "a feed's group"))
        self.registers.write_checked(port_register, port_word)

    def set_reorder(self, cycles: int) -> None:
        """Set for how many clock cycles a missing message is waited for before it is a gap."""
        self.registers.write_checked(reg.FEED_REORDER, reg.FEED_REORDER.pack(cycles=cycles))

    def set_address(self, address: str, mac: bytes) -> None:
        """Set the card's IPv4 address (dotted; 0.0.0.0: it answers nothing) and hardware address.

        They are for ARP and IGMP. Raises ValueError for what is no address.
        """
        if len(mac) != 6:
            raise ValueError(f"a hardware address is 6 bytes long, was {len(mac)}")
        word = _address(address, "the card's address")
        self.registers.write_checked(reg.NET_MAC_LOW, int.from_bytes(mac[2:], "big"))
        self.registers.write_checked(reg.NET_MAC_HIGH, int.from_bytes(mac[:2], "big"))
        self.registers.write_checked(reg.NET_ADDRESS, word)

    # ---- state ----

    def feed_state(self, channel: int = 0) -> FeedState:
        """Return the state of a channel, in one go on the bus but not of one moment."""
        self._check_channel(channel)
        state, *words, injected, packets, foreign = self.registers.transfer(
            [(reg.FEED_SELECT, channel), *((register, None) for register in _STATE_READS)]
        )
        expected_low, expected_high, highest_low, highest_high, *session = words
        name = struct.pack("<3I", *session)[:10].strip(b" \0").decode("ascii", "replace")
        bits = {field: bool(bit) for field, bit in reg.FEED_STATE.unpack(state).items()}
        return FeedState(
            session=name,
            expected=expected_low | expected_high << 32,
            highest=highest_low | highest_high << 32,
            injected=injected,
            packets=packets,
            foreign=foreign,
            **bits,
        )

    def feed_expected(self, channel: int = 0) -> int:
        """Return the MoldUDP64 sequence number that the card expects next."""
        self._select(channel)
        return self.registers.read_pair(reg.FEED_EXPECTED_LOW, reg.FEED_EXPECTED_HIGH)

    # ---- recovery ----

    def inject_packet(self, payload: bytes, *, snapshot: bool = False, channel: int = 0) -> bool:
        """Hand a MoldUDP64 packet to a channel; False, and nothing done, when there is no room.

        ``snapshot``: its messages are of a snapshot, and taken without regard to their numbers, in
        the order in which they come. Writes as many words as the packet has, and reads one register
        when the room known from before is used up. Raises ValueError for an empty packet or one of
        more than ``INJECT_BYTES``.
        """
        if not 0 < len(payload) <= INJECT_BYTES:
            raise ValueError(
                f"a packet for the card is 1 to {INJECT_BYTES} bytes long, was {len(payload)}"
            )
        self._check_channel(channel)
        beats = -(-len(payload) // _BEAT)
        if self._room < beats:
            self._room = self.registers.fields(reg.FEED_INJECT_ROOM)["beats"]
            if self._room < beats:
                return False
        self._room -= beats
        start = reg.FEED_INJECT_START.pack(length=len(payload), snapshot=int(snapshot))
        padded = payload + bytes(-len(payload) % 4)
        words = struct.unpack(f"<{len(padded) // 4}I", padded)
        self.registers.transfer(
            [
                (reg.FEED_SELECT, channel),
                (reg.FEED_INJECT_START, start),
                *((reg.FEED_INJECT_DATA, word) for word in words),
            ]
        )
        return True

    def rebuild_feed(self, channel: int = 0) -> None:
        """Empty the books and take messages from the host alone, until `resume_feed`.

        With several channels the books of all are emptied: each must be rebuilt.
        """
        self._select(channel)
        self.registers.set(reg.FEED_CONTROL, rebuild=1)

    def resume_feed(self, sequence: int, channel: int = 0) -> None:
        """Go on with the lines from message ``sequence``; the card ignores it unless rebuilding."""
        if not 0 <= sequence < 1 << 64:
            raise ValueError(f"a sequence number must fit 64 bits, was {sequence}")
        self._select(channel)
        self.registers.write(reg.FEED_RESUME_LOW, sequence & 0xFFFF_FFFF)
        self.registers.write(reg.FEED_RESUME_HIGH, sequence >> 32)
        self.registers.set(reg.FEED_CONTROL, resume=1)

    def forget_session(self, channel: int = 0) -> None:
        """Have the card adopt the session of the next packet of a channel."""
        self._select(channel)
        self.registers.set(reg.FEED_CONTROL, forget=1)

    def _select(self, channel: int) -> None:
        self._check_channel(channel)
        self.registers.write(reg.FEED_SELECT, channel)

    @staticmethod
    def _check_channel(channel: int) -> None:
        if not 0 <= channel < CHANNELS:
            raise ValueError(f"a channel must be 0 to {CHANNELS - 1}, was {channel}")


def _address(text: str, what: str) -> int:
    octets = text.split(".")
    if len(octets) != 4 or not all(o.isascii() and o.isdigit() and int(o) < 256 for o in octets):
        raise ValueError(f"{what} must be an IPv4 address, not {text!r}")
    return int.from_bytes(map(int, octets), "big")
