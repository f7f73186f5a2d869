"""Throttles: what the card counted, and letting go on what one has stopped."""

from nicegui import ui

from tickgate.console import text
from tickgate.console.engine_client import EngineRefused, EngineUnavailable
from tickgate.console.pages.context import PageContext
from tickgate.console.pages.panel import panel
from tickgate.console.pages.tables import Table, column, number
from tickgate.console.service import NotAllowed


class ThrottlesPanel:
    """The counts, and a choice of what is stopped: nothing is chosen until a person chooses."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._stopped: dict[str, tuple[str, str]] = {}
        """Scope and name of what is stopped, by how it is offered."""
        with panel(
            "Throttles",
            "Counted by the card. At its limit a strategy or account is refused until a person "
            "lets it go on.",
        ):
            self._counts = Table(
                (
                    column("whose", "Whose", 220),
                    column("limit", "Limit", 220),
                    number("counted", "Counted", 180),
                    number("most", "Of", 180),
                    column("state", "State", 110, flex=1),
                ),
                "160px",
                "throttles",
            )
            with ui.row().classes("w-full items-center"):
                self._message = ui.label("").mark("throttles-message").style("font-weight:600")
                ui.space()
                self._choice = ui.select([], label="Stopped", on_change=self._chosen)
                self._choice.style("min-width:220px").mark("throttles-stopped").props("dense")
                self._button = ui.button("Let it go on", on_click=self._resume)
                self._button.props("unelevated").mark("throttles-resume")
        self._chosen()

    def refresh(self) -> None:
        """Show the counts of the engine's state."""
        state = self._context.live.state
        if state is None:
            return
        self._counts.show(text.throttle_rows(state["throttles"]))
        self._stopped = {
            text.owner(row["scope"], row["name"]): (row["scope"], row["name"])
            for row in state["throttles"]
            if text.is_stopped(row)
        }
        offered = list(self._stopped)
        if self._choice.options != offered:
            chosen = self._choice.value if self._choice.value in offered else None
            self._choice.set_options(offered, value=chosen)

    def _chosen(self) -> None:
        self._button.set_enabled(
            self._choice.value is not None and self._context.user.may_change
        )

    async def _resume(self) -> None:
        chosen = str(self._choice.value)
        try:
            answer = await self._context.service.resume(
                self._context.user, *self._stopped[chosen]
            )
        except (EngineRefused, EngineUnavailable, NotAllowed) as error:
            self._message.set_text(f"Not let go on: {error}")
            return
        self._message.set_text(f"{chosen} goes on; counted were {answer['counted']:,}.")
