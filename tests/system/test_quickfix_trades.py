"""QuickFIX trades through the whole machine: engine, Verilated card, simulated exchange."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tickgate.fix.codec import price_to_text
from tickgate_sim.card.build import build
from tickgate_sim.demo.machine import Machine
from tickgate_sim.demo.processes import Supervisor
from tickgate_sim.demo.settings import VENUE_USER, Settings

from tests.system.quickfix_process import SETTINGS, QuickFix, wait_until

pytestmark = [pytest.mark.sim, pytest.mark.system]

SYMBOL = "AAPL"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    build()
    # A short path: the address of a UNIX socket has room for a hundred characters only.
    with tempfile.TemporaryDirectory() as folder, Supervisor(Path(folder)) as supervisor:
        machine = Machine(Settings(Path(folder), "127.0.0.1"), supervisor, lambda _: None)
        machine.start(mode="relay", console=False)
        yield machine


@pytest.fixture(scope="module")
def trader(
    machine: Machine, quickfix_dictionary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[QuickFix]:
    folder = tmp_path_factory.mktemp("quickfix")
    client = machine.settings.clients[0]
    config = folder / "quickfix.cfg"
    config.write_text(
        SETTINGS.format(
            port=machine.settings.fix_port,
            dictionary=quickfix_dictionary,
            store=folder / "store",
            sender=client.comp_id,
            target="TICKGATE",
        )
    )
    trader = QuickFix(config, client.comp_id, "TICKGATE", client.password)
    try:
        wait_until(lambda: trader.logons == 1, "logon")
        yield trader
    finally:
        trader.stop()


def new_order(machine: Machine, name: str, **changes: str) -> dict[str, str]:
    """Fields of a new limit order of 100 shares to buy, by tag; ``t44`` changes tag 44."""
    account = machine.settings.clients[0].account
    fields = {"1": account, "11": name, "21": "1", "55": SYMBOL, "54": "1", "38": "100"}
    fields |= {"40": "2", "59": "0"} | {tag[1:]: value for tag, value in changes.items()}
    return fields


def last(trader: QuickFix, name: str) -> dict[int, str]:
    """Newest report of an order; empty before there is one."""
    return next((fields for fields in reversed(trader.fields) if fields[11] == name), {})


def touch(machine: Machine) -> tuple[int, int]:
    """Best bid and ask of the symbol, 1/10000 USD."""
    return next(
        (top["bid"], top["ask"])
        for top in machine.engine.state()["tops"]
        if top["symbol"] == SYMBOL
    )


def test_an_order_is_entered_replaced_and_cancelled(machine: Machine, trader: QuickFix) -> None:
    bid, _ = touch(machine)
    low = bid - 5_0000  # five dollars under the bid: it rests
    trader.command("send", "D", new_order(machine, "q1", t44=price_to_text(low)))
    wait_until(lambda: last(trader, "q1").get(39) == "0", "the order is new")
    trader.command(
        "send", "G", new_order(machine, "q2", t41="q1", t38="300", t44=price_to_text(low))
    )
    wait_until(lambda: last(trader, "q2").get(150) == "5", "the order is replaced")
    assert last(trader, "q2")[151] == "300"
    open_orders = machine.exchange.call("records")["users"][VENUE_USER]["open_orders"]
    assert [(order["qty"], order["price"]) for order in open_orders] == [(300, low)]
    trader.command("send", "F", {"41": "q2", "11": "q3", "55": SYMBOL, "54": "1", "38": "300"})
    wait_until(lambda: last(trader, "q3").get(39) == "4", "the order is cancelled")
    assert not machine.exchange.call("records")["users"][VENUE_USER]["open_orders"]


def test_an_order_is_filled_and_the_position_is_the_exchanges(
    machine: Machine, trader: QuickFix
) -> None:
    _, ask = touch(machine)
    price = price_to_text(ask + 1_0000)
    trader.command("send", "D", new_order(machine, "q4", t44=price, t59="3"))
    wait_until(lambda: last(trader, "q4").get(39) in ("2", "4"), "the order is done")
    filled = int(last(trader, "q4")[14])
    assert filled > 0
    venue = machine.exchange.call("records")["users"][VENUE_USER]["positions"]
    ours = sum(row["position"] for row in machine.engine.state()["positions"])
    assert venue == {SYMBOL: filled}
    assert ours == filled


def test_a_refusal_names_the_check(machine: Machine, trader: QuickFix) -> None:
    _, ask = touch(machine)
    trader.command(
        "send", "D", new_order(machine, "q5", t38="500000", t44=price_to_text(ask + 100_0000))
    )
    wait_until(lambda: last(trader, "q5").get(39) == "8", "the order is rejected")
    text = last(trader, "q5")[58]
    assert text.startswith("RISK price_collar:")
    for check in ("max_quantity", "max_value", "position_limit"):
        assert check in text
    assert not trader.rejected
