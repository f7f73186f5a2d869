"""Golden model of order entry's receiving side: bytes in, records and exposure updates out; and
of the one message that the card sends by itself.

Layouts are written here by hand as :mod:`struct` codes, from the specifications' tables, so that
model and gateware do not share a mistake. It has no clock: everything happens at once.
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from tickgate_sim.models.gate import Update

__all__ = ["EntryModel", "Session", "Venue", "mass_cancel"]

_LENGTHS = {"L": None, "A": 31, "J": 2, "S": None, "H": 1, "Z": 1, "U": None, "+": None}
_ACTS = "AUCDEJMB"


def mass_cancel(token: int, firm: str, symbol: str) -> bytes:
    """The SoupBinTCP packet of a Mass Cancel Request with an empty appendage."""
    text = firm.ljust(4).encode() + symbol.ljust(8).encode()
    return struct.pack(">HccI12sH", 20, b"U", b"C", token, text, 0)


class Venue(NamedTuple):
    """A VenueMessage record, without its clock."""

    message_type: str
    user_ref_num: int
    soup_sequence: int
    venue_time: int
    orig_user_ref_num: int = 0
    reference: int = 0
    price: int = 0
    quantity: int = 0
    reason: int = 0
    code: str = " "


class Session(NamedTuple):
    """A SessionEvent record, without its clock."""

    kind: str
    sequence: int
    code: str = " "
    session: str = ""


@dataclass(frozen=True)
class _Shape:
    """How one outbound message is packed: struct code, names of its fields, has an appendage."""

    code: str
    names: str
    tail: bool = True


_SHAPES = {
    "S": _Shape(">cQc", "type time code", tail=False),
    "A": _Shape(">cQIcI8sQccQcccc14s",
                "type time token _ quantity _ price _ _ reference _ _ _ code _"),
    "U": _Shape(">cQIIcI8sQccQcccc14s",
                "type time orig token _ quantity _ price _ _ reference _ _ _ code _"),
    "C": _Shape(">cQIIc", "type time token quantity code"),
    "D": _Shape(">cQIIcIQcc", "type time token quantity code _ _ _ _"),
    "E": _Shape(">cQIIQcQ", "type time token quantity price code reference"),
    "B": _Shape(">cQIQc14s", "type time token reference code _"),
    "J": _Shape(">cQIH14s", "type time token reason _"),
    "P": _Shape(">cQI", "type time token"),
    "I": _Shape(">cQI", "type time token"),
    "T": _Shape(">cQIQcQ", "type time token price _ reference"),
    "M": _Shape(">cQIcI", "type time token _ quantity"),
    "R": _Shape(">cQIc", "type time token code"),
    "X": _Shape(">cQI4s8s", "type time token _ _"),
    "G": _Shape(">cQI4s", "type time token _"),
    "K": _Shape(">cQI4s", "type time token _"),
    "Q": _Shape(">cQI", "type time token"),
}


@dataclass
class EntryModel:
    """The receiving side of a session."""

    next_sequence: int = 1
    link_up: bool = False
    leaving: bool = False
    awaiting: bool = False
    logged_in: bool = False
    hears: bool = False
    messages: int = 0
    unknown: int = 0
    malformed: int = 0
    records: list[Venue | Session] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    _pending: bytearray = field(default_factory=bytearray)

    def link(self, up: bool) -> None:
        """The byte stream is connected or dropped."""
        if up != self.link_up:
            self._tell("U" if up else "D")
        self.link_up = up
        self.leaving = self.awaiting = self.logged_in = self.hears = False
        self._pending.clear()

    def login_sent(self) -> None:
        """Login Request left."""
        self.awaiting = True

    def receive(self, data: bytes) -> None:
        """Bytes arrive."""
        if not self.link_up or self.leaving:
            return
        self._pending += data
        while not self.leaving and len(self._pending) >= 2:
            length = int.from_bytes(self._pending[:2], "big")
            kind = chr(self._pending[2]) if len(self._pending) > 2 else None
            if length == 0 or (kind is not None and not self._legal(kind, length)):
                self._refuse()
            elif len(self._pending) < 2 + length or kind is None:
                return
            else:
                payload = bytes(self._pending[3:2 + length])
                del self._pending[:2 + length]
                self._packet(kind, payload)

    def _legal(self, kind: str, length: int) -> bool:
        if kind not in _LENGTHS or kind == "L":
            return False
        return _LENGTHS[kind] in (None, length)

    def _tell(self, kind: str, sequence: int | None = None, **more: str) -> None:
        self.records.append(
            Session(kind, self.next_sequence if sequence is None else sequence, **more))

    def _refuse(self) -> None:
        self.malformed += 1
        self._tell("M")
        self.leaving = True
        self.awaiting = self.logged_in = self.hears = False
        self._pending.clear()

    def _packet(self, kind: str, payload: bytes) -> None:
        if (kind in "AJ" and not self.awaiting) or (kind == "S" and not self.hears):
            self._refuse()
        elif kind == "A":
            self._accepted(payload)
        elif kind == "J":
            self.awaiting = False
            self._tell("J", code=payload.decode("latin-1"))
        elif kind == "Z":
            self.logged_in = False
            self._tell("Z")
        elif kind == "U":
            self.unknown += 1
        elif kind == "S":
            self._message(payload)

    def _accepted(self, payload: bytes) -> None:
        digits = payload[10:].decode("latin-1").strip(" \0")
        if not (digits.isascii() and digits.isdigit()) or int(digits) >= 1 << 64:
            self._refuse()
            return
        self.awaiting, self.logged_in, self.hears = False, True, True
        self._tell("A", int(digits), session=payload[:10].decode("latin-1").rstrip(" "))
        self.next_sequence = int(digits) % (1 << 32)

    def _message(self, payload: bytes) -> None:
        sequence = self.next_sequence
        self.next_sequence = (sequence + 1) % (1 << 32)
        self.messages += 1
        letter = payload[:1].decode("latin-1")
        shape = _SHAPES.get(letter)
        if shape is None or not self._fits(shape, payload):
            self.unknown += 1
            return
        packed = struct.unpack_from(shape.code, payload)
        values = dict(zip(shape.names.split(), packed, strict=True))
        code = values.get("code", b" ").decode("latin-1")
        quantity, reference = values.get("quantity", 0), values.get("reference", 0)
        record = Venue(
            message_type=letter, user_ref_num=values.get("token", 0), soup_sequence=sequence,
            venue_time=values["time"], orig_user_ref_num=values.get("orig", 0),
            reference=reference, price=min(values.get("price", 0), (1 << 32) - 1),
            quantity=quantity, reason=values.get("reason", 0), code=code)
        self.records.append(record)
        if letter in _ACTS:
            self.updates.append(Update(
                letter, record.user_ref_num, quantity, record.orig_user_ref_num, reference,
                dead=letter in "AU" and code == "D", price=record.price))

    def _fits(self, shape: _Shape, payload: bytes) -> bool:
        fixed = struct.calcsize(shape.code)
        if len(payload) == fixed:
            return True
        if not shape.tail or len(payload) < fixed + 2:
            return False
        return len(payload) == fixed + 2 + int.from_bytes(payload[fixed:fixed + 2], "big")
