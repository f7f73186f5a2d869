"""Limits: grids to edit, the list of what would change, and an upload that the card reads back."""

from typing import Any

from nicegui import ui

from tickgate.console import limits_rows
from tickgate.console.engine_client import EngineRefused, EngineUnavailable
from tickgate.console.pages.context import PageContext
from tickgate.console.pages.frame import Frame
from tickgate.console.pages.panel import panel
from tickgate.console.pages.tables import EditTable, column, number
from tickgate.console.service import NotAllowed
from tickgate.risk.limits import Limits, LimitsError, parse


def show(context: PageContext) -> None:
    """Build the page."""
    frame = Frame(context, "/limits")
    with frame.body():
        page = LimitsPage(context)
        ui.timer(0.1, page.load, once=True)


class LimitsPage:
    """Edits collect in the grids; nothing is in force before the upload was read back."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._in_force: Limits | None = None
        edit = context.user.may_change
        with panel(
            "Accounts",
            "Double-click a cell to change it. What is not set refuses, it is never unlimited.",
        ):
            self._facts = ui.label("").classes("tg-note").mark("limits-facts")
            self._accounts = EditTable(
                (
                    column("id", "Account", 150),
                    number("max_quantity", "Max quantity (shares)", 190, editable=edit),
                    number("max_value", "Max value (USD)", 170, editable=edit),
                    number("rate", "Messages per second", 180, editable=edit),
                    number("burst", "Burst (messages)", 160, editable=edit),
                    number("max_long", "Max long (shares)", 170, editable=edit),
                    number("max_short", "Max short (shares)", 170, editable=edit, flex=1),
                ),
                "190px",
                "limits-accounts",
                self._edited,
            )
        with ui.row().classes("w-full no-wrap items-stretch").style("gap:18px"):
            with panel("Price collar by symbol", "How far through the far touch a price may be."):
                self._symbols = EditTable(
                    (
                        column("id", "Symbol", 140),
                        number("collar", "Collar (USD)", 150, editable=edit, flex=1),
                    ),
                    "250px",
                    "limits-symbols",
                    self._edited,
                )
            with panel("Position limits that differ from the account's"):
                self._positions = EditTable(
                    (
                        column("account", "Account", 130),
                        column("symbol", "Symbol", 110),
                        number("max_long", "Max long", 130, editable=edit),
                        number("max_short", "Max short", 130, editable=edit, flex=1),
                    ),
                    "250px",
                    "limits-positions",
                    self._edited,
                )
        with panel("What the upload would change"):
            self._changes = ui.column().style("gap:2px")
            with ui.row().classes("w-full items-center"):
                self._message = ui.label("").mark("limits-message").style("font-weight:600")
                ui.space()
                ui.button("Undo all edits", on_click=self.load).props("flat")
                self._upload_button = ui.button("Upload to the card", on_click=self._upload)
                self._upload_button.props("unelevated").mark("limits-upload")

    async def load(self) -> None:
        """Show what the engine has in force and drop the edits."""
        try:
            answer = await self._context.service.limits(self._context.user)
            limits = parse(answer["toml"])
        except (EngineRefused, EngineUnavailable, LimitsError) as error:
            self._message.set_text(f"The limits can't be read: {error}")
            return
        self._in_force = limits
        self._accounts.show(limits_rows.account_rows(limits))
        self._symbols.show(limits_rows.symbol_rows(limits))
        self._positions.show(limits_rows.position_rows(limits))
        self._facts.set_text(
            f"In force: generation {answer['generation']}, hash {answer['hash'][:16]}"
        )
        self._message.set_text("")
        self._edited()

    def _edited(self) -> None:
        """List the changes, or name the cell that is wrong."""
        self._changes.clear()
        pending = self._pending()
        rows: list[tuple[str, str, str]] = []
        if pending is not None and self._in_force is not None:
            rows = limits_rows.changes(self._in_force, pending)
        with self._changes:
            for key, before, after in rows:
                ui.label(f"{key}: {before} → {after}").classes("num").style("text-align:left")
            if not rows:
                ui.label("No change.").classes("tg-note")
        self._upload_button.set_enabled(bool(rows) and self._context.user.may_change)

    def _pending(self) -> Limits | None:
        try:
            limits = limits_rows.from_rows(
                self._accounts.rows, self._positions.rows, self._symbols.rows
            )
        except LimitsError as error:
            self._message.set_text(f"Not valid: {error}")
            return None
        self._message.set_text("")
        return limits

    async def _upload(self) -> None:
        pending = self._pending()
        if pending is None:
            return
        answer: dict[str, Any]
        try:
            answer = await self._context.service.set_limits(self._context.user, pending.text())
        except (EngineRefused, EngineUnavailable, NotAllowed) as error:
            self._message.set_text(f"Not uploaded: {error}")
            return
        await self.load()
        self._message.set_text(
            f"Generation {answer['generation']} is in force: the card read every word back."
        )
