"""The orders that the gate accounts for, by UserRefNum, and which of them is being replaced."""

from amaranth.hdl import Cat, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tickgate_hdl.lib.delay import delayed, stages
from tickgate_hdl.risk.accumulator import LEAD
from tickgate_hdl.risk.forwarding import told_by_both
from tickgate_hdl.risk.layouts import fill_layout, slot_layout
from tickgate_hdl.top.config import CardConfig

__all__ = ["Link", "LookingOrder", "OpenOrders"]

LookingOrder = StructLayout({
    "token": 32, "original": 32, "account": 16, "symbol": 16, "strategy": 8, "sell": 1,
    "replaces": 1, "quantity": 32, "price": 32,
})
"""What counts of an order request: UserRefNums of itself and the order to replace, and the rest."""

Link = StructLayout({"order": 32, "replacement": 32})
"""An order and the replacement of it that is under way; 0 = none. Of another order: none."""


class OpenOrders(wiring.Component):
    """Tell of an order request whether its slot is free and its original may be replaced.

    A slot is the UserRefNum modulo their number. An original may be replaced when it is a live,
    confirmed order of the same account, symbol and direction without another replacement under
    way. An order may come in every cycle: what those before it will write is known to it. The
    cycles are those of ``Accumulator``: look, weigh, verdict; slots are written in the cycle after
    the verdict.

    Venue messages read and write slots while no order is under way.

    Members
    -------
    order : In
        The order that looks.
    bad : Out(1)
        In the verdict's cycle: its slot is taken, or its original may not be replaced.
    commit : In(1)
        In the verdict's cycle: it passed and is an enter or a replace, keep it.
    token, slot, link : In(32), Out, Out
        A slot to read, and who replaces its order, one cycle later.
    other_token, other : In(32), Out
        A second slot.
    match_number, fill : In(64), Out
        The fill of ``match_number`` and ``token``, one cycle later.
    write, write_token, new_slot : In
        Write of a slot.
    unlink, unlink_token : In
        Forget who replaces an order.
    write_fill, new_fill : In
        Write of the fill of ``match_number`` and ``token``. It stays until another takes its place.
    sweep, sweep_row : In
        Empty a row of every table. Nothing may be under way.
    """

    def __init__(self, config: CardConfig):
        self._config = config
        self._lead = LEAD[config.registered]
        slot, fill = slot_layout(config), fill_layout(config)
        super().__init__({
            "order": In(LookingOrder), "bad": Out(1), "commit": In(1),
            "token": In(32), "slot": Out(slot), "link": Out(Link),
            "other_token": In(32), "other": Out(slot),
            "match_number": In(64), "fill": Out(fill),
            "write": In(1), "write_token": In(32), "new_slot": In(slot),
            "unlink": In(1), "unlink_token": In(32),
            "write_fill": In(1), "new_fill": In(fill),
            "sweep": In(1), "sweep_row": In(ceil_log2(config.open_orders)),
        })

    def elaborate(self, platform):
        m = Module()
        config, lead = self._config, self._lead
        bits = ceil_log2(config.open_orders)
        orders = [self.order]  # the request that looked so many cycles ago
        for cycle in range(1, lead + 3):
            orders.append(LookingOrder(
                delayed(m, Value.cast(orders[-1]), f"order_{cycle}", reset_less=True)))
        committed = delayed(m, self.commit, "committed")

        m.submodules.slots = slots = Memory(
            shape=slot_layout(config), depth=config.open_orders, init=[])
        m.submodules.links = links = Memory(shape=Link, depth=config.open_orders, init=[])
        own, original = slots.read_port(), slots.read_port()
        slot, other = slots.read_port(), slots.read_port()
        linked, link = links.read_port(), links.read_port()
        m.d.comb += [
            own.addr.eq(self.order.token), original.addr.eq(self.order.original),
            linked.addr.eq(self.order.original),
            slot.addr.eq(self.token), self.slot.eq(slot.data),
            link.addr.eq(self.token), self.link.eq(link.data),
            other.addr.eq(self.other_token), self.other.eq(other.data),
        ]
        self._write(m, slots, links, orders[lead + 2], committed)
        self._keep_fills(m, bits)

        # By the memories.
        staged = stages(m, config.registered)
        request = orders[lead - 1 if config.registered else lead]
        kept = slot_layout(config)(staged(original.data, "original_kept"))
        replaced = Link(staged(linked.data, "linked_kept"))
        right = (
            kept.live & ~kept.pending & (kept.token == request.original)
            & (kept.account == request.account) & (kept.symbol == request.symbol)
            & (kept.sell == request.sell))
        busy = (replaced.replacement != 0) & (replaced.order == request.original)
        taken = staged(staged(own.data.live, "taken_1"), "taken_2")
        right, busy = staged(right, "right"), staged(busy, "busy")

        # By the orders before, the newest last.
        def hits(before):
            earlier, order = orders[before], self.order
            return {
                "own": earlier.token[:bits] == order.token[:bits],
                "original": earlier.token[:bits] == order.original[:bits],
                "right": (
                    (earlier.token == order.original)
                    & ~earlier.replaces & (earlier.account == order.account)
                    & (earlier.symbol == order.symbol) & (earlier.sell == order.sell)),
                "link": earlier.replaces & (
                    earlier.original[:bits] == order.original[:bits]),
                "linked": earlier.original == order.original,
            }
        def tells(state):
            return self._bad(state, taken, right, busy, orders[lead].replaces)

        m.d.comb += self.bad.eq(told_by_both(
            m, lead, hits=hits, after=self._after, width=5, committed=committed, tells=tells))
        return m

    @staticmethod
    def _after(state, hit, commits):
        """Return what is known once an order before has committed, or not.

        Bits: the own slot is taken; the original's slot, then its link, is written by an order
        under way, and with what.
        """
        own, original, right, link, linked = state
        writes, links = commits & hit["original"], commits & hit["link"]
        return Cat(
            own | (commits & hit["own"]),
            original | writes, Mux(writes, hit["right"], right),
            link | links, Mux(links, hit["linked"], linked))

    @staticmethod
    def _bad(state, taken, right, busy, replaces):
        own, original, newly_right, link, newly_busy = state
        may = Mux(original, newly_right, right) & ~Mux(link, newly_busy, busy)
        return taken | own | (replaces & ~may)

    def _write(self, m, slots, links, order, committed):
        """Write a slot and a link: of an order after its verdict, of a venue message, or empty."""
        slot, link = slots.write_port(), links.write_port()
        m.d.comb += [
            slot.addr.eq(order.token), slot.en.eq(committed),
            slot.data.live.eq(1), slot.data.token.eq(order.token),
            slot.data.account.eq(order.account), slot.data.symbol.eq(order.symbol),
            slot.data.strategy.eq(order.strategy),
            slot.data.sell.eq(order.sell), slot.data.remaining.eq(order.quantity),
            slot.data.price.eq(order.price),
            slot.data.pending.eq(order.replaces), slot.data.link.eq(order.original),
            link.addr.eq(order.original), link.en.eq(committed & order.replaces),
            link.data.order.eq(order.original),
            link.data.replacement.eq(order.token),
        ]
        with m.If(self.write):
            m.d.comb += [
                slot.addr.eq(self.write_token), slot.data.eq(self.new_slot), slot.en.eq(1)]
        with m.If(self.unlink):
            m.d.comb += [link.addr.eq(self.unlink_token), link.data.eq(0), link.en.eq(1)]
        with m.If(self.sweep):
            m.d.comb += [
                slot.addr.eq(self.sweep_row), slot.data.eq(0), slot.en.eq(1),
                link.addr.eq(self.sweep_row), link.data.eq(0), link.en.eq(1),
            ]

    def _keep_fills(self, m, bits):
        """Remember fills, which a Broken Trade takes back."""
        m.submodules.fills = fills = Memory(
            shape=fill_layout(self._config), depth=self._config.open_orders, init=[])
        write, read = fills.write_port(), fills.read_port()
        # Both numbers count up; reversing one spreads them, and keeps the two sides of a trade
        # between two own orders, which share the match number, apart.
        place = self.match_number[:bits] ^ Cat(reversed(list(self.token[:bits])))
        m.d.comb += [
            read.addr.eq(place), self.fill.eq(read.data),
            write.addr.eq(place), write.data.eq(self.new_fill), write.en.eq(self.write_fill),
        ]
        with m.If(self.sweep):
            m.d.comb += [write.addr.eq(self.sweep_row), write.data.eq(0), write.en.eq(1)]
