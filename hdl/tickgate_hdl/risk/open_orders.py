"""The orders that the gate accounts for, by UserRefNum, and which of them is being replaced."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tickgate_hdl.lib.delay import delayed, stages
from tickgate_hdl.risk.accumulator import GIVEN, LEAD
from tickgate_hdl.risk.forwarding import told_by_both
from tickgate_hdl.risk.layouts import fill_layout, slot_layout
from tickgate_hdl.top.config import CardConfig

__all__ = ["Link", "LookingOrder", "OpenOrders"]

LookingOrder = StructLayout({
    "token": 32, "original": 32, "account": 16, "symbol": 16, "strategy": 8, "sell": 1,
    "replaces": 1, "quantity": 32, "price": 32,
})
"""What counts of an order request: UserRefNums of itself and the order to replace, and the rest."""

_DIGIT = 3
"""Bits of a UserRefNum that one row of marks is for."""

Link = StructLayout({"order": 32, "replacement": 32})
"""An order and the replacement of it that is under way; 0 = none. Of another order: none."""


class OpenOrders(wiring.Component):
    """Tell of an order request whether its slot is free and its original may be replaced.

    A slot is the UserRefNum modulo their number. An original may be replaced when it is a live,
    confirmed order of the same account, symbol and direction without another replacement under
    way. An order may come in every cycle: whether those before it take its slot is known to it,
    and a replacement whose original they may write or replace does not enter before they have
    (``clashes``). The cycles are those of ``Accumulator``: look, weigh, verdict; slots are written
    in the cycle after the verdict.

    What a replacement may trade beyond its order (``Beyond``) is worked out from what the slot of
    ``orig_user_ref_num`` holds: if that is another order, ``bad`` is told.

    Venue messages read and write slots while no order is under way.

    Members
    -------
    offered, offered_original, offered_replaces : In(32), In(32), In(1)
        UserRefNums of the order that is offered and of the order to replace; whether it is a
        replacement. An order looks in the cycle in which it enters; with ``registered``, in the
        next.
    enters : In(1)
        It is an enter or a replacement, and enters.
    clashes : Out(1)
        It must not enter yet. With ``registered``, now and then of one that might.
    order : In
        The order that looks.
    worth : Out(64)
        One cycle after it looked: what the slot of its original says.
    further, rises, lower : Out(32), Out(1), Out(1)
        When amounts are given (``Accumulator``): its quantity less that of its original, and
        whether it is more; whether its price is lower.
    reserves_quantity, reserves_value : In(32), In(52)
        At the same time: what it reserves, if it passes.
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
            "offered": In(32), "offered_original": In(32), "offered_replaces": In(1),
            "enters": In(1), "clashes": Out(1),
            "order": In(LookingOrder), "worth": Out(64), "further": Out(32), "rises": Out(1),
            "lower": Out(1), "reserves_quantity": In(32), "reserves_value": In(52),
            "bad": Out(1), "commit": In(1),
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
            own.addr.eq(self.order.token), original.addr.eq(self.offered_original),
            linked.addr.eq(self.offered_original),
            slot.addr.eq(self.token), self.slot.eq(slot.data),
            link.addr.eq(self.token), self.link.eq(link.data),
            other.addr.eq(self.other_token), self.other.eq(other.data),
        ]
        self._keep_fills(m, bits)
        (self._clash_by_marks if config.registered else self._clash)(m, bits)

        # By the memories.
        staged = stages(m, config.registered)
        request = orders[GIVEN[config.registered]]
        early = slot_layout(config)(staged(original.data, "original_early"))
        kept = slot_layout(config)(staged(early, "original_kept"))
        replaced = Link(staged(staged(linked.data, "linked_early"), "linked_kept"))
        looked = orders[1]
        m.d.comb += [
            self.worth.eq(early.worth),
            self.further.eq(staged(looked.quantity - early.total, "how_much_further")),
            self.rises.eq(staged(looked.quantity > early.total, "quantity_rises")),
            self.lower.eq(staged(looked.price < early.price, "price_falls")),
        ]
        self._write(m, slots, links, orders[lead + 2], committed)
        right = (
            kept.live & ~kept.pending & (kept.token == request.original)
            & (kept.account == request.account) & (kept.symbol == request.symbol)
            & (kept.sell == request.sell))
        busy = (replaced.replacement != 0) & (replaced.order == request.original)
        taken = staged(staged(own.data.live, "taken_1"), "taken_2")
        right, busy = staged(right, "right"), staged(busy, "busy")

        # By the orders before, the newest last: do they take the own slot.
        bad = taken | (orders[lead].replaces & ~(right & ~busy))
        m.d.comb += self.bad.eq(told_by_both(
            m, lead, width=1, committed=committed,
            hits=lambda before: {"own": orders[before].token[:bits] == self.order.token[:bits]},
            after=lambda own, hit, commits: own | (commits & hit["own"]),
            tells=lambda own: bad | own))
        return m

    def _clash(self, m, bits):
        """Tell whether an order is under way that may yet write the original's slot or link."""
        cycles = self._lead + 2
        entered, token, original, replaces = (
            self.enters, self.offered[:bits], self.offered_original[:bits], self.offered_replaces)
        wanted, clashes = self.offered_original[:bits], []
        for cycle in range(1, cycles + 1):
            entered = delayed(m, entered, f"entered_{cycle}")
            token, original, replaces = (
                delayed(m, value, f"entered_{name}_{cycle}", reset_less=True)
                for value, name in (
                    (token, "token"), (original, "original"), (replaces, "replaces")))
            clashes.append(entered & ((token == wanted) | (replaces & (original == wanted))))
        m.d.comb += self.clashes.eq(self.offered_replaces & Cat(clashes).any())

    def _clash_by_marks(self, m, bits):
        """Tell the same, and sometimes of an order for which it is not so: it waits a few cycles.

        Comparisons with all orders under way would make a long path to whether an order enters. So
        each of them sets a mark for every digit of the numbers that it writes, and clears it when
        it is through: what has no mark for one of its digits is none of them.
        """
        cycles = self._lead + 3
        wanted, replaces = self.offered_original[:bits], self.offered_replaces
        entered = delayed(m, self.enters, "entered")
        token, original, replaced = (
            delayed(m, value, f"entered_{name}", reset_less=True) for value, name in (
                (self.offered[:bits], "token"), (wanted, "original"), (replaces, "replaces")))
        marked = []
        for digit in range(0, bits, _DIGIT):
            place = slice(digit, min(digit + _DIGIT, bits))
            marks = []
            for number in range(1 << place.stop - place.start):
                # As many bits as cycles that it stays; the lowest is the mark.
                mark = Signal(cycles - 1, name=f"mark_{digit}_{number}")
                with m.If(entered & ((token[place] == number)
                                     | (replaced & (original[place] == number)))):
                    m.d.sync += mark.eq(-1)
                with m.Else():
                    m.d.sync += mark.eq(mark[1:])
                marks.append(mark[0])
            marked.append(Cat(marks).bit_select(wanted[place], 1))
        # The newest has no marks yet.
        newest = entered & ((token == wanted) | (replaced & (original == wanted)))
        m.d.comb += self.clashes.eq(replaces & (newest | Cat(marked).all()))

    def _write(self, m, slots, links, order, committed):
        """Write a slot and a link: of an order after its verdict, of a venue message, or empty."""
        cycles = self._lead + 2 - GIVEN[self._config.registered]
        remaining, worth = (
            delayed(m, value, name, cycles, reset_less=True) for value, name in (
                (self.reserves_quantity, "reserved"), (self.reserves_value, "reserved_value")))
        slot, link = slots.write_port(), links.write_port()
        m.d.comb += [
            slot.addr.eq(order.token), slot.en.eq(committed),
            slot.data.live.eq(1), slot.data.token.eq(order.token),
            slot.data.account.eq(order.account), slot.data.symbol.eq(order.symbol),
            slot.data.strategy.eq(order.strategy),
            slot.data.sell.eq(order.sell), slot.data.remaining.eq(remaining),
            slot.data.total.eq(order.quantity), slot.data.worth.eq(worth),
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
