"""The host's checks: each refuses alone and says so; buying power to the last 1/10000 USD."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.execution.model import Chain, Order
from tickgate.positions.book import PositionBook
from tickgate.risk.checks import CHECKS
from tickgate.risk.engine import MOST_PRICE, RiskEngine
from tickgate.risk.exposure import ExposureBook
from tickgate.risk.host_checks import HOST_BY_NAME, HOST_CHECKS
from tickgate.risk.limits import parse
from tickgate.risk.order import OrderToCheck
from tickgate.risk.rates import Bucket

from tests.host.risk.strategies import GOOD

POWER = GOOD.replace("max_long = 20000", 'buying_power = "100.00"\nmax_long = 20000', 1)
ORDER = OrderToCheck("ALPHA", "MSFT", "B", 10, 100_000, cl_ord_id="c1", session="S")
"""100 USD: all of the account's buying power."""


class Desk:
    """A risk engine with the books that an engine has."""

    def __init__(self, toml=POWER):
        self.positions = PositionBook()
        self.risk = RiskEngine(ExposureBook(), self.positions)
        self.risk.update_limits(parse(toml))
        self.tokens = 0

    def trade(self, side, quantity, price, symbol="MSFT", broken=None):
        key = (0, broken or len(self.positions.ledgers) * 1000 + self.tokens + 1)
        self.tokens += 1
        if broken:
            self.positions.unbook("ALPHA", symbol, key)
        else:
            self.positions.book("ALPHA", symbol, side, quantity, price, key)
        self.risk.update_position("ALPHA", symbol, side, quantity, price, bool(broken))
        return key[1]

    def work(self, side, quantity, price, symbol="MSFT"):
        self.tokens += 1
        chain = Chain("", "", "ALPHA", symbol, side)
        order = Order(self.tokens, chain, "", None, quantity, price, "2", "0", 0, quantity)
        order.passed = order.accepted = True
        self.risk.exposure.follow(order)
        return order

    def names(self, order):
        return [check.name for check in self.risk.check_pre_trade_risk(order).checks]


def test_the_tables_of_card_and_host_share_nothing():
    numbers = Counter(check.bit for check in (*CHECKS, *HOST_CHECKS))
    names = Counter(check.name for check in (*CHECKS, *HOST_CHECKS))
    assert max(numbers.values()) == max(names.values()) == 1
    assert all(64 <= check.bit < 255 for check in HOST_CHECKS)


WRONG = {
    "duplicate_order": ({"used_before": True}, "ClOrdID c1 was used before"),
    "unknown_symbol": ({"symbol_known": False}, "unknown symbol MSFT"),
    "account": ({"own_account": "BETA"}, "Account must be BETA on this session"),
    "not_ready": ({"refusal": "the journal {is} full"}, "the journal {is} full"),
    "no_card": ({"card_up": False}, "the card is not there"),
    "capacity": ({"capacity": ""}, "OrderCapacity (528) must be A, P or R"),
    "locate": ({"side": "T", "locate": "Y"}, "the shares must have been located"),
    "no_price": ({"no_price": "no bid"}, "no bid"),
    "time_in_force": ({"time_in_force": "4"}, "TimeInForce must be 0 (day) or 3"),
    "price_range": ({"price": MOST_PRICE + 1, "quantity": 0}, f"at most {MOST_PRICE} in"),
    "buying_power": ({"price": 100_001}, "the account's buying power would be exceeded"),
    "strategy": ({"strategy": None, "algo_id": 5}, "TargetStrategy (847) 5 is not the algo id of"),
}


@pytest.mark.parametrize("name", HOST_BY_NAME)
def test_each_check_refuses_alone(name):
    desk = Desk()
    change, text = WRONG[name]
    assert desk.risk.check_pre_trade_risk(ORDER).passed
    result = desk.risk.check_pre_trade_risk(replace(ORDER, **change))
    assert [check.name for check in result.checks] == [name]
    assert text in result.text


def test_the_lowest_check_is_told():
    result = Desk().risk.check_pre_trade_risk(replace(ORDER, card_up=False, used_before=True))
    assert [check.name for check in result.checks] == ["duplicate_order", "no_card"]
    assert result.text == "ClOrdID c1 was used before"
    assert len(result.texts) == 2


def test_a_replacement_meets_only_what_applies_to_it():
    ask = replace(ORDER, action="U", used_before=True, capacity="", symbol_known=False)
    assert not Desk().names(ask)
    assert Desk().names(replace(ask, card_up=False, refusal="why")) == ["not_ready", "no_card"]


@pytest.mark.parametrize("side", ["T", "E"])
@pytest.mark.parametrize(("locate", "names"), [(None, []), ("N", []), ("", ["locate"])])
def test_short_sales_name_their_locate(side, locate, names):
    assert Desk().names(replace(ORDER, side=side, locate=locate)) == names


def test_without_the_limit_buying_power_is_not_asked_for():
    assert not Desk(GOOD).names(replace(ORDER, quantity=900_000))


def test_positions_and_working_orders_tie_up_buying_power():
    desk = Desk()
    desk.trade("B", 2, 100_000)
    order = desk.work("B", 3, 100_000)
    assert not desk.names(replace(ORDER, quantity=5))
    assert desk.names(replace(ORDER, quantity=6)) == ["buying_power"]
    order.open = 0
    desk.risk.exposure.follow(order)
    assert not desk.names(replace(ORDER, quantity=8))


def test_a_short_position_ties_it_up_too_and_a_broken_trade_gives_it_back():
    desk = Desk()
    fill = desk.trade("T", 9, 100_000)
    short = replace(ORDER, side="T", quantity=2)
    assert desk.names(short) == ["buying_power"]
    assert not desk.names(replace(short, quantity=1))
    desk.trade("T", 9, 100_000, broken=fill)
    assert not desk.names(replace(short, quantity=10))


def test_what_only_reduces_is_never_refused():
    desk = Desk()
    desk.trade("T", 10, 100_000)
    assert not desk.names(ORDER)
    assert desk.names(replace(ORDER, quantity=11)) == ["buying_power"]
    desk.work("B", 1, 100_000)
    assert desk.names(ORDER) == ["buying_power"]
    assert not desk.names(replace(ORDER, side="S", quantity=900_000))


def test_a_replacement_counts_instead_of_its_order():
    desk = Desk()
    desk.work("B", 10, 100_000)
    ask = replace(ORDER, action="U", replaced_open=10, replaced_price=100_000)
    assert not desk.names(ask)
    assert desk.names(replace(ask, price=100_001)) == ["buying_power"]
    assert not desk.names(replace(ask, price=50_000))
    assert desk.names(replace(ask, price=50_000, quantity=11)) == ["buying_power"]
    assert not desk.names(replace(ask, quantity=13, executed=3))


SYMBOLS = st.sampled_from(["A", "B"])
ENTRIES = st.lists(
    st.tuples(st.sampled_from("BST"), st.integers(1, 50), st.integers(1, 1000), SYMBOLS),
    max_size=12,
)


@given(ENTRIES, ENTRIES, st.tuples(st.sampled_from("BT"), st.integers(1, 99), st.integers(1, 999)))
def test_buying_power_is_cost_plus_open_plus_this(fills, working, wanted):
    desk = Desk()
    for side, quantity, price, symbol in fills:
        desk.trade(side, quantity, price, symbol)
    for side, quantity, price, symbol in working:
        desk.work(side, quantity, price, symbol)
    used = sum(abs(ledger.cost) for _, _, ledger in desk.positions.items())
    used += sum(quantity * price for side, quantity, price, _ in working if side != "S")
    side, quantity, price = wanted
    order = OrderToCheck("ALPHA", "NEW", side, quantity, price)
    for limit, refused in ((used + order.value, False), (used + order.value - 1, True)):
        whole, rest = divmod(limit, 10_000)
        desk.risk.update_limits(parse(POWER.replace('"100.00"', f'"{whole}.{rest:04d}"')))
        assert desk.names(order) == (["buying_power"] if refused else [])


def test_the_plan_s_single_checks():
    desk = Desk()
    assert desk.risk.check_notional_limit(replace(ORDER, quantity=2_500, price=1_000_000))
    assert not desk.risk.check_notional_limit(replace(ORDER, quantity=2_501, price=1_000_000))
    assert desk.risk.check_position_limit("ALPHA", "AAPL", 500)
    assert not desk.risk.check_position_limit("ALPHA", "AAPL", 501)
    assert not desk.risk.check_position_limit("ALPHA", "AAPL", -1)
    assert desk.risk.check_position_limit("ALPHA", "MSFT", -10)
    assert not desk.risk.check_position_limit("NOBODY", "AAPL", 1)
    assert not desk.risk.check_notional_limit(replace(ORDER, account="NOBODY"))
    assert not desk.risk.check_order_rate_limit("NOBODY", 0)


def test_the_limits_of_one_client_are_changed_alone():
    desk = Desk()
    limits = parse(GOOD.replace("max_long = 500", "max_long = 7")).accounts["ALPHA"]
    desk.risk.update_client_limits("ALPHA", limits)
    assert not desk.risk.check_position_limit("ALPHA", "AAPL", 8)
    assert desk.risk.check_position_limit("ALPHA", "AAPL", 7)


def test_messages_fill_the_bucket_and_time_empties_it():
    desk = Desk()  # 100 a second, 50 at once
    for _ in range(50):
        assert desk.risk.check_order_rate_limit("ALPHA", 10**9)
        desk.risk.on_message("ALPHA", 10**9)
    assert not desk.risk.check_order_rate_limit("ALPHA", 10**9 + 9_999_999)
    assert desk.risk.check_order_rate_limit("ALPHA", 10**9 + 10_000_000)
    desk.risk.on_message("NOBODY", 10**9)


def test_a_clock_that_steps_back_refills_nothing():
    bucket = Bucket()
    bucket.spend(10**9, 100)
    assert bucket.left(0, 100) == 1000
