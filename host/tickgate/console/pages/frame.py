"""The frame of every page: state, kill button, navigation, and a veil over what is no longer
true."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nicegui import ui

from tickgate.console import text
from tickgate.console.pages.context import PageContext
from tickgate.console.pages.kill_dialog import KillDialog
from tickgate.console.pages.status import system_word
from tickgate.console.pages.style import CSS

PAGES = (
    ("/", "Overview"),
    ("/limits", "Limits"),
    ("/blotter", "Blotter"),
    ("/positions", "Positions"),
    ("/sessions", "Sessions"),
)
REFRESH_S = 0.5


class Frame:
    """Header and navigation; ``on_refresh`` adds what a page updates twice a second."""

    def __init__(self, context: PageContext, here: str) -> None:
        self._context = context
        self._refreshers: list[Callable[[], None]] = []
        ui.add_css(CSS)
        ui.colors(primary="#0b62a8", negative="#b3261e", warning="#9a6200")
        with ui.row().classes("tg-head").props("role=banner"):
            ui.html("<h1 class='tg-name'>Tickgate</h1>", sanitize=False)
            ui.label(context.environment).classes("tg-banner")
            with ui.row().classes("tg-word").props("role=status aria-live=assertive") as self._word:
                self._icon = ui.icon("help")
                self._text = ui.label("…").mark("system-word")
                self._meaning = ui.tooltip("")
            self._generation = ui.html("", sanitize=False).classes("tg-fact")
            self._venue = ui.html("", sanitize=False).classes("tg-fact")
            ui.space()
            self._clock = ui.html("", sanitize=False).classes("tg-fact")
            ui.label(f"{context.user.name} ({context.user.role})").classes("tg-fact")
            dialog = KillDialog(context)
            kill = ui.button("Kill switch", icon="block", color="negative", on_click=dialog.open)
            kill.props("unelevated").mark("kill-open")
            kill.set_enabled(context.user.may_change)
            ui.link("Log out", "/logout").classes("tg-fact").style("color:#b9c7d6")
        with ui.row().classes("tg-nav").props("role=navigation"):
            for path, name in PAGES:
                ui.link(name, path).classes("here" if path == here else "")

    @contextmanager
    def body(self) -> Iterator[None]:
        """The page's own content goes inside; updates start when the block ends."""
        with ui.column().classes("tg-body"):
            self._veil = ui.label("").classes("tg-veil").props("role=alert")
            yield
        self._refresh()
        ui.timer(REFRESH_S, self._refresh)

    def on_refresh(self, refresher: Callable[[], None]) -> None:
        """Call ``refresher`` whenever the page updates."""
        self._refreshers.append(refresher)

    def _refresh(self) -> None:
        live = self._context.live
        word = system_word(live.state, live.stale, live.error)
        self._text.set_text(word.text)
        self._icon.set_name(word.icon)
        self._meaning.set_text(word.meaning)
        self._word.classes(remove="good warn bad", add=word.colour)
        self._clock.set_content(f"UTC <b>{text.clock(time.time_ns())[:8]}</b>")
        self._veil.set_visibility(live.stale)
        self._veil.set_text(f"What you see may no longer be true: {live.error or 'no news'}")
        if live.state is None:
            return
        self._generation.set_content(f"Limits generation <b>{live.state['limits_generation']}</b>")
        up = "up" if live.state["card"]["session_up"] else "down"
        self._venue.set_content(f"Venue session <b>{up}</b>")
        for refresher in self._refreshers:
            refresher()
