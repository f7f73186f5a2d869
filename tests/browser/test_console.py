"""A risk officer at the console: pages, limit change, kill; and what a viewer may not do."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

MAKER = {"scope": "strategy", "target": "MAKER"}
"""Whose throttle is to begin anew."""


def request(
    url: str, body: dict[str, Any] | None = None, method: str | None = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a call to the REST API."""
    call = urllib.request.Request(
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **headers},
        method=method,
    )
    try:
        with urllib.request.urlopen(call) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text.startswith(b"{") else {}


def bearer(url: str, user: str, password: str) -> dict[str, str]:
    status, answer = request(f"{url}/api/v1/login", {"user": user, "password": password})
    assert status == 200
    return {"Authorization": f"Bearer {answer['token']}"}


def test_pages_ask_for_log_in(console, page: Page) -> None:
    for path in ("/", "/limits", "/blotter", "/positions", "/sessions", "/kill"):
        page.goto(console.url + path)
        expect(page).to_have_url(f"{console.url}/login")


def test_wrong_password_is_refused(console, page: Page) -> None:
    page.goto(f"{console.url}/login")
    page.fill("#user", "viewer")
    page.fill("#password", "not this")
    page.click("button[type=submit]")
    expect(page.get_by_role("alert")).to_have_text("user name or password is wrong")


def test_overview_shows_what_the_engine_says(log_in: Callable[[str], Page]) -> None:
    page = log_in("risk")
    expect(page.get_by_role("status").first).to_contain_text("ARMED")
    expect(page.get_by_text("48,211")).to_be_visible()
    expect(page.get_by_text("189.31")).to_be_visible()
    expect(page.get_by_text("in order")).to_be_visible()
    expect(page.get_by_text("STALE")).to_be_visible()
    expect(page.get_by_text("the price is too far through the touch")).to_be_visible()


def test_new_figures_come_into_the_same_grid(console, log_in: Callable[[str], Page]) -> None:
    page = log_in("risk")
    cell = page.locator('.ag-row[row-id="AAPL"] .ag-cell[col-id="bid_size"]')
    expect(cell).to_have_text("300")
    grid = page.locator(".ag-root-wrapper").first
    grid.evaluate("element => { element.dataset.mark = 'kept'; }")
    console.engine.state["tops"][0]["bid_size"] = 4_567
    expect(cell).to_have_text("4,567")
    console.engine.state["tops"][0]["bid_size"] = 300
    expect(cell).to_have_text("300")
    expect(grid).to_have_attribute("data-mark", "kept")


def test_blotter_names_the_check(console, log_in: Callable[[str], Page]) -> None:
    page = log_in("risk")
    page.goto(f"{console.url}/blotter")
    expect(page.get_by_text("RISK price_collar").first).to_be_visible()


def test_a_drift_is_in_the_header_and_on_its_page(console, log_in: Callable[[str], Page]) -> None:
    page = log_in("risk")
    page.goto(f"{console.url}/sessions")
    expect(page.get_by_text("78 equal, 0 different, 2 traffic")).to_be_visible()
    drift = {"account": "FUND1", "symbol": "AAPL"}
    for who, position in (("host", 400), ("card", 401)):
        drift |= {f"{who}_position": position, f"{who}_open_buy": 0, f"{who}_open_sell": 0}
    console.engine.state["exposure"]["drifts"] = [drift]
    expect(page.get_by_role("status").first).to_contain_text("EXPOSURE DRIFT")
    expect(page.get_by_text("FUND1 AAPL: position")).to_be_visible()
    console.engine.state["exposure"]["drifts"] = []
    expect(page.get_by_role("status").first).to_contain_text("ARMED")


def test_a_warning_is_in_the_header_and_on_its_page(console, log_in: Callable[[str], Page]) -> None:
    page = log_in("risk")
    page.goto(f"{console.url}/limits")
    warning = {"scope": "group", "name": "DESK", "symbol": "", "limit": "net_credit"}
    warning |= {"used": 16_400_000_000, "most": 20_000_000_000, "percent": 80}
    console.engine.state["warnings"]["standing"] = [warning]
    expect(page.get_by_role("status").first).to_contain_text("NEAR A LIMIT")
    expect(page.get_by_text("1,640,000.00")).to_be_visible()
    expect(page.get_by_text("80 %").first).to_be_visible()
    console.engine.state["warnings"]["standing"] = []
    expect(page.get_by_role("status").first).to_contain_text("ARMED")


def edit(page: Page, row: str, field: str, value: str) -> None:
    """Type a value into a cell of a grid."""
    cell = page.locator(f'.ag-row[row-id="{row}"] .ag-cell[col-id="{field}"]').first
    cell.dblclick()
    cell.locator("input").fill(value)
    page.keyboard.press("Enter")


def test_limits_are_edited_and_uploaded(console, log_in: Callable[[str], Page]) -> None:
    page = log_in("risk")
    page.goto(f"{console.url}/limits")
    upload = page.get_by_role("button", name="Upload to the card")
    expect(page.get_by_text("No change.")).to_be_visible()
    expect(upload).to_be_disabled()
    before = console.engine.state["limits_generation"]
    edit(page, "FUND1", "max_quantity", "250")
    expect(page.get_by_text("FUND1: max_quantity: 1000 → 250")).to_be_visible()
    edit(page, "AAPL", "collar", "0.75")
    expect(page.get_by_text("AAPL: collar: 1.50 → 0.75 (tightened)")).to_be_visible()
    edit(page, "AAPL", "restricted", "short")
    expect(page.get_by_text("AAPL: restricted: none → short (tightened)")).to_be_visible()
    edit(page, "FUND1", "permissions", "buy, sell, short, day, ioc")
    expect(page.get_by_text("buy, sell, short, day, ioc (loosened)")).to_be_visible()
    edit(page, "firm", "net_credit", "3,000,000")
    expect(page.get_by_text("the firm: net_credit: 2000000.00 → 3000000.00")).to_be_visible()
    page.get_by_label("Warn at (% of a limit)").fill("80, 95")
    expect(page.get_by_text("warnings: percent: none → 80, 95")).to_be_visible()
    upload.click()
    expect(page.get_by_text(f"Generation {before + 1} is in force")).to_be_visible()
    assert "percent = [80, 95]" in console.engine.limits
    assert "max_quantity = 250" in console.engine.limits
    assert 'collar = "0.75"' in console.engine.limits
    assert 'restricted = ["short"]' in console.engine.limits
    assert 'net_credit = "3000000.00"' in console.engine.limits


def test_limits_are_rolled_back(console, log_in: Callable[[str], Page]) -> None:
    page = log_in("risk")
    page.goto(f"{console.url}/limits")
    expect(page.get_by_text("No change.")).to_be_visible()
    before, text = console.engine.state["limits_generation"], console.engine.limits
    console.engine.put_into_force(text.replace("burst = 50", "burst = 150"))
    page.reload()
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text(f"Roll back to the limits of generation {before}")).to_be_visible()
    expect(page.get_by_text("FUND1: burst: ")).to_be_visible()
    page.get_by_label("Reason, for the journal").fill("too loose")
    page.get_by_role("button", name="Put into force again").click()
    said = f"Generation {before + 2} is in force: the limits of generation {before}."
    expect(page.get_by_text(said)).to_be_visible()
    assert console.engine.limits == text
    assert [
        request["why"] for request in console.engine.requests if request["command"] == "rollback"
    ] == ["too loose"]


def test_limits_that_can_not_be_read_are_not_offered(
    console, log_in: Callable[[str], Page]
) -> None:
    console.engine.previous = {"toml": "[firm]", "generation": 1}
    page = log_in("risk")
    page.goto(f"{console.url}/limits")
    expect(page.get_by_text("In force: generation")).to_be_visible()
    expect(page.get_by_role("button", name="Roll back")).to_be_disabled()


def test_a_wrong_limit_is_named_and_not_uploaded(console, log_in: Callable[[str], Page]) -> None:
    page = log_in("risk")
    page.goto(f"{console.url}/limits")
    upload = page.get_by_role("button", name="Upload to the card")
    expect(page.get_by_text("No change.")).to_be_visible()
    before = console.engine.limits
    edit(page, "FUND1", "rate", "70000")
    expect(page.get_by_text("accounts.FUND1.rate must be a whole number")).to_be_visible()
    expect(upload).to_be_disabled()
    edit(page, "FUND1", "rate", "100")
    edit(page, "FUND1", "max_quantity", "13")
    upload.click()
    expect(page.get_by_text("Not uploaded: the card refused the image: CRC")).to_be_visible()
    assert console.engine.limits == before


def test_kill_needs_the_typed_word(console, log_in: Callable[[str], Page]) -> None:
    page = log_in("risk")
    page.get_by_role("button", name="Kill switch").click()
    confirm = page.get_by_role("button", name="Engage the kill switch")
    expect(confirm).to_be_disabled()
    page.get_by_label("Type KILL to confirm").fill("kill")
    expect(confirm).to_be_disabled()
    page.get_by_label("Type KILL to confirm").fill("KILL")
    page.keyboard.press("Enter")
    assert not console.engine.state["kill"]["all"]
    confirm.click()
    expect(page.get_by_text("the card confirmed it")).to_be_visible()
    expect(page.get_by_role("status").first).to_contain_text("KILLED")
    kill = [r for r in console.engine.requests if r["command"] == "kill"][-1]
    assert (kill["actor"], kill["scope"], kill["on"]) == ("risk", "all", True)
    page.goto(console.url)
    page.get_by_role("button", name="Kill switch").click()
    page.get_by_role("button", name="Release", exact=True).click()
    page.get_by_label("Type RELEASE to confirm").fill("RELEASE")
    page.get_by_role("button", name="Release the kill switch").click()
    expect(page.get_by_role("status").first).to_contain_text("ARMED")


def test_kill_works_without_scripts(console, browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{console.url}/login")
    page.fill("#user", "risk")
    page.fill("#password", "correct horse")
    page.click("button[type=submit]")
    for word, on in (("KILL", True), ("RELEASE", False)):
        page.goto(f"{console.url}/kill")
        page.fill("#word", word)
        page.click("button[type=submit]")
        expect(page.get_by_text("Confirmed after")).to_be_visible()
        assert console.engine.state["kill"]["all"] is on
    context.close()


def test_a_viewer_can_look_and_not_touch(console, log_in: Callable[[str], Page]) -> None:
    page = log_in("viewer")
    expect(page.get_by_role("button", name="Kill switch")).to_be_disabled()
    page.goto(f"{console.url}/limits")
    expect(page.get_by_role("button", name="Upload to the card")).to_be_disabled()
    token = bearer(console.url, "viewer", "battery staple")
    assert request(f"{console.url}/api/v1/kill", {"scope": "all"}, **token)[0] == 403
    expect(page.get_by_role("button", name="Roll back")).to_be_disabled()
    assert request(f"{console.url}/api/v1/limits", {"toml": ""}, "PUT", **token)[0] == 403
    assert request(f"{console.url}/api/v1/limits/rollback", {}, **token)[0] == 403
    assert request(f"{console.url}/api/v1/resume", MAKER, **token)[0] == 403


def test_rest_kill_and_state(console) -> None:
    token = bearer(console.url, "risk", "correct horse")
    status, answer = request(f"{console.url}/api/v1/kill", {"scope": "all", "on": True}, **token)
    assert status == 200
    assert answer["confirmed_ns"] >= answer["requested_ns"]
    assert request(f"{console.url}/api/v1/kill", {"scope": "planet"}, **token)[0] == 422
    assert request(f"{console.url}/api/v1/kill", {"scope": "all", "on": False}, **token)[0] == 200
    assert request(f"{console.url}/api/v1/state", **token)[1]["limits_generation"] >= 7
    assert request(f"{console.url}/api/v1/state")[0] == 401
    paths = request(f"{console.url}/api/openapi.json")[1]["paths"]
    assert {"/api/v1/kill", "/api/v1/limits", "/api/v1/state"} <= set(paths)


def test_rest_lets_a_strategy_go_on(console) -> None:
    token = bearer(console.url, "risk", "correct horse")
    url = f"{console.url}/api/v1/resume"
    assert request(url, MAKER, **token)[1]["counted"] == 644
    asked = [r for r in console.engine.requests if r["command"] == "resume"][-1]
    assert (asked["actor"], asked["scope"], asked["target"]) == ("risk", "strategy", "MAKER")
    assert request(url, {**MAKER, "scope": "account"}, **token)[0] == 422
    assert request(url, {"scope": "strategy"}, **token)[0] == 422
    assert request(url, MAKER)[0] == 401


def test_a_stopped_strategy_is_let_go_on(console, log_in: Callable[[str], Page]) -> None:
    row = console.engine.state["throttles"][0]
    row["counted"] = row["most"]
    page = log_in("risk")
    page.goto(f"{console.url}/limits")
    expect(page.get_by_text("THROTTLED")).to_be_visible()
    expect(page.get_by_role("gridcell", name="STOPPED")).to_be_visible()
    button = page.get_by_role("button", name="Let it go on")
    expect(button).to_be_disabled()  # nothing is chosen
    page.get_by_label("Stopped").click()
    page.get_by_role("option", name="strategy MAKER").click()
    button.click()
    expect(page.get_by_text("strategy MAKER goes on; counted were 5,000.")).to_be_visible()
    expect(page.get_by_role("gridcell", name="STOPPED")).to_have_count(0)
    expect(button).to_be_disabled()
    asked = [r for r in console.engine.requests if r["command"] == "resume"][-1]
    assert (asked["actor"], asked["scope"], asked["target"]) == ("risk", "strategy", "MAKER")


def test_a_viewer_lets_nothing_go_on(console, log_in: Callable[[str], Page]) -> None:
    row = console.engine.state["throttles"][1]
    row["counted"] = row["most"]
    page = log_in("viewer")
    page.goto(f"{console.url}/limits")
    page.get_by_label("Stopped").click()
    page.get_by_role("option", name="account FUND1").click()
    expect(page.get_by_role("button", name="Let it go on")).to_be_disabled()
    row["counted"] = 1


def test_a_strategy_can_be_killed(console, log_in: Callable[[str], Page]) -> None:
    page = log_in("risk")
    page.get_by_role("button", name="Kill switch").click()
    page.get_by_label("Scope").click()
    page.get_by_role("option", name="Strategy").click()
    expect(page.get_by_text("passes the card: orders of strategy MAKER")).to_be_visible()
    page.get_by_label("Type KILL to confirm").fill("KILL")
    page.get_by_role("button", name="Engage the kill switch").click()
    expect(page.get_by_text("Kill switch on for MAKER")).to_be_visible()
    kill = [r for r in console.engine.requests if r["command"] == "kill"][-1]
    assert (kill["actor"], kill["scope"], kill["target"]) == ("risk", "strategy", "MAKER")
    console.engine.state["kill"]["all"] = False


def test_rest_rolls_limits_back(console) -> None:
    token = bearer(console.url, "risk", "correct horse")
    before, text = console.engine.state["limits_generation"], console.engine.limits
    console.engine.put_into_force(text.replace("burst = 50", "burst = 150"))
    url = f"{console.url}/api/v1/limits/rollback"
    assert request(url, {"previous": before + 5}, **token)[0] == 422
    status, answer = request(url, {"why": "a mistake", "previous": before}, **token)
    assert (status, answer["generation"], answer["restored"]) == (200, before + 2, before)
    assert console.engine.limits == text


def test_foreign_origin_is_refused(console) -> None:
    for path in ("/login", "/socket.io/?EIO=4&transport=polling"):
        assert request(console.url + path, Origin="http://evil.example")[0] == 403
    assert request(f"{console.url}/api/openapi.json", Origin=console.url)[0] == 200


def test_a_lost_engine_is_said(console, log_in: Callable[[str], Page]) -> None:
    page = log_in("risk")
    console.engine.stop()
    expect(page.get_by_text("What you see may no longer be true")).to_be_visible()
    expect(page.get_by_role("status").first).to_contain_text("NO ENGINE")
