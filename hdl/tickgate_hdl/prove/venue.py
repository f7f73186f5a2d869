"""What venue messages leave reserved is what may still trade: ``risk.venue.VenueEffect``."""

from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Assume, Module, Mux, Signal, Value

from tickgate_hdl.prove.mutation import Mutation
from tickgate_hdl.prove.opened import Opened
from tickgate_hdl.prove.proof import Proof
from tickgate_hdl.top.config import CardConfig

__all__ = ["PROOFS"]

_HELD = ("update", "slot", "link", "other", "unsent")
_BITS = {"latency": 5, "ecp5": 4}
"""Of all quantities: the solver does not finish with 32 of each, over so many cycles."""


def _make(profile):
    return lambda m: _effect(m, registered=profile == "ecp5", most=1 << _BITS[profile])


def _effect(m: Module, registered: bool, most: int) -> list:
    from tickgate_hdl.risk.venue import VenueEffect

    dut = VenueEffect(CardConfig(
        symbols=2, accounts=2, groups=2, clearing_firms=2, open_orders=2, registered=registered))
    opened = Opened(dut)
    m.submodules.dut = opened.module
    for name in _HELD:
        port = Value.cast(getattr(dut, name))
        m.d.comb += port.eq(AnyConst(len(port)))
    update, slot, other, link = dut.update, dut.slot, dut.other, dut.link
    cycles = Signal(range(dut.latency + 1))
    there = cycles == dut.latency
    with m.If(~there):
        m.d.sync += cycles.eq(cycles + 1)

    # The message's order, and the one that replaces it or that it replaces.
    heir = (~slot.pending & other.live & (other.token != 0) & (link.order == slot.token)
            & (link.replacement == other.token))
    original = slot.pending & other.live & (other.token == slot.link)

    def beyond(replacement, order):
        return Mux(replacement.total > order.total, replacement.total - order.total, 0)

    m.d.comb += [
        Assume(slot.total < most), Assume(other.total < most), Assume(update.quantity < most),
        Assume(slot.pending | (slot.remaining <= slot.total)),
        Assume(~heir | (other.pending & (other.remaining == beyond(other, slot)))),
        Assume(~original | (~other.pending & (other.remaining <= other.total)
                            & (slot.remaining == beyond(slot, other)))),
    ]

    kind = update.message_type
    acts = there & dut.known & (kind != ord("B"))
    mine, theirs = Signal.like(slot), Signal.like(other)
    m.d.comb += [
        mine.eq(Mux(dut.writes_slot, dut.new_slot, slot)),
        theirs.eq(Mux(dut.writes_other, dut.new_other, other)),
    ]
    paired = heir | original

    def shares(order):
        return Mux(order.live, order.remaining, 0)

    def counts(order):
        return order.live & ~order.pending

    def both(of, order, linked):
        return of(order) + Mux(paired, of(linked), 0)

    executed = kind == ord("E")
    sells, moves = slot.sell, dut.moves
    heir_after = heir & mine.live & theirs.live
    original_after = original & mine.live & theirs.live & mine.pending
    traded = Mux(original & (kind == ord("U")), other.total - other.remaining,
                 slot.total - slot.remaining)
    m.d.comb += [
        # All that is reserved moves as the totals do.
        Assert(~acts | (
            moves.open_quantity == both(shares, mine, theirs) - both(shares, slot, other))),
        Assert(~acts | (moves.orders == both(counts, mine, theirs) - both(counts, slot, other))),
        Assert(~acts | (moves.long == moves.position + Mux(sells, 0, moves.open_quantity))),
        Assert(~acts | (moves.short == Mux(sells, moves.open_quantity, 0) - moves.position)),
        Assert(~acts | (moves.position == Mux(
            executed, Mux(sells, -update.quantity, update.quantity), 0))),
        # A pair has reserved the most that either may trade, and stays so.
        Assert(~(acts & heir_after) | (
            theirs.pending & (theirs.remaining == beyond(theirs, mine)))),
        Assert(~(acts & original_after) | (mine.remaining == beyond(mine, theirs))),
        Assert(~(acts & heir_after) | (
            mine.remaining + theirs.remaining + mine.total >= theirs.total + mine.remaining)),
        # An order that is gone takes its replacement along; one that is replaced is gone.
        Assert(~(acts & heir & ~mine.live) | ~theirs.live),
        Assert(~(acts & original & (kind == ord("U"))) | ~theirs.live),
        Assert(~(acts & (kind == ord("U"))) | (
            mine.live == (~update.dead & (update.quantity != 0)))),
        Assert(~(acts & (kind == ord("U")) & mine.live) | (
            ~mine.pending & (mine.remaining == update.quantity))),
        # What a chain has executed goes on with it.
        Assert(~(acts & mine.live & ~mine.pending & (original | ~slot.pending)) | (
            mine.total == mine.remaining + traded + Mux(executed, update.quantity, 0))),
        Assert(~acts | (dut.ends == ~mine.live)),
        Assert(~acts | (dut.ends_other == (other.live & ~theirs.live))),
        Assert(~(there & ~dut.known) | ~(
            dut.writes_slot | dut.writes_other | dut.ends | dut.ends_other)),
    ]
    return [dut.fill]


def _fault(name, old, new):
    return Mutation(name, "risk.venue", old, new)


PROOFS = tuple(
    Proof(
        name=f"venue.{profile}",
        claim="whatever a venue message says, the totals of shares and orders move by exactly what "
        "its order and the order linked with it have reserved after it less what they had; a "
        "replacement that is not confirmed has reserved what its quantity is more than that of its "
        "order, so the two together the most that the chain may yet execute, whichever of them it "
        "is; an order that is gone takes its replacement along, one that is replaced goes, and "
        "both are told; what a chain has executed goes on with it",
        of=f"VenueEffect, {profile}, shares and orders; values are products, which the solver "
        "can't do",
        assumes=f"quantities are below 2^{_BITS[profile]}, and the slots were so before (by this "
        "proof, and `risk.open_orders` for a replacement that passes)",
        make=_make(profile), depth=depth,
        mutations=(
            _fault("what an order loses its replacement may not trade",
                   "heir.remaining.eq(Mux(beyond, further, 0))",
                   "heir.remaining.eq(other.remaining)"),
            _fault("a fill makes room for the replacement",
                   "fill.eq(Mux(executed, update.quantity, 0))", "fill.eq(0)"),
            _fault("a replacement outlives its order", "Mux(releases, 0, heir)", "heir"),
            _fault("a replacement begins a chain of its own",
                   "Mux(has_original, traded_before, 0)", "0"),
            _fault("a replacement that is confirmed is no order",
                   "(opens & replaced & ~dies) - ", "0 - "),
            _fault("what the order that is replaced had reserved stays",
                   "released.eq(Mux(opens & releases, other.remaining, 0))", "released.eq(0)"),
            _fault("that an order is gone is told when it is replaced",
                   "self.ends.eq(known & ~broken & dies)",
                   "self.ends.eq(known & ~broken & (dies | replaced))"),
            _fault("what is not confirmed gives back what it executes",
                   "staged(slot.pending & executed,", "staged(slot.pending & 0,"),
        ))
    for profile, depth in (("latency", 8), ("ecp5", 13)))
