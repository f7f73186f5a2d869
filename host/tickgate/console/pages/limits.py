"""Limits: grids to edit, the list of what would change, and an upload that the card reads back."""

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from tickgate.console import limits_rows, text
from tickgate.console.engine_client import EngineRefused, EngineUnavailable
from tickgate.console.pages.context import PageContext
from tickgate.console.pages.frame import Frame
from tickgate.console.pages.panel import panel
from tickgate.console.pages.rollback_dialog import RollBackDialog
from tickgate.console.pages.tables import EditTable, Table, column, number
from tickgate.console.pages.throttles import ThrottlesPanel
from tickgate.console.service import NotAllowed
from tickgate.risk.changes import Change, changes
from tickgate.risk.fields import (
    ACCOUNT_FIELDS,
    FIRM_FIELDS,
    POSITION_FIELDS,
    SESSION_FIELDS,
    STRATEGY_FIELDS,
    SYMBOL_FIELDS,
    LimitField,
)
from tickgate.risk.limits import Limits, LimitsError, parse
from tickgate.risk.reader import percents_text

UNITS = {"usd": "USD", "orders": "", "executions": "", "messages/s": "", "id": ""}
"""Units as a column's heading says them, where not as they are; nothing when the label does."""


def show(context: PageContext) -> None:
    """Build the page."""
    frame = Frame(context, "/limits")
    with frame.body():
        page = LimitsPage(context)
        ui.timer(0.1, page.load, once=True)
        frame.on_refresh(page.refresh)


class LimitsPage:
    """Edits collect in the grids; nothing is in force before the upload was read back."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._in_force: Limits | None = None
        self._previous: tuple[Limits, int] | None = None
        """Limits to roll back to, and their generation."""
        with panel(
            "Accounts",
            "Double-click a cell to change it. What is not set refuses, it is never unlimited. "
            "Lists are names with commas; symbols may be “all”.",
        ):
            self._facts = ui.label("").classes("tg-note").mark("limits-facts")
            self._accounts = self._grid(
                (column("id", "Account", 120, pinned="left"),),
                ACCOUNT_FIELDS,
                "210px",
                "limits-accounts",
            )
        with panel("Symbols", "For all accounts."):
            self._symbols = self._grid(
                (column("id", "Symbol", 120),), SYMBOL_FIELDS, "250px", "limits-symbols"
            )
        with ui.row().classes("w-full no-wrap items-stretch").style("gap:18px"):
            with panel("Position limits that differ from the account's"):
                self._positions = self._grid(
                    (column("account", "Account", 120), column("symbol", "Symbol", 100)),
                    POSITION_FIELDS,
                    "250px",
                    "limits-positions",
                )
            with panel("Credit", "Of accounts together: a group's, a clearing firm's, the firm's."):
                self._credit = self._grid(
                    (column("whose", "Whose", 170),), FIRM_FIELDS, "250px", "limits-credit"
                )
        with ui.row().classes("w-full no-wrap items-stretch").style("gap:18px"):
            with panel("Sessions", "Of FIX clients."):
                self._sessions = self._grid(
                    (column("id", "CompID", 120),), SESSION_FIELDS, "250px", "limits-sessions"
                )
            with panel("Strategies", "Algorithms that may order."):
                self._strategies = self._grid(
                    (column("id", "Strategy", 120),), STRATEGY_FIELDS, "250px", "limits-strategies"
                )
        with panel("Warnings", "From the host, before the card refuses: what is used of a limit."):
            self._percents = ui.input("Warn at (% of a limit)", on_change=self._edited)
            self._percents.mark("limits-warnings").props("dense autocomplete=off")
            self._percents.set_enabled(context.user.may_change)
            self._standing = Table(
                (
                    column("scope", "Whose", 220),
                    column("limit", "Limit", 220),
                    number("used", "Used", 180),
                    number("most", "Of", 180),
                    number("percent", "Reached", 110, flex=1),
                ),
                "160px",
                "limits-standing",
            )
        self._throttles = ThrottlesPanel(context)
        with panel("What the upload would change"):
            self._changes = ui.column().style("gap:2px")
            with ui.row().classes("w-full items-center"):
                self._message = ui.label("").mark("limits-message").style("font-weight:600")
                ui.space()
                self._roll_back_button = ui.button("Roll back", on_click=self._roll_back)
                self._roll_back_button.props("flat")
                self._roll_back_button.set_enabled(False)  # until it is known to what
                ui.button("Undo all edits", on_click=self.load).props("flat")
                self._upload_button = ui.button("Upload to the card", on_click=self._upload)
                self._upload_button.props("unelevated").mark("limits-upload")
        self._roll_back_dialog = RollBackDialog(context, self._rolled_back)

    def _grid(
        self,
        keys: tuple[dict[str, Any], ...],
        fields: Sequence[LimitField],
        height: str,
        marker: str,
    ) -> EditTable:
        """A grid of some fields of the limits file, behind the columns that name the row."""
        columns = [*keys, *(_column(field, self._context.user.may_change) for field in fields)]
        columns[-1]["flex"] = 1
        columns[-1]["minWidth"] = columns[-1]["width"]
        return EditTable(columns, height, marker, self._edited)

    async def load(self) -> None:
        """Show what the engine has in force and drop the edits."""
        try:
            answer = await self._context.service.limits(self._context.user)
            limits = parse(answer["toml"])
        except (EngineRefused, EngineUnavailable, LimitsError) as error:
            self._message.set_text(f"The limits can't be read: {error}")
            return
        self._in_force, self._previous = limits, _previous(answer)
        self._roll_back_button.set_enabled(
            self._previous is not None and self._context.user.may_change
        )
        self._accounts.show(limits_rows.account_rows(limits))
        self._symbols.show(limits_rows.symbol_rows(limits))
        self._positions.show(limits_rows.position_rows(limits))
        self._credit.show(limits_rows.credit_rows(limits))
        self._sessions.show(limits_rows.session_rows(limits))
        self._strategies.show(limits_rows.strategy_rows(limits))
        self._percents.set_value(percents_text(limits.warnings))
        self._facts.set_text(
            f"In force: generation {answer['generation']}, hash {answer['hash'][:16]}"
        )
        self._message.set_text("")
        self._edited()

    def refresh(self) -> None:
        """Show the throttles and the warnings that stand."""
        self._throttles.refresh()
        state = self._context.live.state
        if state is not None:
            self._standing.show(text.warning_rows(state["warnings"]["standing"]))

    def _edited(self) -> None:
        """List the changes, or name the cell that is wrong."""
        self._changes.clear()
        pending = self._pending()
        rows: list[Change] = []
        if pending is not None and self._in_force is not None:
            rows = changes(self._in_force, pending)
        with self._changes:
            for change in rows:
                ui.label(str(change)).classes("num").style("text-align:left")
            if not rows:
                ui.label("No change.").classes("tg-note")
        self._upload_button.set_enabled(bool(rows) and self._context.user.may_change)

    def _pending(self) -> Limits | None:
        try:
            limits = limits_rows.from_rows(
                self._accounts.rows, self._positions.rows, self._symbols.rows, self._credit.rows,
                self._sessions.rows, self._strategies.rows, str(self._percents.value),
            )
        except LimitsError as error:
            self._message.set_text(f"Not valid: {error}")
            return None
        self._message.set_text("")
        return limits

    def _roll_back(self) -> None:
        if self._in_force is not None and self._previous is not None:
            self._roll_back_dialog.open(self._in_force, *self._previous)

    async def _rolled_back(self, said: str) -> None:
        await self.load()
        self._message.set_text(said)

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


def _previous(answer: dict[str, Any]) -> tuple[Limits, int] | None:
    """Limits to roll back to, from the engine's answer; none also if they can't be read any more:
    the engine would refuse them."""
    earlier = answer["previous"]
    if earlier is None:
        return None
    try:
        return parse(earlier["toml"]), earlier["generation"]
    except LimitsError:
        return None


def _column(field: LimitField, edit: bool) -> dict[str, Any]:
    """A field's column, wide enough for its heading; its meaning shows when pointed at."""
    unit = UNITS.get(field.unit, field.unit) if field.is_number else ""
    title = f"{field.label} ({unit})" if unit else field.label
    make = number if field.is_number else column
    width = 40 + max(8 * len(title), 80 if field.is_number else 200)
    return make(field.name, title, width, editable=edit, headerTooltip=field.doc)
