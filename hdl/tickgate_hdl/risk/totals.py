"""What is counted up against a limit: each total declared once."""

from dataclasses import dataclass

from tickgate.risk.image import (
    ACCOUNT,
    CLEARING_FIRM,
    FIRM,
    GROUP,
    POSITION,
    STRATEGY,
    ImageTable,
)

__all__ = ["COUNTED", "MONEY", "NONE_LEFT", "SHARES", "SIDES", "TIMES", "TOTALS", "Total"]

SIDES = {"buy": "B", "sell": "STE", "short": "TE", "": "BSTE"}
"""OUCH side letters of what totals call sides."""


@dataclass(frozen=True)
class Total:
    """A total: what adds to it, and the limit that it is held to.

    ``check`` is the check that it makes, if any (``tickgate.risk.checks``). ``scope`` says whose
    rows it has: ``account`` and ``symbol`` together (``pair``), ``account``, its ``group``, its
    ``clearing_firm``, the whole ``firm``, or the ``strategy``.
    An order that passes adds its ``amount``, if it is on the ``side`` (a key of ``SIDES``; empty:
    any): its "quantity" or "value"; or "more_quantity", "more_value" and "order", which are the
    same and one of an enter, and of a replacement what it may trade beyond its order; or "one". One
    that adds nothing is not held to the limit. What a venue message changes is the field ``moves``
    of ``Moves``. ``marked`` restricts the check, not the total, to orders of that side letter.

    A total that is ``told`` counts what the venue tells: an order that passes is held to the limit
    with its ``amount``, and adds nothing. It does not fall below 0.
    """

    name: str
    scope: str
    width: int
    check: str = ""
    limit: tuple[ImageTable, str] | None = None
    amount: str = ""
    side: str = ""
    moves: str = ""
    marked: str = ""
    told: bool = False

    @property
    def held(self) -> str:
        """Side letters of the orders that are held to the limit."""
        return self.marked or SIDES[self.side]


SHARES, MONEY, TIMES = 48, 64, 33
"""Widths in bits, signed."""

NONE_LEFT = -(1 << TIMES - 1)
"""Move that leaves 0 of whatever a total of so many times was."""


def _credit(table):
    """Return the totals of the accounts of a row: all traded and open, and most of either way."""
    gross, net = f"{table.name}_gross_credit", f"{table.name}_net_credit"
    return (
        Total(f"{table.name}_gross", table.name, MONEY, gross, (table, "gross_credit"),
              "more_value", "", "gross"),
        Total(f"{table.name}_net_long", table.name, MONEY, net, (table, "net_credit"),
              "more_value", "buy", "net_long"),
        Total(f"{table.name}_net_short", table.name, MONEY, net, (table, "net_credit"),
              "more_value", "sell", "net_short"),
    )


TOTALS = (
    Total("position", "pair", SHARES, moves="position"),
    Total("long", "pair", SHARES, "position_limit", (POSITION, "max_long"),
          "more_quantity", "buy", "long"),
    Total("short", "pair", SHARES, "position_limit", (POSITION, "max_short"),
          "more_quantity", "sell", "short"),
    # More open sells than shares held: its limit is 0.
    Total("unowned", "pair", SHARES, "short_mark", None, "more_quantity", "sell", "short",
          marked="S"),
    # What was borrowed for the day is used up by short orders, traded or not.
    Total("located", "pair", SHARES, "locate_budget", (POSITION, "locates"), "quantity", "short"),
    Total("orders", "account", SHARES, "max_orders", (ACCOUNT, "max_orders"),
          "order", "", "orders"),
    Total("open_quantity", "account", SHARES, "open_quantity", (ACCOUNT, "max_open_quantity"),
          "more_quantity", "", "open_quantity"),
    Total("open_value", "account", MONEY, "open_value", (ACCOUNT, "max_open_value"),
          "more_value", "", "open_value"),
    Total("day_quantity", "account", SHARES, "day_quantity", (ACCOUNT, "max_day_quantity"),
          "quantity"),
    Total("day_value", "account", MONEY, "day_value", (ACCOUNT, "max_day_value"), "value"),
    Total("gross", "account", MONEY, "gross_credit", (ACCOUNT, "gross_credit"),
          "more_value", "", "gross"),
    Total("net_long", "account", MONEY, "net_credit", (ACCOUNT, "net_credit"),
          "more_value", "buy", "net_long"),
    Total("net_short", "account", MONEY, "net_credit", (ACCOUNT, "net_credit"),
          "more_value", "sell", "net_short"),
    *_credit(FIRM), *_credit(GROUP), *_credit(CLEARING_FIRM),
    Total("executions", "strategy", TIMES, "repeated_executions", (STRATEGY, "max_executions"),
          "one", "", "executions", told=True),
    Total("rejects", "account", TIMES, "consecutive_rejects", (ACCOUNT, "max_rejects"),
          "one", "", "rejects", told=True),
)

COUNTED = tuple(dict.fromkeys(total.check for total in TOTALS if total.check))
"""The checks that totals make."""
