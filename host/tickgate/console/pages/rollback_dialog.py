"""Rolling limits back: a dialog that lists what it would change before it does."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from tickgate.console.engine_client import EngineRefused, EngineUnavailable
from tickgate.console.pages.context import PageContext
from tickgate.console.service import NotAllowed
from tickgate.engine.commands import WHY_MAX
from tickgate.risk.changes import changes
from tickgate.risk.limits import Limits


class RollBackDialog:
    """Puts the limits before the present ones into force again, if they still are what it shows."""

    def __init__(self, context: PageContext, done: Callable[[str], Awaitable[None]]) -> None:
        """``done`` is awaited with what was done, once it was."""
        self._context = context
        self._done = done
        self._generation = 0
        with ui.dialog().props("persistent") as self._dialog, ui.card().style("min-width:470px"):
            self._title = ui.label("").style("font-size:19px;font-weight:700")
            self._changes = ui.column().style("gap:2px")
            self._why = ui.input("Reason, for the journal").classes("w-full")
            self._why.mark("rollback-why").props(f"autocomplete=off maxlength={WHY_MAX}")
            self._message = ui.label("").style("font-weight:600")
            with ui.row().classes("w-full justify-end"):
                ui.button("Back", on_click=self._dialog.close).props("flat")
                confirm = ui.button("Put into force again", on_click=self._send)
                confirm.props("unelevated")

    def open(self, in_force: Limits, earlier: Limits, generation: int) -> None:
        """Show what the limits of ``generation`` would change."""
        self._generation = generation
        self._title.set_text(f"Roll back to the limits of generation {generation}")
        self._changes.clear()
        with self._changes:
            for change in changes(in_force, earlier):
                ui.label(str(change)).classes("num").style("text-align:left")
        self._why.set_value("")
        self._message.set_text("")
        self._dialog.open()

    async def _send(self) -> None:
        try:
            answer = await self._context.service.roll_back_limits(
                self._context.user, str(self._why.value), self._generation
            )
        except (EngineRefused, EngineUnavailable, NotAllowed) as error:
            self._message.set_text(f"Not rolled back: {error}")
            return
        self._dialog.close()
        await self._done(
            f"Generation {answer['generation']} is in force: the limits of generation "
            f"{answer['restored']}."
        )
