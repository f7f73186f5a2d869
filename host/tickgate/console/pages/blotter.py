"""Blotter: the newest orders, their state, and why one was refused."""

from tickgate.console import text
from tickgate.console.pages.context import PageContext
from tickgate.console.pages.frame import Frame
from tickgate.console.pages.panel import panel
from tickgate.console.pages.tables import Table, column, number

SIDES = {"B": "Buy", "S": "Sell", "T": "Sell short", "E": "Short exempt"}


def show(context: PageContext) -> None:
    """Build the page."""
    frame = Frame(context, "/blotter")
    with frame.body():
        with panel("Blotter", "The newest 200 orders of all sessions, newest first."):
            table = Table(
                (
                    column("time", "Time (UTC)", 116),
                    column("comp_id", "Session", 92),
                    column("account", "Account", 88),
                    column("cl_ord_id", "ClOrdID", 120, tooltipField="cl_ord_id"),
                    column("symbol", "Symbol", 80),
                    column(
                        "side",
                        "Side",
                        84,
                        cellClassRules={"side-buy": "x === 'Buy'", "side-sell": "x !== 'Buy'"},
                    ),
                    number("quantity", "Quantity", 90),
                    number("price", "Price", 86),
                    column(
                        "state", "State", 112, cellClassRules={"state-rejected": "x === 'Rejected'"}
                    ),
                    number("filled", "Filled", 78),
                    number("leaves", "Leaves", 78),
                    number("average_price", "Average", 92),
                    column("text", "Reason", 320, flex=1, tooltipField="text"),
                ),
                "calc(100vh - 230px)",
                "blotter",
            )

        def refresh() -> None:
            table.show(
                [
                    {
                        "id": row["order_id"],
                        "time": text.clock(row["time_ns"]),
                        "comp_id": row["comp_id"],
                        "account": row["account"],
                        "cl_ord_id": row["cl_ord_id"],
                        "symbol": row["symbol"],
                        "side": SIDES.get(row["side"], row["side"]),
                        "quantity": text.quantity(row["quantity"]),
                        "price": text.price(row["price"]),
                        "state": text.words(row["state"]),
                        "filled": text.quantity(row["filled"]),
                        "leaves": text.quantity(row["leaves"]),
                        "average_price": text.price(row["average_price"]),
                        "text": row["text"],
                    }
                    for row in context.live.orders
                ]
            )

        frame.on_refresh(refresh)
