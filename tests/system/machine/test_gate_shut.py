"""However the gate is shut, nothing reaches the exchange and each order is told which check."""

import signal
import time
from collections.abc import Callable, Iterator

import pytest
from tickgate.fix import orders, tags
from tickgate.fix.codec import FixMessage

from tests.system.machine.peer import Peer
from tests.system.machine.rig import PROBE, Rig

pytestmark = pytest.mark.system

SYMBOL = "AAPL"
DOLLAR = 10_000
WATCHDOG_S = 5.0


@pytest.fixture(scope="module")
def client(running: Rig) -> Iterator[Peer]:
    """The probe, logged on."""
    with running.peer() as peer:
        yield peer


def refused(answer: FixMessage, check: str) -> bool:
    """Whether the gate refused, and the text names the check first."""
    assert answer.get(tags.EXEC_TYPE) == "8", answer
    assert answer.get(tags.ORD_STATUS) == "8"
    text = answer.get(tags.TEXT) or ""
    assert text.startswith(f"RISK {check}: "), text
    assert "limits generation" in text
    return True


def nothing_passes(rig: Rig, client: Peer, check: str) -> None:
    """New orders, buys and sells, are refused by ``check``; the exchange sees none of them."""
    before, orders_before = rig.arrived(), rig.records()["open_orders"]
    top = rig.top(SYMBOL)
    ids = [
        client.enter(SYMBOL, orders.BUY, 100, top["bid"]),
        client.enter(SYMBOL, orders.SELL_SHORT, 100, top["ask"]),
        client.enter(SYMBOL, orders.BUY, 100, top["ask"], orders.IMMEDIATE_OR_CANCEL),
    ]
    for cl_ord_id in ids:
        assert refused(client.answer(cl_ord_id), check)
    assert rig.arrived() == before
    assert rig.records()["open_orders"] == orders_before


def an_order_passes(rig: Rig, client: Peer) -> None:
    """An order far from the market gets to the exchange and is taken back."""
    before = rig.arrived()
    cl_ord_id = client.enter(SYMBOL, orders.BUY, 1, DOLLAR)
    assert client.answer(cl_ord_id).get(tags.ORD_STATUS) == "0"
    assert rig.arrived() == before + 1
    client.answer(client.cancel(cl_ord_id, SYMBOL, orders.BUY), "4")


def arms_with_a_new_generation(rig: Rig) -> None:
    """A gate that was shut opens with the limits in force as the next generation."""
    engine = rig.machine.engine
    before = engine.call("limits")
    assert engine.call("arm") == {"generation": before["generation"] + 1}
    assert engine.call("limits") == {**before, "generation": before["generation"] + 1}


def test_an_open_gate_lets_an_order_pass(running: Rig, client: Peer) -> None:
    an_order_passes(running, client)


def test_disarmed(running: Rig, client: Peer) -> None:
    running.machine.engine.call("disarm")
    nothing_passes(running, client, "gate_closed")
    arms_with_a_new_generation(running)
    an_order_passes(running, client)


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ("all", None),
        ("session", PROBE.comp_id),
        ("account", PROBE.account),
        ("symbol", SYMBOL),
        ("strategy", PROBE.strategy),
    ],
)
def test_killed(running: Rig, client: Peer, scope: str, target: str | None) -> None:
    resting = client.enter(SYMBOL, orders.BUY, 1, DOLLAR)
    client.answer(resting, "0")
    running.machine.engine.call("kill", scope=scope, target=target, on=True)
    nothing_passes(running, client, f"kill_{scope}")
    before = running.arrived()
    refusal = client.answer(client.replace(resting, SYMBOL, orders.BUY, 2, DOLLAR))
    assert refusal.msg_type == tags.ORDER_CANCEL_REJECT
    assert (refusal.get(tags.TEXT) or "").startswith(f"RISK kill_{scope}: ")
    assert running.arrived() == before
    client.answer(client.cancel(resting, SYMBOL, orders.BUY), "4")  # cancels still pass
    running.machine.engine.call("kill", scope=scope, target=target, on=False)
    an_order_passes(running, client)


def test_a_kill_of_others_stops_only_them(running: Rig, client: Peer) -> None:
    others = (
        ("session", "ALPHA"), ("account", "MAKER"), ("symbol", "MSFT"), ("strategy", "TAKER")
    )  # fmt: skip
    for scope, target in others:
        running.machine.engine.call("kill", scope=scope, target=target, on=True)
    an_order_passes(running, client)
    for scope, target in others:
        running.machine.engine.call("kill", scope=scope, target=target, on=False)


@pytest.mark.parametrize("table", ["accounts.PROBE", f"symbols.{SYMBOL}"])
def test_without_limits(running: Rig, client: Peer, table: str) -> None:
    engine = running.machine.engine
    full = engine.call("limits")["toml"]
    engine.call("set_limits", toml=without_table(full, table))
    nothing_passes(running, client, "no_limits")
    engine.call("set_limits", toml=full)
    an_order_passes(running, client)


def test_limits_roll_back_on_the_card(running: Rig, client: Peer) -> None:
    engine = running.machine.engine
    full = engine.call("limits")
    strict = without_table(full["toml"], "accounts.PROBE")
    generation = engine.call("set_limits", toml=strict)["generation"]
    nothing_passes(running, client, "no_limits")
    answer = engine.call("rollback", why="a test")
    assert (answer["generation"], answer["restored"]) == (generation + 1, full["generation"])
    an_order_passes(running, client)
    after = engine.call("limits")
    assert (after["toml"], after["hash"]) == (full["toml"], full["hash"])
    assert after["previous"]["generation"] == generation


def without_table(toml: str, name: str) -> str:
    """A TOML text without one table and the tables below it."""
    kept, inside = [], False
    for line in toml.splitlines():
        if line.startswith("["):
            title = line.strip("[] ").replace('"', "")
            inside = title == name or title.startswith(f"{name}.")
        if not inside:
            kept.append(line)
    assert len(kept) < len(toml.splitlines()), f"there is no table {name}"
    return "\n".join(kept) + "\n"


def test_halted(running: Rig, client: Peer) -> None:
    exchange = running.machine.exchange
    exchange.call("halt", symbol=SYMBOL)
    running.until_state(lambda _: running.top(SYMBOL)["trading_state"] == "H", "the card halted")
    nothing_passes(running, client, "halted")
    exchange.call("resume", symbol=SYMBOL)
    running.until_state(lambda _: running.top(SYMBOL)["trading_state"] == "T", "the card resumed")
    an_order_passes(running, client)


def buy_too_much(rig: Rig, client: Peer) -> str:
    return client.enter(SYMBOL, orders.BUY, 2_001, DOLLAR)


def buy_too_dear(rig: Rig, client: Peer) -> str:
    return client.enter("MSFT", orders.BUY, 1_900, rig.top("MSFT")["bid"] // 100 * 100)


def buy_through_the_collar(rig: Rig, client: Peer) -> str:
    return client.enter(SYMBOL, orders.BUY, 1, rig.top(SYMBOL)["ask"] + 5 * DOLLAR)


def sell_through_the_collar(rig: Rig, client: Peer) -> str:
    return client.enter(SYMBOL, orders.SELL_SHORT, 1, rig.top(SYMBOL)["bid"] - 5 * DOLLAR)


def out_of_range(rig: Rig, client: Peer) -> str:
    return client.enter(SYMBOL, orders.BUY, 1_000_000, DOLLAR)


@pytest.mark.parametrize(
    ("check", "send"),
    [
        ("max_quantity", buy_too_much),
        ("max_value", buy_too_dear),
        ("price_collar", buy_through_the_collar),
        ("price_collar", sell_through_the_collar),
        ("malformed", out_of_range),
    ],
)
def test_each_limit(
    running: Rig, client: Peer, check: str, send: Callable[[Rig, Peer], str]
) -> None:
    before = running.arrived()
    counted = running.state()["rejected"].get(check, 0)
    assert refused(client.answer(send(running, client)), check)
    assert running.arrived() == before
    assert running.state()["rejected"][check] == counted + 1


def test_position_limit_counts_open_orders(running: Rig, client: Peer) -> None:
    resting = client.enter(SYMBOL, orders.BUY, 2_000, DOLLAR)
    client.answer(resting, "0")
    before = running.arrived()
    assert refused(client.answer(client.enter(SYMBOL, orders.BUY, 501, DOLLAR)), "position_limit")
    assert running.arrived() == before
    client.answer(client.enter(SYMBOL, orders.BUY, 500, DOLLAR), "0")  # exactly at the limit
    for order in running.records()["open_orders"]:
        assert order["price"] == DOLLAR
    running.machine.engine.call("kill", scope="all", on=True, cancel=True)
    running.until_state(lambda state: not state["open_orders"], "the orders were taken back")
    running.machine.engine.call("kill", scope="all", on=False)
    assert not running.records()["open_orders"]


def send_at_once(client: Peer, quantities: dict[str, int]) -> None:
    """Write immediate orders of these quantities, by ClOrdID, in one go."""
    burst = b""
    for cl_ord_id, quantity in quantities.items():
        fields = client.order_fields(cl_ord_id, SYMBOL, orders.BUY, quantity, DOLLAR)
        burst += client.frame(
            tags.NEW_ORDER_SINGLE,
            [*fields, (tags.TIME_IN_FORCE, orders.IMMEDIATE_OR_CANCEL)],
            client.next_out,
        )
        client.next_out += 1
    client.send_raw(burst)


def test_the_same_order_twice(running: Rig, client: Peer) -> None:
    engine = running.machine.engine
    full = engine.call("limits")["toml"]
    engine.call("set_limits", toml=full.replace("duplicate_window = 0", "duplicate_window = 60000"))
    before = running.arrived()
    ids = [client.new_id() for _ in range(3)]
    try:  # quantities that no other test sends
        send_at_once(client, dict(zip(ids, (1237, 1237, 1238), strict=True)))
        first, again, other = (client.answer(cl_ord_id) for cl_ord_id in ids)
    finally:
        engine.call("set_limits", toml=full)
    assert first.get(tags.EXEC_TYPE) == "0"
    assert refused(again, "duplicative")
    assert other.get(tags.EXEC_TYPE) == "0"
    assert running.arrived() == before + 2


def test_message_rate(running: Rig, client: Peer) -> None:
    before = running.arrived()
    ids = [client.new_id() for _ in range(90)]
    # All in one write: three times the burst that the account has; no two are equal.
    send_at_once(client, {cl_ord_id: number for number, cl_ord_id in enumerate(ids, 1)})
    answers = [client.answer(cl_ord_id) for cl_ord_id in ids]
    stopped = [answer for answer in answers if answer.get(tags.EXEC_TYPE) == "8"]
    assert stopped
    assert all(refused(answer, "message_rate") for answer in stopped)
    assert stopped[0] is not answers[0]  # the account has some of its burst left
    assert running.arrived() == before + len(ids) - len(stopped)
    running.until_state(lambda state: not state["open_orders"], "immediate orders are gone")


def test_stale_host(running: Rig, client: Peer) -> None:
    """Orders that wait in a stopped engine do not pass when it goes on, nor until re-armed."""
    before = running.arrived()
    engine = running.process("engine")
    engine.kill(signal.SIGSTOP)
    try:
        ids = [client.enter(SYMBOL, orders.BUY, 1, DOLLAR) for _ in range(3)]
        time.sleep(WATCHDOG_S * 1.2)  # the stimulus itself: no one can be asked meanwhile
    finally:
        engine.kill(signal.SIGCONT)
    for cl_ord_id in ids:
        assert refused(client.answer(cl_ord_id), "gate_closed")
    running.until_state(
        lambda state: state["card"]["watchdog_ok"] and not state["card"]["armed"],
        "the host is alive again and the gate stays shut",
    )
    nothing_passes(running, client, "gate_closed")
    assert running.arrived() == before
    arms_with_a_new_generation(running)
    an_order_passes(running, client)


def test_no_reference_after_a_gap_in_the_feed(running: Rig, client: Peer) -> None:
    """Last in this file: until the gap is closed the books are not to be relied on.

    What the host asks for again is lost for a while, so that the gap lasts.
    """
    resting = client.enter(SYMBOL, orders.BUY, 1, DOLLAR)
    client.answer(resting, "0")
    running.machine.exchange.call("rerequest", loss_ppm=1_000_000)
    running.machine.exchange.call("gap", packets=3)
    running.until_state(lambda _: running.top(SYMBOL)["stale"], "the card noticed the gap")
    nothing_passes(running, client, "no_reference")
    client.answer(client.cancel(resting, SYMBOL, orders.BUY), "4")  # cancels still pass
    running.machine.exchange.call("rerequest", loss_ppm=0)
