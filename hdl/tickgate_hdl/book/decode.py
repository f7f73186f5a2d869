"""ITCH 5.0: from the bytes of a message to what the book does with it."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from tickgate.protocols import itch50

from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.lib.wire import be, fields

__all__ = ["BookOperation", "ItchDecode"]

BookOperation = StructLayout({
    "sequence": 64, "time_ns": 64, "reference": 64, "new_reference": 64, "stock": 64,
    "shares": 32, "price": 32, "arrival": 32, "itch_time": 48, "locate": 16, "body": 8 * 39,
    "letter": 8, "channel": 2, "known": 1, "malformed": 1,
    "insert": 1, "reduce": 1, "remove": 1, "replace": 1, "status": 1, "named": 1, "sell": 1,
})
"""One message as the book takes it. Numbers are in host order.

``known`` says that type and length are right, ``malformed`` that the type is known and the message
cannot be right. Of a known one at most one of ``insert`` (A, F), ``reduce`` (E, C, X), ``remove``
(D), ``replace`` (U) and ``status`` is set; ``named`` says that it has its stock's text, character 0
in bits 7:0. ``body`` is the message from byte 11 on, for status messages.
"""

_KINDS = {
    "insert": "AF", "reduce": "ECX", "remove": "D", "replace": "U", "status": "SRHYVWKJhN",
}
_OPERANDS = {
    "reference": ("order_reference_number", "original_order_reference_number"),
    "new_reference": ("new_order_reference_number",),
    "shares": ("shares", "executed_shares", "cancelled_shares"),
    "price": ("price",),
}
_HEADER_BYTES = 11
_BOOK = "AFECXDU"


class ItchDecode(wiring.Component):
    """Decode a message.

    A message that is known has the length of its type; an Add has side B or S.
    Source: Nasdaq TotalView-ITCH 5.0; fields come from ``tickgate.protocols.itch50``.

    Parameters
    ----------
    registered : bool
        What type a message has, and whether it is right, is put in a register: the operation is
        that of ``item`` from its second cycle on. Else it is there at once.

    Members
    -------
    item : In(FeedItem)
        The message.
    operation : Out(BookOperation)
        What it means.
    """

    def __init__(self, *, registered=False):
        self._registered = registered
        super().__init__({"item": In(FeedItem), "operation": Out(BookOperation)})

    def elaborate(self, platform):
        m = Module()
        item, out = self.item, self.operation
        header = fields(itch50.ItchMessage, item.data)
        letter = item.data[:8]
        registered = self._registered
        staged = m.d.sync if registered else m.d.comb
        # It has the type; the rest is right too, and where registered, it has the type.
        is_type, right = {}, {}
        for name, message in itch50.MESSAGES.items():
            is_type[name] = Signal(name=f"is_{ord(name)}")
            right[name] = Signal(name=f"right_{ord(name)}")
            is_it = letter == ord(name)
            fits = item.length == message.LENGTH
            if name in _KINDS["insert"]:
                side = fields(message, item.data)["buy_sell_indicator"]
                fits &= (side == ord("B")) | (side == ord("S"))
            staged += [
                is_type[name].eq(is_it), right[name].eq(is_it & fits if registered else fits)]

        def any_of(names):
            return Cat(
                right[name] if registered else is_type[name] & right[name] for name in names).any()

        known = any_of(itch50.MESSAGES)
        misfits = Cat(is_type[name] & ~right[name] for name in itch50.MESSAGES).any()
        m.d.comb += [
            out.channel.eq(item.channel), out.sequence.eq(item.sequence),
            out.time_ns.eq(item.time_ns), out.arrival.eq(item.arrival),
            out.itch_time.eq(header["timestamp"]), out.letter.eq(letter),
            out.locate.eq(header["stock_locate"]),
            out.known.eq(known),
            out.malformed.eq(misfits | (item.length == 0)),
            out.body.eq(item.data[8 * _HEADER_BYTES:]),
            *(out[kind].eq(any_of(names)) for kind, names in _KINDS.items()),
        ]
        self._operands(m, is_type)
        return m

    def _operands(self, m, is_type):
        """Each operand is at the place of the one type that the message has."""
        out, data = self.operation, self.item.data
        values = {name: fields(itch50.MESSAGES[name], data) for name in itch50.MESSAGES}
        for operand, names in _OPERANDS.items():
            m.d.comb += out[operand].eq(_select([
                (is_type[letter], values[letter][name])
                for letter in _BOOK for name in names if name in values[letter]
            ]))
        stocks = [(is_type[letter], values[letter]["stock"])
                  for letter in (*_KINDS["insert"], *_KINDS["status"])
                  if "stock" in values[letter]]
        m.d.comb += [
            out.stock.eq(be(_select(stocks))),
            out.named.eq(Cat(is_it for is_it, _ in stocks).any()),
            out.sell.eq(fields(itch50.AddOrder, data)["buy_sell_indicator"] == ord("S")),
        ]


def _select(choices):
    """Return the value of the choice whose condition holds; choices of one value share a gate.

    If there is one value only, it needs no gate: what no condition chooses means nothing.
    """
    places = {}
    for condition, value in choices:
        places.setdefault(repr(value), (value, []))[1].append(condition)
    if len(places) == 1:
        return choices[0][1]
    result = 0
    for value, conditions in places.values():
        chosen = Cat(conditions).any()
        result = result | Mux(chosen, value, 0)
    return result
