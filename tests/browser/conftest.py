"""A console in a process of its own with a fake engine behind it, and a headless Chromium."""

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tickgate.console.users import UserStore

PATIENCE_MS = 30_000
"""For what a page is to show in the end: far above what a busy machine needs."""
expect.set_options(timeout=PATIENCE_MS)

PASSWORDS = {"risk": "correct horse", "viewer": "battery staple"}


def _sibling(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FakeEngine = _sibling("fake_engine").FakeEngine


@dataclass
class Console:
    """A running console and the fake engine behind it."""

    url: str
    engine: "FakeEngine"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("console")
    engine = FakeEngine(folder)
    users = UserStore(folder / "users.json")
    for name, password in PASSWORDS.items():
        users.add(name, name, password)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "console.toml"
    config.write_text(
        f'[console]\nhost = "127.0.0.1"\nport = {port}\nstate_dir = "."\n'
        'command_socket = "command.sock"\nusers_file = "users.json"\nenvironment = "TEST"\n'
    )
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "tickgate.cli", "console", "serve", "--config", str(config)],
        stdout=log,
        stderr=log,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/login").close()
            break
        except urllib.error.URLError:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
    yield Console(url, engine)
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def browser(require_tool: Callable[[str], str]) -> Iterator[Browser]:
    """A headless Chromium; not for the session, as Playwright's loop would stop later asyncio
    tests."""
    chromium = require_tool("chromium")
    with sync_playwright() as playwright:
        instance = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield instance
        instance.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 950})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


@pytest.fixture
def log_in(console: Console, page: Page) -> Callable[[str], Page]:
    """Log in as ``risk`` or ``viewer``; gives the page at the overview."""

    def enter(user: str) -> Page:
        page.goto(f"{console.url}/login")
        page.fill("#user", user)
        page.fill("#password", PASSWORDS[user])
        page.click("button[type=submit]")
        page.get_by_role("status").wait_for()
        return page

    return enter
