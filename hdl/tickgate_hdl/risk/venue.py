"""What a venue message does to a slot, the slot linked to it, and the exposure."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.risk.layouts import Exposure, VenueUpdate, fill_layout, slot_layout
from tickgate_hdl.top.config import CardConfig

__all__ = ["VenueEffect"]

ACCEPTED, EXECUTED, CANCELED, AIQ_CANCELED = (ord(letter) for letter in "AECD")
REJECTED, REPLACED, MODIFIED, BROKEN = (ord(letter) for letter in "JUMB")


def _clamped(value, low, high):
    return Mux(value > high, high, Mux(value < low, low, value))


class VenueEffect(wiring.Component):
    """Compute the new slots and exposure row that a venue message leaves. Registered once.

    - Accepted and Modified set what the order has reserved; Executed, Canceled and AIQ Canceled
      take from it, never more than there is; Rejected and a dead order release all of it.
    - Replaced releases the old order and sets what the new one has reserved.
    - Executed moves the position, in full; Broken Trade moves it back by the remembered fill.
    - When an order dies while its replacement is under way, the replacement is released too:
      the venue answers such a replacement with silence.
    - The position and the open quantities saturate at the ends of their ranges.

    Members
    -------
    update, slot, fill : In
        The message, its order's slot and its fill.
    other : In
        The slot that ``slot`` links to; for Replaced the old order's.
    exposure : In
        The row of account and symbol of ``slot`` (or ``fill``).
    known : Out(1)
        The message is about an order (or fill) that the gate has; combinational.
    new_slot, new_other, new_fill, new_exposure : Out
        What to write, one cycle after the inputs.
    writes_slot, writes_other, writes_fill : Out(1)
        Which of them to write, at the same time.
    """

    def __init__(self, config: CardConfig):
        slot, fill = slot_layout(config), fill_layout(config)
        super().__init__({
            "update": In(VenueUpdate), "slot": In(slot), "other": In(slot), "fill": In(fill),
            "exposure": In(Exposure), "known": Out(1),
            "new_slot": Out(slot), "new_other": Out(slot), "new_fill": Out(fill),
            "new_exposure": Out(Exposure),
            "writes_slot": Out(1), "writes_other": Out(1), "writes_fill": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        update, slot, other, fill = self.update, self.slot, self.other, self.fill
        kind = update.message_type
        broken, executed, replaced = (Signal() for _ in range(3))
        m.d.comb += [
            broken.eq(kind == BROKEN), executed.eq(kind == EXECUTED), replaced.eq(kind == REPLACED),
        ]

        token_known = slot.live & (slot.token == update.user_ref_num)
        with m.Switch(kind):
            with m.Case(BROKEN):
                m.d.comb += self.known.eq(
                    fill.live & (fill.token == update.user_ref_num)
                    & (fill.match_number == update.match_number))
            with m.Case(REPLACED):
                m.d.comb += self.known.eq(
                    token_known & slot.pending & (slot.link == update.orig_user_ref_num))
            with m.Case(ACCEPTED, MODIFIED):
                m.d.comb += self.known.eq(token_known & ~slot.pending)
            with m.Case(EXECUTED, CANCELED, AIQ_CANCELED, REJECTED):
                m.d.comb += self.known.eq(token_known)

        left = Signal(32)
        with m.Switch(kind):
            with m.Case(ACCEPTED, MODIFIED, REPLACED):
                m.d.comb += left.eq(Mux(update.dead, 0, update.quantity))
            with m.Case(EXECUTED, CANCELED, AIQ_CANCELED), m.If(slot.remaining > update.quantity):
                m.d.comb += left.eq(slot.remaining - update.quantity)
        dies, has_other, releases_other = Signal(), Signal(), Signal()
        m.d.comb += [
            dies.eq(left == 0),
            has_other.eq(other.live & (other.token == slot.link) & (slot.linked | slot.pending)),
            releases_other.eq(has_other & (replaced | (dies & slot.linked))),
        ]

        m.d.sync += [
            self.writes_slot.eq(~broken),
            self.writes_other.eq(~broken & has_other & (replaced | dies)),
            self.writes_fill.eq(broken | executed),
        ]
        m.d.sync += [
            self.new_slot.eq(slot),
            self.new_slot.live.eq(~dies),
            self.new_slot.remaining.eq(left),
            self.new_slot.pending.eq(slot.pending & ~replaced),
            self.new_other.eq(other),
            self.new_other.live.eq(~releases_other),
            self.new_other.linked.eq(0),
            self.new_fill.live.eq(executed),
            self.new_fill.match_number.eq(update.match_number),
            self.new_fill.token.eq(update.user_ref_num),
            self.new_fill.account.eq(slot.account),
            self.new_fill.symbol.eq(slot.symbol),
            self.new_fill.sell.eq(slot.sell),
            self.new_fill.quantity.eq(update.quantity),
        ]

        row = self.exposure
        sells = Mux(broken, ~fill.sell, slot.sell)
        moved = Mux(broken, fill.quantity, Mux(executed, update.quantity, 0))
        position = Signal(signed(36))
        open_now, open_next = Signal(32), Signal(signed(36))
        m.d.comb += [
            position.eq(row.position + Mux(sells, -moved, moved)),
            open_now.eq(Mux(slot.sell, row.open_sell, row.open_buy)),
            open_next.eq(
                open_now + left - slot.remaining - Mux(releases_other, other.remaining, 0)),
        ]
        m.d.sync += [
            self.new_exposure.eq(row),
            self.new_exposure.position.eq(_clamped(position, -(1 << 31), (1 << 31) - 1)),
        ]
        with m.If(~broken):
            after = _clamped(open_next, 0, (1 << 32) - 1)
            with m.If(slot.sell):
                m.d.sync += self.new_exposure.open_sell.eq(after)
            with m.Else():
                m.d.sync += self.new_exposure.open_buy.eq(after)
        return m
