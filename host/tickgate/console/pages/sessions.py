"""Sessions: clients, the venue, the card, and every kind of bad input that was counted."""

from nicegui import ui

from tickgate.console import text
from tickgate.console.pages.context import PageContext
from tickgate.console.pages.frame import Frame
from tickgate.console.pages.panel import panel
from tickgate.console.pages.tables import Table, column, number

CARD_FACTS = (
    ("connected", "Card answers", True),
    ("ready", "Memories swept", True),
    ("limits_valid", "Limits in force", True),
    ("lease_good", "Lease of the limits runs", True),
    ("watchdog_ok", "Host watchdog touched", True),
    ("mass_cancel_on", "Mass cancel if the host stays away", True),
    ("mass_cancel_due", "Mass cancel waits for the session", False),
    ("link_up", "Order-entry stream connected", True),
    ("session_up", "Venue session logged in", True),
    ("armed", "Gate armed", True),
)
"""What the card says of itself, and how it says so when all is well."""


def show(context: PageContext) -> None:
    """Build the page."""
    frame = Frame(context, "/sessions")
    with frame.body():
        with panel("FIX sessions"):
            sessions = Table(
                (
                    column("id", "CompID", 150),
                    column("account", "Account", 130),
                    column("state", "State", 140),
                    number("next_in", "Next in", 110),
                    number("next_out", "Next out", 110),
                    number("orders", "Orders", 110),
                    column("peer", "Peer", 220, flex=1),
                ),
                "190px",
                "sessions",
            )
        with ui.row().classes("w-full no-wrap items-stretch").style("gap:18px"):
            with panel("Card and venue"):
                card = Table(
                    (column("fact", "Fact", 260), column("is", "Is", 100, flex=1)),
                    "360px",
                    "card-facts",
                )
            with panel("Card counters"):
                counters = Table(
                    (column("name", "Counter", 230), number("count", "Count", 110, flex=1)),
                    "360px",
                    "card-counters",
                )
            with panel("Bad input, counted by the host"):
                bad = Table(
                    (column("name", "Kind", 230), number("count", "Count", 110, flex=1)),
                    "360px",
                    "bad-input",
                )

        with panel("Exposure: the card against the host", "Open shares and positions, by account."):
            compared = ui.label("").classes("tg-note").mark("exposure-facts")
            drifts = Table(
                (
                    column("id", "What", 340),
                    number("host", "Host", 150),
                    number("card", "Card", 150),
                    number("more", "Card has more", 150, flex=1),
                ),
                "190px",
                "exposure-drifts",
            )

        def refresh() -> None:
            state = context.live.state
            if state is None:
                return
            sessions.show(
                [
                    {
                        "id": row["comp_id"],
                        "account": row["account"],
                        "state": text.words(row["state"]),
                        "next_in": text.quantity(row["next_in"]),
                        "next_out": text.quantity(row["next_out"]),
                        "orders": text.quantity(row["orders"]),
                        "peer": row["peer"] or text.NONE,
                    }
                    for row in state["sessions"]
                ]
            )
            facts = dict(state["card"])
            card.show(
                [
                    {"id": key, "fact": name, "is": _answer(bool(facts[key]), good)}
                    for key, name, good in CARD_FACTS
                ]
            )
            counters.show(_counts(state["card"]["counters"]))
            bad.show(_counts(state["bad_input"]))
            compared.set_text(text.exposure(state["exposure"]))
            drifts.show(text.drift_rows(state["exposure"]["drifts"]))

        frame.on_refresh(refresh)


def _answer(fact: bool, good: bool) -> str:
    """In capitals what is not as it should be."""
    word = "yes" if fact else "no"
    return word if fact == good else word.upper()


def _counts(counts: dict[str, int]) -> list[dict[str, str]]:
    return [
        {"id": name, "name": text.words(name), "count": text.quantity(count)}
        for name, count in sorted(counts.items())
    ]
