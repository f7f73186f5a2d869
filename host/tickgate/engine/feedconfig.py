"""The settings of the feed and its recovery: table ``[feed]``; only ``a`` must be there.

::

    a = "239.1.1.1:26400"              # line A's multicast group and UDP port
    b = "239.1.1.2:26401"              # line B's
    address = "10.1.1.7"               # the card's own, for ARP and IGMP
    mac = "02:00:00:00:00:07"
    reorder_cycles = 15625             # how long the card waits for a missing message
    rerequest = ["10.1.1.1:26500"]     # asked in turn
    glimpse = "10.1.1.1:26600"
    glimpse_user = "TGATE"
    glimpse_password = "secret"
    max_missing = 10000                # more: a snapshot at once
    request_messages = 24
    request_timeout_ms = 100
    request_attempts = 4               # then a snapshot
    snapshot_silence_ms = 5000
    snapshot_longest_s = 120
    card_stall_ms = 5000               # then what was handed to the card is taken to be lost
    session_silence_ms = 5000          # then another session that is heard is adopted
    depth = false                      # the five best levels with each top of book
    full_stream = false                # every message to the host, for full books
    message_ring_log2 = 14
"""

import re
from dataclasses import dataclass, field, fields
from ipaddress import AddressValueError, IPv4Address

from tickgate.engine.section import ConfigError, Section
from tickgate.marketdata.settings import Address, RecoverySettings

__all__ = ["FeedConfig"]

OFF: Address = ("0.0.0.0", 0)
"""A line that there is not."""

_LIMITS = {
    "max_missing": (1, 1 << 32),
    "request_messages": (1, 1000),
    "request_timeout_ms": (1, 60_000),
    "request_attempts": (1, 1000),
    "snapshot_silence_ms": (10, 600_000),
    "snapshot_longest_s": (1, 86_400),
    "card_stall_ms": (10, 600_000),
    "session_silence_ms": (10, 600_000),
}
_DEFAULTS = {item.name: item.default for item in fields(RecoverySettings)}


@dataclass(frozen=True, slots=True)
class FeedConfig:
    """Where the feed comes from, and who is asked for what it lost."""

    line_a: Address
    line_b: Address = OFF
    address: str = OFF[0]
    """The card's own IPv4 address; 0.0.0.0: it answers nothing."""
    mac: bytes = bytes(6)
    reorder_cycles: int = 15_625
    depth: bool = False
    full_stream: bool = False
    message_log2: int = 14
    """Slots of the message ring, as a power of two."""
    recovery: RecoverySettings = field(default_factory=RecoverySettings)

    @classmethod
    def read(cls, section: Section) -> "FeedConfig":
        """Read the table. Raises ConfigError."""
        line_a = _line(section, "a")
        if line_a is None:
            raise ConfigError("feed.a must be the GROUP:PORT of line A")
        line_b = _line(section, "b") or OFF
        if line_b == line_a:
            raise ConfigError("feed.b must differ from feed.a, or be left out")
        address, mac = _own_address(section)
        return cls(
            line_a=line_a,
            line_b=line_b,
            address=address,
            mac=mac,
            reorder_cycles=section.number("reorder_cycles", 0, 0xFFFF_FFFF, 15_625),
            depth=section.flag("depth", False),
            full_stream=section.flag("full_stream", False),
            message_log2=section.number("message_ring_log2", 4, 16, 14),
            recovery=_recovery(section),
        )


def _line(section: Section, key: str) -> Address | None:
    line = section.address(key)
    if line is not None and not (IPv4Address(line[0]).is_multicast and line[1]):
        raise ConfigError(f"feed.{key} must be a multicast GROUP:PORT, was {line[0]}:{line[1]}")
    return line


def _own_address(section: Section) -> tuple[str, bytes]:
    if not section.has("address"):
        return OFF[0], bytes(6)
    text, mac = section.text("address"), section.text("mac")
    try:
        address = str(IPv4Address(text))
    except AddressValueError as error:
        raise ConfigError(f"feed.address must be an IPv4 address, was {text!r}") from error
    if not re.fullmatch(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", mac):
        raise ConfigError(f"feed.mac must be six octets like 02:00:00:00:00:07, was {mac!r}")
    return address, bytes.fromhex(mac.replace(":", ""))


def _recovery(section: Section) -> RecoverySettings:
    glimpse = section.address("glimpse")
    user = password = ""
    if glimpse is not None:
        user, password = section.text("glimpse_user"), section.text("glimpse_password")
        if len(user) > 6 or len(password) > 10 or not (user + password).isascii():
            raise ConfigError(
                "feed.glimpse_user must be at most 6 and feed.glimpse_password at most 10 ASCII "
                "characters"
            )
    numbers = {}
    for key, (least, most) in _LIMITS.items():
        default = _DEFAULTS[key]
        assert isinstance(default, int)
        numbers[key] = section.number(key, least, most, default)
    return RecoverySettings(
        rerequest=section.addresses("rerequest"),
        glimpse=glimpse,
        glimpse_user=user,
        glimpse_password=password,
        **numbers,
    )
