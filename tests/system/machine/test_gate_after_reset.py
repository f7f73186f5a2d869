"""A card after reset that never reaches its venue: orders get an answer, and nothing leaves."""

from collections.abc import Iterator

import pytest
from tickgate.fix import orders, tags

from tests.system.machine.rig import Rig

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def unarmed(idle: Rig) -> Iterator[Rig]:
    """A machine whose engine has the wrong password for the venue."""
    config = idle.settings.folder / "engine.toml"
    right = config.read_text()
    wrong = right.replace(idle.settings.venue_password, "wrong")
    assert wrong != right
    config.write_text(wrong)
    idle.machine.start_exchange(idle.mode)
    idle.machine.start_card()
    idle.launch_engine()
    idle.until_state(lambda state: state["card"]["limits_valid"], "limits are in force")
    idle.until_state(lambda state: bool(state["card"]["reason"]), "the engine says why it waits")
    yield idle
    config.write_text(right)


def test_orders_are_refused_and_the_cause_is_shown(unarmed: Rig) -> None:
    with unarmed.peer() as client:
        for side in (orders.BUY, orders.SELL_SHORT):
            answer = client.answer(client.enter("AAPL", side, 100, 1_890_000))
            text = answer.get(tags.TEXT) or ""
            assert answer.get(tags.EXEC_TYPE) == "8"
            assert text.startswith("RISK gate_closed: "), text
            for also in ("venue_down", "halted", "no_reference"):
                assert also in text
    state = unarmed.state()
    assert not state["card"]["armed"]
    assert not state["card"]["session_up"]
    assert "venue" in state["card"]["reason"]
    assert state["card"]["counters"]["orders_passed"] == 0
    assert state["rejected"] == {"gate_closed": 2}
    records = unarmed.records()
    assert records["inbound"] == {}
    assert records["open_orders"] == []
    assert unarmed.machine.exchange.call("stats")["feed"]["messages"] == 0
