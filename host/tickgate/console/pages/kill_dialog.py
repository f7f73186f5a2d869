"""The kill switch: a dialog that names what it will do and asks for a typed word."""

from nicegui import ui

from tickgate.console import text
from tickgate.console.engine_client import EngineRefused, EngineUnavailable
from tickgate.console.pages.context import PageContext
from tickgate.console.service import NotAllowed
from tickgate.engine.kills import SCOPES

WORDS = {True: "KILL", False: "RELEASE"}


class KillDialog:
    """Engage or release, for all or one scope. The button works only with the word typed; Enter
    does nothing."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        with ui.dialog().props("persistent") as self._dialog, ui.card().style("min-width:470px"):
            ui.html(
                "<h2 style='font-size:19px;font-weight:700;margin:0'>Kill switch</h2>",
                sanitize=False,
            )
            self._now = ui.label("").classes("tg-note")
            self._action = ui.toggle(
                {True: "Engage", False: "Release"}, value=True, on_change=self._changed
            ).mark("kill-action")
            self._scope = ui.select(
                {scope: text.words(scope) for scope in SCOPES},
                value="all",
                label="Scope",
                on_change=self._changed,
            ).classes("w-full")
            self._target = ui.select([], label="Which", on_change=self._changed).classes("w-full")
            self._cancel = ui.checkbox("Also cancel the open orders of this scope")
            self._effect = ui.label("").style("font-weight:600")
            self._typed = ui.input("", on_change=self._changed).classes("w-full")
            self._typed.mark("kill-word").props("autocomplete=off")
            with ui.row().classes("w-full justify-end"):
                ui.button("Back", on_click=self._dialog.close).props("flat")
                self._confirm = ui.button("", color="negative", on_click=self._send)
                self._confirm.mark("kill-confirm").props("unelevated")
        self._changed()

    def open(self) -> None:
        """Show the dialog with nothing typed."""
        self._typed.set_value("")
        self._changed()
        self._dialog.open()

    def _changed(self) -> None:
        on = bool(self._action.value)
        scope = str(self._scope.value)
        word = WORDS[on]
        choices = self._choices(scope)
        if self._target.options != choices:
            self._target.set_options(choices, value=choices[0] if choices else None)
        self._target.set_visibility(scope != "all")
        self._cancel.set_visibility(on)
        self._now.set_text(self._standing())
        where = "every order" if scope == "all" else f"orders of {scope} {self._target.value}"
        self._effect.set_text(
            f"No new order passes the card: {where}. Cancels still pass."
            if on
            else f"New orders pass the card again: {where}."
        )
        self._typed.props(f'label="Type {word} to confirm"')
        self._confirm.set_text("Engage the kill switch" if on else "Release the kill switch")
        target_known = scope == "all" or self._target.value is not None
        self._confirm.set_enabled(self._typed.value == word and target_known)

    def _standing(self) -> str:
        state = self._context.live.state
        if state is None:
            return "The engine's state is not known."
        kill = state["kill"]
        killed = text.killed(kill)
        standing = "on for all" if kill["all"] else ", ".join(killed) or "off"
        return f"Now: {standing}. Open orders: {state['open_orders']}."

    def _choices(self, scope: str) -> list[str]:
        state = self._context.live.state
        if state is None or scope == "all":
            return []
        if scope == "session":
            return [row["comp_id"] for row in state["sessions"]]
        if scope == "account":
            return sorted({row["account"] for row in state["sessions"]})
        if scope == "strategy":
            return [row["name"] for row in state["throttles"] if row["scope"] == "strategy"]
        return sorted(row["symbol"] for row in state["tops"])

    async def _send(self) -> None:
        on = bool(self._action.value)
        scope = str(self._scope.value)
        target = None if scope == "all" else str(self._target.value)
        try:
            result = await self._context.service.kill(
                self._context.user, scope, target, on=on, cancel=on and bool(self._cancel.value)
            )
        except (EngineRefused, EngineUnavailable, NotAllowed, ValueError) as error:
            ui.notify(
                f"The kill switch was not changed: {error}",
                type="negative",
                timeout=0,
                close_button="OK",
            )
            return
        took = text.duration(result["confirmed_ns"] - result["requested_ns"])
        ui.notify(
            f"Kill switch {'on' if on else 'off'} for {target or 'all orders'}; "
            f"the card confirmed it {took} after your click.",
            type="warning" if on else "positive",
            timeout=0,
            close_button="OK",
        )
        self._dialog.close()
