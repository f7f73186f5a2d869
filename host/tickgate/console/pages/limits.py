"""Limits: what is in force, and an editor whose upload is read back by the card before it
counts."""

import tomllib

from nicegui import ui

from tickgate.console.engine_client import EngineRefused, EngineUnavailable
from tickgate.console.pages.context import PageContext
from tickgate.console.pages.frame import Frame
from tickgate.console.pages.panel import panel
from tickgate.console.service import NotAllowed


def show(context: PageContext) -> None:
    """Build the page."""
    frame = Frame(context, "/limits")
    with frame.body():
        page = LimitsPage(context)
        ui.timer(0.1, page.load, once=True)


class LimitsPage:
    """The editor and the table of what is in force."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        note = "An order is refused when a limit is missing: unset never means unlimited."
        with panel("Limits in force", note):
            self._facts = ui.label("").classes("tg-note").mark("limits-facts")
            self._editor = ui.codemirror("", language="TOML").style("height:52vh; width:100%")
            self._editor.mark("limits-editor")
            with ui.row().classes("w-full items-center"):
                self._message = ui.label("").mark("limits-message").style("font-weight:600")
                ui.space()
                ui.button("Reload", on_click=self.load).props("flat")
                upload = ui.button("Upload to the card", on_click=self._upload)
                upload.props("unelevated").mark("limits-upload")
                upload.set_enabled(context.user.may_change)

    async def load(self) -> None:
        """Show what the engine has in force."""
        try:
            answer = await self._context.service.limits(self._context.user)
        except (EngineRefused, EngineUnavailable) as error:
            self._message.set_text(f"The limits can't be read: {error}")
            return
        self._editor.set_value(answer["toml"])
        self._facts.set_text(f"Generation {answer['generation']}, hash {answer['hash'][:16]}")
        self._message.set_text("")

    async def _upload(self) -> None:
        source = self._editor.value or ""
        try:
            tomllib.loads(source)
            answer = await self._context.service.set_limits(self._context.user, source)
        except tomllib.TOMLDecodeError as error:
            self._message.set_text(f"Not uploaded: {error}")
            return
        except (EngineRefused, EngineUnavailable, NotAllowed) as error:
            self._message.set_text(f"Not uploaded: {error}")
            return
        await self.load()
        self._message.set_text(
            f"Generation {answer['generation']} is in force: the card read every word back."
        )
