"""The console's kill switch, clicked in a headless Chromium."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

__all__ = ["console", "missing"]

_PATIENCE_MS = 60_000
_QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
          "--disable-background-networking", "--disable-component-update", "--disable-sync")
_NOTE_CLICKS = """() => document.addEventListener(
    "click", () => { window.clickedMs = performance.timeOrigin + performance.now() }, true)"""
"""The page itself notes when it was clicked: Playwright waits a while before it does."""


def missing() -> str:
    """Return what a click needs and is not here; nothing when all is."""
    if find_spec("playwright") is None:
        return "Playwright is not installed"
    return "" if shutil.which("chromium") else "Chromium is not installed"


@contextmanager
def console(url: str, user: str, password: str) -> Iterator[Callable[[], int]]:
    """Log in to a console; give what kills all there and returns the UTC time in ns of the click.

    Chromium and Playwright must be there: see ``missing``.
    """
    from playwright.sync_api import sync_playwright  # a part of the tests' tools, not of sim's

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(_QUIET))
        page = browser.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(f"{url}login")
        page.fill("#user", user)
        page.fill("#password", password)
        page.click("button[type=submit]")
        page.get_by_role("status").first.wait_for()

        def kill() -> int:
            page.goto(url)
            page.get_by_role("button", name="Kill switch").click()
            page.get_by_label("Type KILL to confirm").fill("KILL")
            page.evaluate(_NOTE_CLICKS)
            page.get_by_role("button", name="Engage the kill switch").click()
            page.get_by_text("the card confirmed it").wait_for()
            return int(page.evaluate("window.clickedMs") * 1e6)

        yield kill
        browser.close()
