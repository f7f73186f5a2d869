"""The card's process dies: clients are told, the console says so, nothing hangs; it comes back."""

import pytest
from tickgate.fix import orders, tags

from tests.system.machine.peer import Peer
from tests.system.machine.rig import Rig, until

pytestmark = pytest.mark.system

DOLLAR = 10_000


@pytest.fixture(scope="module")
def closed(idle: Rig) -> Rig:
    """Everything runs, the market's day is not open yet."""
    idle.machine.start_exchange(idle.mode)
    idle.machine.start_card()
    idle.machine.start_engine()
    idle.machine.start_console()
    return idle


def is_gone(rig: Rig) -> None:
    """All who look are told that the card is gone."""
    rig.until_state(lambda state: not state["card"]["connected"], "the engine noticed")
    assert rig.state()["card"]["reason"]
    with rig.peer() as client:
        reached = rig.arrived()
        answer = client.answer(client.enter("AAPL", orders.BUY, 1, DOLLAR))
        assert answer.get(tags.EXEC_TYPE) == "8"
        assert "card is not there" in (answer.get(tags.TEXT) or "")
        assert rig.arrived() == reached
    until(lambda: not rig.rest("GET", "state")["card"]["connected"], "the console says so")
    shown = rig.rest("GET", "state")["card"]
    assert shown["reason"]
    assert not shown["armed"]


def enters(rig: Rig, client: Peer) -> bool:
    """Whether an order passes; it is taken back. What does not is refused for the stale book."""
    before = rig.arrived()
    entered = client.enter("AAPL", orders.BUY, 1, DOLLAR)
    answer = client.answer(entered)
    if answer.get(tags.ORD_STATUS) == "8":
        text = answer.get(tags.TEXT) or ""
        assert text.startswith("RISK "), text
        assert "no_reference" in text
        assert rig.arrived() == before
        return False
    client.answer(client.cancel(entered, "AAPL", orders.BUY), "4")
    return True


def test_killed_before_the_open_and_trading_goes_on(closed: Rig) -> None:
    closed.process("card").kill()
    is_gone(closed)
    closed.machine.start_card()
    closed.until_armed()
    closed.machine.open_day()
    trading = closed.trade_aside(3.0)
    verdict = closed.verdict(trading.join())
    assert verdict.all_agree, verdict.differences
    assert closed.state()["fills"] > 0


def test_killed_in_mid_flow(closed: Rig) -> None:
    """Positions survive; resting orders are taken back; the books are rebuilt from a snapshot.

    A card that starts in the day knows no book. Until the engine has rebuilt them from GLIMPSE, new
    orders are refused for want of a reference price; then trading goes on.
    """
    with closed.peer() as client:
        resting = client.enter("AAPL", orders.BUY, 1, DOLLAR)
        client.answer(resting, "0")
        reached = closed.arrived()
        trading = closed.trade_aside(6.0)
        until(lambda: closed.arrived() > reached + 60, "orders flow")
        closed.process("card").kill()
        # What the dead card took before the engine saw it end is answered when a card is back.
        until(lambda: not closed.state()["card"]["connected"], "the engine sees the card's end")
        refusal = client.answer(client.cancel(resting, "AAPL", orders.BUY))
        assert refusal.msg_type == tags.ORDER_CANCEL_REJECT
        assert refusal.get(tags.TEXT)
    is_gone(closed)
    closed.machine.start_card()
    closed.until_armed()
    clients = trading.join()
    for summary in clients:
        assert not summary.unanswered
        assert any("card" in text for text in summary.rejects), summary.rejects
    with closed.peer() as client:
        client.answer(resting, "4")  # cancelled by the engine: the new card does not know it
        until(lambda: enters(closed, client), "orders pass again")
        assert not any(top["stale"] for top in closed.state()["tops"])
    assert closed.records()["open_orders"] == []
    verdict = closed.verdict(clients)
    assert verdict.all_agree, verdict.differences
