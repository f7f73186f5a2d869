"""Overview: what passes, what is refused and why, how fast, and the top of book."""

from typing import cast

from nicegui import ui

from tickgate.console import text
from tickgate.console.pages.context import PageContext
from tickgate.console.pages.frame import Frame
from tickgate.console.pages.panel import figure, panel
from tickgate.console.pages.tables import Table, column, number
from tickgate.engine.commands import Percentiles
from tickgate.risk.checks import BY_NAME

LATENCIES = (
    ("fix_to_doorbell_ns", "FIX order in to doorbell", "ns"),
    ("fix_to_report_ns", "FIX order in to report out", "ns"),
    ("gate_cycles", "Gate: order in to verdict", "cycles"),
    ("wire_cycles", "Gate: order in to first word out", "cycles"),
    ("book_cycles", "Tick: last byte to best bid and offer", "cycles"),
)


def show(context: PageContext) -> None:
    """Build the page."""
    frame = Frame(context, "/")
    with frame.body():
        with panel("Orders since the engine started"), ui.row().classes("w-full"):
            figures = {
                "orders_in": figure("requests in", "orders-in"),
                "orders_sent": figure("passed the gate", "orders-sent"),
                "refused": figure("refused", "orders-refused"),
                "fills": figure("fills", "fills"),
                "open_orders": figure("open orders", "open-orders"),
                "realised": figure("realised P&L, USD", "realised"),
                "itch": figure("ITCH messages", "itch-messages"),
                "feed": figure("feed", "feed"),
            }
        with ui.row().classes("w-full no-wrap items-stretch").style("gap:18px"):
            with panel("Top of book", "From the card's own book; what the price collar reads."):
                tops = Table(
                    (
                        column("id", "Symbol", 100),
                        number("bid_size", "Bid size", 105),
                        number("bid", "Bid", 110),
                        number("ask", "Ask", 110),
                        number("ask_size", "Ask size", 105),
                        column("status", "Status", 120, flex=1),
                    ),
                    "290px",
                    "tops",
                )
            with panel("Refused, by the check that failed first"):
                refused = Table(
                    (
                        column("check", "Check", 170),
                        number("count", "Orders", 95),
                        column("meaning", "Meaning", 300, flex=1),
                    ),
                    "290px",
                    "refused",
                )
        note = "Cycles are the card's own, at 6.4 ns each; host times are this machine's."
        with panel("Latency", note):
            latency = Table(
                (
                    column("stage", "Stage", 300, flex=1),
                    number("count", "Samples", 110),
                    number("min", "Min", 110),
                    number("p50", "p50", 110),
                    number("p99", "p99", 110),
                    number("p999", "p99.9", 110),
                    number("max", "Max", 110),
                ),
                "230px",
                "latency",
            )

        def refresh() -> None:
            state = context.live.state
            if state is None:
                return
            figures["orders_in"].set_text(text.quantity(state["orders_in"]))
            figures["orders_sent"].set_text(text.quantity(state["orders_sent"]))
            figures["refused"].set_text(text.quantity(sum(state["rejected"].values())))
            figures["fills"].set_text(text.quantity(state["fills"]))
            figures["open_orders"].set_text(text.quantity(state["open_orders"]))
            figures["realised"].set_text(
                text.money(sum(row["realised"] for row in state["positions"]))
            )
            figures["itch"].set_text(
                text.quantity(state["card"]["counters"].get("itch_messages", 0))
            )
            figures["feed"].set_text(text.feed(state["feed"]))
            tops.show(
                [
                    {
                        "id": row["symbol"],
                        "bid": text.price(row["bid"]),
                        "bid_size": text.quantity(row["bid_size"]),
                        "ask": text.price(row["ask"]),
                        "ask_size": text.quantity(row["ask_size"]),
                        "status": _status(row["trading_state"], row["stale"]),
                    }
                    for row in state["tops"]
                ]
            )
            refused.show(
                [
                    {
                        "id": name,
                        "check": text.words(name),
                        "count": text.quantity(count),
                        "meaning": BY_NAME[name].text if name in BY_NAME else "",
                    }
                    for name, count in sorted(state["rejected"].items(), key=lambda item: -item[1])
                ]
            )
            latency.show([_latency(state["latency"], *stage) for stage in LATENCIES])

        frame.on_refresh(refresh)


def _status(trading_state: str, stale: bool) -> str:
    if stale:
        return "STALE"
    return {"T": "Trading", "H": "HALTED", "P": "PAUSED", "Q": "Quotation only"}.get(
        trading_state, "not known"
    )


def _latency(latency: dict[str, Percentiles], key: str, stage: str, unit: str) -> dict[str, str]:
    row = {"id": key, "stage": stage}
    values = cast(dict[str, int] | None, latency.get(key))
    for name in ("min", "p50", "p99", "p999", "max"):
        if values is None or values["count"] == 0:
            row[name] = text.NONE
        elif unit == "ns":
            row[name] = text.duration(values[name])
        else:
            row[name] = f"{values[name]:,} {unit}"
    row["count"] = text.quantity(values["count"] if values else 0)
    return row
