"""Layouts of the gate's ports and tables."""

from amaranth.hdl import signed, unsigned
from amaranth.lib.data import Field, FlexibleLayout, StructLayout
from amaranth.utils import ceil_log2
from tickgate.risk.image import STRATEGIES, ImageTable

from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.risk.totals import MONEY, SHARES, TIMES
from tickgate_hdl.top.config import CardConfig

__all__ = [
    "Moves",
    "PassedOrder",
    "VenueUpdate",
    "fill_layout",
    "row_layout",
    "slot_layout",
]

VenueUpdate = StructLayout({
    "message_type": 8,
    "user_ref_num": 32,
    "orig_user_ref_num": 32,
    "quantity": 32,
    "price": 32,
    "match_number": 64,
    "dead": 1,
})
"""What a venue message does to the exposure.

``message_type`` is the OUCH outbound letter. ``quantity`` is the message's own: Accepted shares,
Replaced and Modified shares outstanding, Executed, Canceled and AIQ Canceled shares of the step;
``price`` is that of an Executed, in 1/10000 USD.
``orig_user_ref_num`` counts for Replaced, ``match_number`` for Executed and Broken Trade, ``dead``
(order state D) for Accepted and Replaced.
"""

PassedOrder = StructLayout({"record": RecordBody, "symbol_name": 64})
"""An order request that passed, with its symbol's name (character 0 in bits 7:0)."""

Moves = StructLayout({
    **{name: signed(SHARES) for name in ("position", "long", "short", "orders", "open_quantity")},
    **{name: signed(MONEY) for name in ("open_value", "gross", "net_long", "net_short")},
    **{name: signed(TIMES) for name in ("executions", "rejects")},
})
"""By how much the totals move (``tickgate_hdl.risk.totals``): shares held, the most that they may
become either way, orders, shares and value of open orders, value traded and open: all of it, and
the most that bought less sold may become either way; executions, and rejects in a row."""


def slot_layout(config: CardConfig) -> StructLayout:
    """Return the layout of an open-order slot.

    ``remaining`` is how many shares the order has reserved, ``total`` its OUCH quantity: with what
    the orders that it replaced have executed, and itself. ``worth`` is ``total`` at its ``price``.
    A replacement that the venue has not confirmed is ``pending`` and its ``link`` is the order to
    replace; ``remaining`` is then what it may trade beyond that, and ``worth`` what it has reserved
    of value beyond it.
    """
    return StructLayout({
        "live": 1,
        "token": 32,
        "account": ceil_log2(config.accounts),
        "symbol": ceil_log2(config.symbols),
        "strategy": ceil_log2(STRATEGIES),
        "sell": 1,
        "remaining": 32,
        "total": 32,
        "price": 32,
        "worth": 64,
        "pending": 1,
        "link": 32,
    })


def fill_layout(config: CardConfig) -> StructLayout:
    """Return the layout of a remembered fill, which a Broken Trade takes back."""
    return StructLayout({
        "live": 1,
        "match_number": 64,
        "token": 32,
        "account": ceil_log2(config.accounts),
        "symbol": ceil_log2(config.symbols),
        "sell": 1,
        "quantity": 32,
        "price": 32,
    })


def row_layout(table: ImageTable) -> FlexibleLayout:
    """Return the layout of a row of a table of the limits image."""
    return FlexibleLayout(32 * table.row_words, {
        field.name: Field(unsigned(32 * field.words), 32 * field.word) for field in table.fields
    })
