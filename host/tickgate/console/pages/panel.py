"""A titled panel, and a row of figures."""

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui
from nicegui.elements.label import Label


@contextmanager
def panel(title: str, note: str = "") -> Iterator[None]:
    """A white panel with a heading and, under it, a note."""
    with ui.column().classes("tg-panel"):
        ui.html(f"<h2>{title}</h2>", sanitize=False)
        if note:
            ui.label(note).classes("tg-note")
        yield


def figure(caption: str, marker: str) -> Label:
    """A figure with its caption; set its text to change it."""
    with ui.column().classes("tg-figure"):
        value = ui.label("–").classes("v").mark(marker)
        ui.label(caption).classes("k")
    return value
