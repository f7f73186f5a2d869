"""Orders over real sockets: what a client sees for each thing that can happen to its order."""

import pytest
from tickgate.engine.client import EngineError


def test_an_order_is_accepted_filled_and_booked(world):
    world.start()
    client = world.trader()
    client.order("1", 100, "150.25")
    new = client.expect(35, "8", 150, "0")
    assert (new.get(39), new.get(11), new.get(151), new.get(44)) == ("0", "1", "100", "150.25")
    request = world.venue.received[0]
    assert (request.user_ref_num, request.price, request.quantity) == (1, 1_502_500, 100)
    assert (request.side, request.time_in_force, request.account) == ("B", "0", 0)
    world.venue.fill(1, 60, 1_502_000)
    part = client.expect(150, "F")
    assert (part.get(39), part.get(32), part.get(31)) == ("1", "60", "150.20")
    assert (part.get(14), part.get(151), part.get(6)) == ("60", "40", "150.20")
    world.venue.fill(1, 40, 1_503_000)
    full = client.expect(150, "F")
    assert (full.get(39), full.get(14), full.get(151), full.get(6)) == ("2", "100", "0", "150.24")
    state = world.ask("state")
    (position,) = state["positions"]
    assert (position["account"], position["symbol"], position["position"]) == (
        "ALPHA",
        "AAPL",
        100,
    )
    assert position["cash"] == -(60 * 1_502_000 + 40 * 1_503_000)
    assert (state["orders_in"], state["orders_sent"], state["fills"]) == (1, 1, 2)
    assert state["latency"]["fix_to_doorbell_ns"]["count"] == 1
    assert state["latency"]["fix_to_report_ns"]["count"] == 1
    assert state["latency"]["gate_cycles"]["p50"] == 20
    assert state["latency"]["wire_cycles"]["max"] == 25


def test_exec_ids_are_unique(world):
    world.start()
    client = world.trader()
    seen = set()
    for number in range(5):
        client.order(str(number))
        seen.add(client.expect(150, "0").get(17))
        world.venue.fill(number + 1, 100, 1)
        seen.add(client.expect(150, "F").get(17))
    assert len(seen) == 10


def test_a_refusal_names_each_check_the_text_and_the_generation(world):
    world.start()
    world.card.armed = False
    client = world.trader()
    client.order("1", 2000)
    reject = client.expect(150, "8")
    assert (reject.get(39), reject.get(103)) == ("8", "99")
    assert reject.get(58) == (
        "RISK gate_closed: the gate is not armed; also: max_quantity; limits generation 1"
    )
    world.card.armed = True
    client.order("2", 2000)
    reject = client.expect(150, "8")
    assert reject.get(103) == "3"
    assert reject.get(58).startswith("RISK max_quantity: ")
    assert world.ask("state")["rejected"] == {"gate_closed": 1, "max_quantity": 1}
    assert world.venue.received == []


@pytest.mark.parametrize(
    ("order", "reason", "text"),
    [
        ({"symbol": "NOPE"}, "1", "unknown symbol NOPE"),
        ({"account": "BETA"}, "99", "Account must be ALPHA"),
        ({"tif": "4"}, "11", "TimeInForce must be"),
        ({"price": "500000.00"}, "99", "Price must be at most"),
        ({"price": None}, "99", "a market order needs a price, and the symbol has no offer"),
    ],
)
def test_what_the_host_refuses(world, order, reason, text):
    world.start()
    client = world.trader()
    client.order("1", **order)
    reject = client.expect(150, "8")
    assert (reject.get(39), reject.get(103)) == ("8", reason)
    assert text in reject.get(58)
    assert world.venue.received == []


def test_a_used_clordid_is_refused_and_a_repeated_order_is_answered_once(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    client.order("1")
    assert client.expect(150, "8").get(103) == "6"
    assert len(world.venue.received) == 1


def test_market_orders_become_immediate_limits_at_the_collar(world):
    world.start()
    client = world.trader()
    world.card.quote(0, 1_500_000, 1_500_150)
    world.until(lambda: world.engine.market.quote(0).ask)
    client.order("1", price=None)
    client.expect(150, "0")
    client.order("2", price=None, side="2")
    client.expect(150, "0")
    buy, sell = world.venue.received
    assert (buy.price, buy.time_in_force) == (1_510_100, "3")
    assert (sell.price, sell.side) == (1_490_000, "S")


def test_cancel(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    client.cancel("2", "1")
    done = client.expect(35, "8", 150, "4")
    assert (done.get(39), done.get(11), done.get(41), done.get(151)) == ("4", "2", "1", "0")


@pytest.mark.parametrize(
    ("original", "reason"), [("nope", "1"), ("done", "0"), ("pending", "3")]
)
def test_cancels_that_cannot_be(world, original, reason):
    world.start()
    client = world.trader()
    client.order("done")
    client.expect(150, "0")
    world.venue.fill(1, 100, 5)
    client.expect(150, "F")
    client.order("pending")
    client.expect(150, "0")
    world.venue.silent = True
    client.cancel("c1", "pending")
    client.cancel("c2", original)
    refused = client.expect(35, "9", 11, "c2")
    assert (refused.get(102), refused.get(434)) == (reason, "1")


def test_a_cancel_that_loses_against_a_fill_is_too_late(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.venue.silent = True
    client.cancel("2", "1")
    world.until(lambda: len(world.venue.received) == 2)
    world.venue.fill(1, 100, 5)
    client.expect(150, "F", 39, "2")
    assert client.expect(35, "9", 11, "2").get(102) == "0"


def test_replace_counts_the_executed_shares(world):
    world.start()
    client = world.trader()
    client.order("1", 100)
    client.expect(150, "0")
    world.venue.fill(1, 30, 1_500_000)
    client.expect(150, "F")
    client.replace("2", "1", 200, "151.00")
    done = client.expect(150, "5")
    assert (done.get(11), done.get(41), done.get(39)) == ("2", "1", "1")
    assert (done.get(38), done.get(14), done.get(151)) == ("200", "30", "170")
    request = world.venue.received[-1]
    assert (request.action, request.user_ref_num, request.orig_user_ref_num) == ("U", 2, 1)
    assert request.quantity == 200
    world.venue.fill(2, 170, 1_510_000)
    full = client.expect(150, "F")
    assert (full.get(39), full.get(14), full.get(37)) == ("2", "200", done.get(37))


def test_a_replace_that_the_gate_refuses_leaves_the_order(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    client.replace("2", "1", 5000, "150.00")
    refused = client.expect(35, "9")
    assert (refused.get(434), refused.get(39)) == ("2", "0")
    assert refused.get(58).startswith("RISK max_quantity")
    client.cancel("3", "1")
    client.expect(150, "4", 11, "3")


def test_a_broken_trade_is_taken_back(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    match = world.venue.fill(1, 100, 1_500_000)
    fill = client.expect(150, "F")
    world.venue.broken(1, match)
    broken = client.expect(150, "H")
    assert (broken.get(19), broken.get(14), broken.get(39)) == (fill.get(17), "0", "4")
    assert world.ask("state")["positions"][0]["position"] == 0


def test_a_full_order_ring_is_a_reject(world):
    world.start()
    client = world.trader()
    world.card.room = 0
    client.order("1")
    assert "order ring is full" in client.expect(150, "8").get(58)


def test_bad_fix_values_get_a_session_reject_and_the_session_goes_on(world):
    world.start()
    client = world.trader()
    client.order("1", quantity="ten")
    assert client.expect(35, "3").get(371) == "38"
    client.order("2")
    client.expect(150, "0")
    assert world.ask("state")["bad_input"]["fix: rejects_out"] == 1


def test_orders_and_limits_are_shown(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    (row,) = world.ask("orders", limit=10)["orders"]
    assert (row["cl_ord_id"], row["state"], row["leaves"], row["side"]) == ("1", "new", 100, "B")
    shown = world.ask("limits")
    assert shown["generation"] == 1
    assert "[accounts.ALPHA]" in shown["toml"]
    with pytest.raises(EngineError, match="limit must be"):
        world.ask("orders", limit=0)
