"""What a venue message does to an order, to the order linked with it, and to the exposure."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.compare import is_above
from tickgate_hdl.lib.delay import stages
from tickgate_hdl.lib.product import product, product_of_halves
from tickgate_hdl.risk.layouts import Moves, VenueUpdate, fill_layout, slot_layout
from tickgate_hdl.risk.open_orders import Link
from tickgate_hdl.risk.totals import NONE_LEFT
from tickgate_hdl.top.config import CardConfig

__all__ = ["BROKEN", "REJECTED", "REPLACED", "VenueEffect"]

ACCEPTED, EXECUTED, CANCELED, AIQ_CANCELED = (ord(letter) for letter in "AECD")
REJECTED, REPLACED, MODIFIED, BROKEN = (ord(letter) for letter in "JUMB")


class VenueEffect(wiring.Component):
    """Compute what a venue message changes, in ``latency`` cycles.

    - Accepted and Modified set what the order has reserved; Executed, Canceled and AIQ Canceled
      take from it, never more than there is; Rejected and a dead order release all of it.
    - Replaced releases the old order and sets what the new one has reserved.
    - Executed moves the position, in full; Broken Trade moves it back by the remembered fill.
    - When an order dies while its replacement is under way, the replacement is released too:
      the venue answers such a replacement with silence.
    - What an order with a replacement under way loses without trading it, the replacement may trade
      in its place, so far as its own quantity goes, and at its own price.
    - A replacement that is not confirmed keeps what it has reserved whatever it executes, which no
      venue should tell; that it was cancelled means nothing.
    - Executed counts as an execution of the order's strategy. Rejected adds to what the venue
      rejected of the account in a row; Accepted, Replaced and Executed end the row.

    Attributes
    ----------
    latency : cycles from the inputs, which stay, to all outputs

    Members
    -------
    update, slot, link, fill : In
        The message, its order's slot, who replaces that order, and its fill.
    other : In
        The slot of the order's replacement or, of a replacement, of the order to replace.
    ends, ends_other : Out(1)
        The message's order works no more; the other one does not. Five cycles before the rest
        (``latency``).
    unsent : In(1)
        It is the card's own word for an order that never left: no venue rejected it.
    known : Out(1)
        The message is about an order (or fill) that the gate has.
    new_slot, new_other, new_fill, moves : Out
        What to write, and by how much the exposure of account and symbol moves.
    account, symbol, strategy : Out
        Whose exposure and executions.
    writes_slot, writes_other, writes_fill, unlinks_other : Out(1)
        Whether to write them; whether the other slot's order is no longer being replaced.
    """

    def __init__(self, config: CardConfig):
        self._registered = config.registered
        self.latency = 11 if config.registered else 6
        slot, fill = slot_layout(config), fill_layout(config)
        super().__init__({
            "update": In(VenueUpdate), "slot": In(slot), "link": In(Link), "other": In(slot),
            "fill": In(fill), "unsent": In(1), "known": Out(1),
            "new_slot": Out(slot), "new_other": Out(slot), "new_fill": Out(fill),
            "moves": Out(Moves), "ends": Out(1), "ends_other": Out(1),
            "account": Out(slot["account"].shape), "symbol": Out(slot["symbol"].shape),
            "strategy": Out(slot["strategy"].shape),
            "writes_slot": Out(1), "writes_other": Out(1), "writes_fill": Out(1),
            "unlinks_other": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        update, slot, other, fill = self.update, self.slot, self.other, self.fill
        # The inputs stay, so what is compared may come a stage before what follows from it.
        staged = self._staged = stages(m, self._registered)
        kind = update.message_type
        broken, executed, replaced = (
            staged(kind == what, name) for what, name in (
                (BROKEN, "broken"), (EXECUTED, "executed"), (REPLACED, "replaced")))

        known_now = Signal()
        token_known = staged(slot.live & (slot.token == update.user_ref_num), "token_known")
        fill_known = staged(
            fill.live & (fill.token == update.user_ref_num), "fill_of_token") & staged(
            fill.match_number == update.match_number, "fill_of_match")
        link_known = staged(slot.link == update.orig_user_ref_num, "link_known")
        with m.Switch(kind):
            with m.Case(BROKEN):
                m.d.comb += known_now.eq(fill_known)
            with m.Case(REPLACED):
                m.d.comb += known_now.eq(token_known & slot.pending & link_known)
            with m.Case(ACCEPTED, MODIFIED, CANCELED, AIQ_CANCELED):
                m.d.comb += known_now.eq(token_known & ~slot.pending)
            with m.Case(EXECUTED, REJECTED):
                m.d.comb += known_now.eq(token_known)
        known = staged(known_now, "is_known")

        left_now = Signal(32)
        more = staged(is_above(slot.remaining, update.quantity), "more_than_told")
        lessened = staged((slot.remaining - update.quantity)[:32], "lessened")
        with m.Switch(kind):
            with m.Case(ACCEPTED, MODIFIED, REPLACED):
                m.d.comb += left_now.eq(Mux(update.dead, 0, update.quantity))
            with m.Case(EXECUTED, CANCELED, AIQ_CANCELED), m.If(more):
                m.d.comb += left_now.eq(lessened)
        left = staged(left_now, "left")
        linked = staged(
            (self.link.replacement != 0) & (self.link.order == slot.token), "is_linked")
        is_heir = staged(other.token == self.link.replacement, "is_heir")
        is_original = staged(other.token == slot.link, "is_original")
        stays = staged(slot.pending & executed, "stays")
        dies = staged((left == 0) & ~stays, "dies")
        has_replacement = staged(
            ~slot.pending & linked & other.live & is_heir, "has_replacement")
        has_original = staged(slot.pending & other.live & is_original, "has_original")
        releases = staged((has_replacement & dies) | (has_original & replaced), "releases")

        m.d.sync += [
            self.known.eq(known),
            self.writes_slot.eq(known & ~broken),
            self.writes_fill.eq(known & (broken | executed)),
            self.writes_other.eq(known & ~broken & (releases | has_replacement)),
            self.unlinks_other.eq(known & ~broken & has_original & dies),
            self.ends.eq(known & ~broken & dies), self.ends_other.eq(known & ~broken & releases),
            self.account.eq(Mux(broken, fill.account, slot.account)),
            self.symbol.eq(Mux(broken, fill.symbol, slot.symbol)),
            self.strategy.eq(slot.strategy),
            self.new_fill.live.eq(executed),
            self.new_fill.match_number.eq(update.match_number),
            self.new_fill.token.eq(update.user_ref_num),
            self.new_fill.account.eq(slot.account),
            self.new_fill.symbol.eq(slot.symbol),
            self.new_fill.sell.eq(slot.sell),
            self.new_fill.quantity.eq(update.quantity),
            self.new_fill.price.eq(update.price),
        ]

        inherits = has_replacement & ~dies & ~executed
        lost = Signal(32)  # without being traded
        loses = staged(is_above(slot.remaining, left), "loses")
        loss = staged((slot.remaining - left)[:32], "loss")
        m.d.sync += lost.eq(Mux(inherits & loses, loss, 0))
        moved_over = self._product(m, other.price, lost, "moved_over")
        total, heir = self._totals(m, executed, replaced, left, has_original, moved_over)
        worth = self._product(m, slot.price, total, "worth")
        with m.If(dies):
            m.d.sync += self.new_slot.eq(0)
        with m.Elif(stays):
            m.d.sync += self.new_slot.eq(slot)
        with m.Else():
            m.d.sync += [
                self.new_slot.eq(slot), self.new_slot.pending.eq(0),
                self.new_slot.remaining.eq(left), self.new_slot.total.eq(total),
                self.new_slot.worth.eq(worth),
            ]
        m.d.sync += self.new_other.eq(Mux(releases, 0, heir))

        # How many shares, at which price; what a replacement has reserved of value is in its slot.
        sells, moved = Signal(), Signal(signed(33))  # of a buy: shares bought, or taken back
        less, priced = Signal(signed(33)), Signal(signed(33))  # of the order; of them at its price
        gone, paid = Signal(32), Signal(32)  # of an order that is replaced
        freed, freed_other = Signal(64), Signal(64)
        orders = Signal(signed(3))
        opens = known & ~broken
        sets = opens & ~stays
        reserved = staged(Mux(slot.pending, 0, slot.remaining), "reserved")
        changes = staged(left - slot.remaining, "changes").as_signed()
        changes_priced = staged(left - reserved, "changes_priced").as_signed()
        m.d.sync += [
            sells.eq(Mux(broken, fill.sell, slot.sell)),
            moved.eq(Mux(broken, -fill.quantity, Mux(executed, update.quantity, 0))),
            less.eq(Mux(sets, changes, 0)),
            priced.eq(Mux(sets, changes_priced, 0)),
            gone.eq(Mux(opens & replaced & has_original, other.remaining, 0)),
            freed.eq(Mux(sets & slot.pending, slot.worth, 0)),
            freed_other.eq(Mux(opens & has_replacement & dies, other.worth, 0)),
            paid.eq(Mux(broken, fill.price, update.price)),
            orders.eq(
                (opens & replaced & ~dies) - (opens & replaced & has_original)
                - (opens & ~slot.pending & dies)),
        ]
        freed_both = staged(freed + freed_other, "freed_both")
        released, shrinks = Signal(32), Signal()
        m.d.sync += [
            released.eq(Mux(opens & releases, other.remaining, 0)),
            shrinks.eq(opens & has_replacement & ~releases),
        ]
        shares = Signal(signed(34))
        freely = staged(less - released, "less_released").as_signed()
        shrunk = staged((other.remaining - heir.remaining), "shrunk").as_signed()
        m.d.sync += shares.eq(freely - Mux(shrinks, shrunk, 0))
        self._move(m, sells, shares, orders, (moved, paid), (priced, slot.price),
                   (gone, other.price), Mux(opens & inherits, moved_over, 0), freed_both)
        self._count(m, kind, known)
        return m

    def _totals(self, m, executed, replaced, left, has_original, moved_over):
        """Return what the order may trade in all from now on, with what its chain has traded; and
        what its replacement is then.
        """
        update, slot, other = self.update, self.slot, self.other
        staged = self._staged
        traded, fill, total = Signal(32), Signal(32), Signal(32)
        heir = Signal.like(other)
        traded_before = staged((other.total - other.remaining)[:32], "original_traded")
        traded_own = staged((slot.total - slot.remaining)[:32], "own_traded")
        beyond = staged(is_above(other.total, total), "is_beyond")
        further = staged((other.total - total)[:32], "further")
        m.d.sync += [
            traded.eq(Mux(
                replaced, Mux(has_original, traded_before, 0), traded_own)),
            fill.eq(Mux(executed, update.quantity, 0)),
            total.eq(staged((traded + fill)[:32], "done") + left),
            heir.eq(other),
            heir.remaining.eq(Mux(beyond, further, 0)),
            heir.worth.eq(other.worth + moved_over),
        ]
        return total, heir

    def _product(self, m, number, factor, name):
        return (product_of_halves if self._registered else product)(m, number, factor, name)

    def _count(self, m, kind, known):
        """Work out how the throttles move."""
        executions, rejects = self.moves.executions, self.moves.rejects
        m.d.sync += [executions.eq(0), rejects.eq(0)]
        with m.If(known), m.Switch(kind):
            with m.Case(EXECUTED):
                m.d.sync += [executions.eq(1), rejects.eq(NONE_LEFT)]
            with m.Case(ACCEPTED, REPLACED):
                m.d.sync += rejects.eq(NONE_LEFT)
            with m.Case(REJECTED), m.If(~self.unsent):
                m.d.sync += rejects.eq(1)

    def _move(self, m, sells, shares, orders, traded, opened, gone, moved_over, freed):
        """Work out how the totals move: products in two steps, then the sums.

        ``traded``, ``opened`` and ``gone`` are shares and their price.
        """
        moved, _ = traded
        traded, opened, released = (
            self._product(m, price, quantity, name) for (quantity, price), name in (
                (traded, "traded"), (opened, "opened"), (gone, "gone")))
        staged = self._staged
        position = staged(Mux(sells, -moved, moved), "moved_position").as_signed()
        open_quantity = Signal(signed(35))
        more, less, open_value = (Signal(signed(67)) for _ in range(3))
        m.d.comb += open_quantity.eq(shares)
        both = staged(open_value + traded, "open_and_traded").as_signed()
        taken = staged(-traded, "traded_taken").as_signed()
        m.d.sync += [
            more.eq(opened + moved_over), less.eq(released + freed),
            open_value.eq(more - less),
            self.moves.position.eq(position),
            self.moves.long.eq(position + Mux(sells, 0, open_quantity)),
            self.moves.short.eq(Mux(sells, open_quantity, 0) - position),
            self.moves.orders.eq(orders), self.moves.open_quantity.eq(open_quantity),
            self.moves.open_value.eq(open_value), self.moves.gross.eq(both),
            self.moves.net_long.eq(Mux(sells, taken, both)),
            self.moves.net_short.eq(Mux(sells, both, taken)),
        ]
