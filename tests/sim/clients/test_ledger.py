"""A trader's own books."""

import pytest
from tickgate.fix.codec import FixMessage, encode, parse
from tickgate_sim.clients.ledger import Ledger, OrderRecord, check_name


def report(exec_type: str, status: str, exec_id: str, **more: str) -> FixMessage:
    fields = {11: "a", 17: exec_id, 150: exec_type, 39: status, 55: "AAPL", 54: "1", 151: "0"}
    fields |= {int(tag[1:]): value for tag, value in more.items()}
    return parse(encode("FIX.4.4", [(35, "8"), *fields.items()]))


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.sent(OrderRecord("a", "D", "AAPL", "1", 100, 102_500), 7, 1_000)
    return ledger


def test_order_filled(ledger: Ledger) -> None:
    assert ledger.unanswered() == ["a"]
    ledger.on_message(report("0", "0", "e1", t151="100"), False, 1_500)
    assert ledger.latencies_ns == [500]
    assert ledger.acked == 1
    assert [order.cl_ord_id for order in ledger.live_orders()] == ["a"]
    partial = report("F", "1", "e2", t151="60", t32="40", t31="10.24")
    ledger.on_message(partial, False, 2_000)
    assert (ledger.positions["AAPL"], ledger.cash) == (40, -40 * 102_400)
    assert ledger.orders["a"].leaves == 60
    ledger.on_message(partial, True, 3_000)
    assert (ledger.positions["AAPL"], ledger.duplicates) == (40, 1)
    ledger.on_message(report("F", "2", "e3", t32="60", t31="10.25"), False, 2_000)
    assert ledger.live_orders() == []
    assert (ledger.positions["AAPL"], ledger.cash) == (100, -40 * 102_400 - 60 * 102_500)
    assert ledger.last_price == {"AAPL": 102_500}
    assert ledger.latencies_ns == [500]


def test_immediate_order_never_rests(ledger: Ledger) -> None:
    ledger.orders["a"].rests = False
    ledger.on_message(report("0", "0", "e1", t151="100"), False, 0)
    assert ledger.live_orders() == []


def test_sale_and_bust(ledger: Ledger) -> None:
    ledger.on_message(report("F", "2", "e1", t54="2", t32="40", t31="10"), False, 0)
    assert (ledger.positions["AAPL"], ledger.cash) == (-40, 4_000_000)
    ledger.on_message(report("H", "2", "e2", t19="e1"), False, 0)
    assert (ledger.positions["AAPL"], ledger.cash, ledger.fills) == (0, 0, {})


def test_answer_that_comes_again_after_a_break_is_no_latency(ledger: Ledger) -> None:
    ledger.on_message(report("0", "0", "e1", t151="100"), True, 10**10)
    assert ledger.latencies_ns == []
    assert ledger.unanswered() == []


def test_replace(ledger: Ledger) -> None:
    ledger.on_message(report("0", "0", "e1", t151="100"), False, 0)
    ledger.sent(OrderRecord("b", "G", "AAPL", "1", 100, 102_600, orig_cl_ord_id="a"), 8, 0)
    assert ledger.orders["a"].pending_change
    ledger.on_message(report("5", "0", "e2", t11="b", t41="a", t151="100"), False, 0)
    assert [order.cl_ord_id for order in ledger.live_orders()] == ["b"]
    ledger.sent(OrderRecord("c", "F", "AAPL", "1", 100, 102_600, orig_cl_ord_id="b"), 9, 0)
    ledger.on_message(report("4", "4", "e3", t11="c", t41="b"), False, 0)
    assert ledger.live_orders() == []
    assert ledger.unanswered() == []
    assert (ledger.count("D"), ledger.count("G"), ledger.count("F")) == (1, 1, 1)


def test_refusals_by_check(ledger: Ledger) -> None:
    text = "RISK max_quantity: quantity must be at most 10000"
    ledger.on_message(report("8", "8", "e1", t58=text), False, 0)
    ledger.on_message(parse(encode("FIX.4.4", [(35, "3"), (45, 7), (58, "bad")])), False, 0)
    cancel_reject = [(35, "9"), (11, "a"), (58, "unknown order")]
    ledger.on_message(parse(encode("FIX.4.4", cancel_reject)), False, 0)
    assert ledger.rejects == {"max_quantity": 1, "bad": 1, "unknown order": 1}
    assert ledger.unanswered() == []


def test_refused_change_leaves_the_order(ledger: Ledger) -> None:
    ledger.on_message(report("0", "0", "e1", t151="100"), False, 0)
    ledger.sent(OrderRecord("b", "G", "AAPL", "1", 100, 1, orig_cl_ord_id="a"), 8, 0)
    cancel_reject = [(35, "9"), (11, "b"), (58, "RISK price_collar: too far")]
    ledger.on_message(parse(encode("FIX.4.4", cancel_reject)), False, 0)
    assert [order.cl_ord_id for order in ledger.live_orders()] == ["a"]
    assert not ledger.orders["a"].pending_change


def test_reports_about_strangers_are_counted(ledger: Ledger) -> None:
    ledger.on_message(report("0", "0", "e1", t11="z"), False, 0)
    ledger.on_message(parse(encode("FIX.4.4", [(35, "3"), (45, 99)])), False, 0)
    assert ledger.unknown == 2
    assert ledger.rejects == {"no text": 1}


def test_check_name() -> None:
    assert check_name("RISK kill: trading is stopped") == "kill"
    assert check_name("unknown symbol") == "unknown symbol"
    assert check_name(None) == "no text"
