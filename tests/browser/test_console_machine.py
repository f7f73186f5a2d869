"""The console over the real machine: a limit and the kill switch reach the Verilated card."""

import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tickgate_sim.card.build import build
from tickgate_sim.demo.machine import Machine
from tickgate_sim.demo.processes import Supervisor
from tickgate_sim.demo.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.sim, pytest.mark.system]

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    build()
    # A short path: the address of a UNIX socket has room for a hundred characters only.
    with tempfile.TemporaryDirectory() as folder, Supervisor(Path(folder)) as supervisor:
        machine = Machine(Settings(Path(folder), "127.0.0.1"), supervisor, lambda _: None)
        machine.add_user("risk", "risk", PASSWORD)
        machine.start(mode="relay")
        supervisor.processes["console"].wait_until(
            lambda: answers(machine.console_url), "the console answered", 60.0
        )
        yield machine


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}login").close()
    except urllib.error.URLError:
        return False
    return True


@pytest.fixture
def risk_officer(machine: Machine, page: Page) -> Page:
    page.goto(f"{machine.console_url}login")
    page.fill("#user", "risk")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    expect(page.get_by_role("status").first).to_contain_text("ARMED")
    return page


def test_the_overview_shows_the_cards_own_book(machine: Machine, risk_officer: Page) -> None:
    for top in machine.engine.state()["tops"]:
        row = risk_officer.locator(f'.ag-row[row-id="{top["symbol"]}"]')
        expect(row.get_by_text("Trading")).to_be_visible()


def test_a_limit_is_changed_in_the_card(machine: Machine, risk_officer: Page) -> None:
    page = risk_officer
    page.goto(f"{machine.console_url}limits")
    cell = page.locator('.ag-row[row-id="MAKER"] .ag-cell[col-id="max_quantity"]')
    cell.dblclick()
    cell.locator("input").fill("1234")
    page.keyboard.press("Enter")
    expect(page.get_by_text("MAKER: max_quantity: 2000 → 1234")).to_be_visible()
    before = machine.engine.state()["limits_generation"]
    page.get_by_role("button", name="Upload to the card").click()
    expect(page.get_by_text(f"Generation {before + 1} is in force")).to_be_visible()
    assert machine.engine.state()["limits_generation"] == before + 1
    assert "max_quantity = 1234" in machine.engine.call("limits")["toml"]
    assert machine.engine.state()["card"]["armed"]


def test_kill_and_release_reach_the_card(machine: Machine, risk_officer: Page) -> None:
    page = risk_officer
    for word, button, state in (
        ("KILL", "Engage the kill switch", "KILLED"),
        ("RELEASE", "Release the kill switch", "ARMED"),
    ):
        page.goto(machine.console_url)
        page.get_by_role("button", name="Kill switch").click()
        if word == "RELEASE":
            page.get_by_role("button", name="Release", exact=True).click()
        page.get_by_label(f"Type {word} to confirm").fill(word)
        page.get_by_role("button", name=button).click()
        told = page.get_by_text("the card confirmed it")
        expect(told).to_be_visible()
        print(told.inner_text())
        expect(page.get_by_role("status").first).to_contain_text(state)
        assert machine.engine.state()["kill"]["all"] is (word == "KILL")


def test_the_loss_of_the_card_is_said(machine: Machine, risk_officer: Page) -> None:
    machine.kill("card")
    expect(risk_officer.get_by_role("status").first).to_contain_text("CARD GONE")
    machine.start_card()
    expect(risk_officer.get_by_role("status").first).to_contain_text("ARMED", timeout=60_000)


def test_pages_fit_and_are_free_of_faults(machine: Machine, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{machine.console_url}login")
    page.fill("#user", "risk")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    for path in ("", "limits", "blotter", "positions", "sessions"):
        page.goto(machine.console_url + path)
        expect(page.get_by_role("status").first).to_contain_text("ARMED")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 1280, f"{path or 'overview'} is {wide} px wide"
    assert faults == []
    context.close()
