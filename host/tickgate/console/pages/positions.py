"""Positions and profit and loss, by account and symbol."""

from tickgate.console import text
from tickgate.console.pages.context import PageContext
from tickgate.console.pages.frame import Frame
from tickgate.console.pages.panel import panel
from tickgate.console.pages.tables import Table, column, number


def show(context: PageContext) -> None:
    """Build the page."""
    frame = Frame(context, "/positions")
    with frame.body():
        note = "Realised by FIFO; open positions marked to the side that would close them. USD."
        with panel("Positions and P&L", note):
            table = Table(
                (
                    column("account", "Account", 130),
                    column("symbol", "Symbol", 110),
                    number("position", "Position", 130),
                    number("average_price", "Average price", 140),
                    number("realised", "Realised", 140),
                    number("unrealised", "Unrealised", 140),
                    number("cash", "Cash flow", 150),
                    number("bought", "Bought", 120),
                    number("sold", "Sold", 120, flex=1),
                ),
                "calc(100vh - 230px)",
                "positions",
            )

        def refresh() -> None:
            state = context.live.state
            if state is None:
                return
            table.show(
                [
                    {
                        "id": f"{row['account']} {row['symbol']}",
                        "account": row["account"],
                        "symbol": row["symbol"],
                        "position": text.quantity(row["position"]),
                        "average_price": text.price(row["average_price"]),
                        "realised": text.money(row["realised"]),
                        "unrealised": text.money(row["unrealised"]),
                        "cash": text.money(row["cash"]),
                        "bought": text.quantity(row["bought"]),
                        "sold": text.quantity(row["sold"]),
                    }
                    for row in state["positions"]
                ]
            )

        frame.on_refresh(refresh)
