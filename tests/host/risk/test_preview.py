"""The preview says what the golden model of the gate says, whatever went before."""

from copy import deepcopy
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tickgate.engine.inputs import NewOrder
from tickgate.records.messages import OrderRequest
from tickgate.risk.checks import CHECKS
from tickgate.risk.order import OrderToCheck
from tickgate.risk.preview import NOT_PREVIEWED, Moment
from tickgate_sim.models.gate import Top

from tests.host.engine.exposure_machine import (
    ACCOUNTS,
    LIMITS,
    PRICE,
    STRATEGIES,
    SYMBOLS,
    Machine,
)

TIGHT = (
    LIMITS.replace("max_quantity = 100000", "max_quantity = 8")
    .replace('max_value = "1000000"', 'max_value = "8"')
    .replace("max_orders = 100000", "max_orders = 2")
    .replace("max_open_quantity = 100000", "max_open_quantity = 9")
    .replace('max_open_value = "1000000"', 'max_open_value = "9"')
    .replace("max_day_quantity = 100000", "max_day_quantity = 30")
    .replace('max_day_value = "1000000"', 'max_day_value = "30"')
    .replace('gross_credit = "1000000"', 'gross_credit = "18"', 1)
    .replace('net_credit = "1000000"', 'net_credit = "14"', 1)
    .replace('gross_credit = "1000000"', 'gross_credit = "14"')
    .replace('net_credit = "1000000"', 'net_credit = "12"')
    .replace("max_long = 60", "max_long = 15")
    .replace("max_short = 60", "max_short = 15")
    .replace("lot = 1", 'lot = 1\nrestricted = ["short"]', 1)
    .replace('tick = "0.0001"', 'tick = "0.01"', 1)
    .replace('"short_exempt", "day"', '"day"')
    .replace("max_rejects = 4294967295", "max_rejects = 1")
    .replace("max_executions = 4294967295", "max_executions = 2")
    .replace('symbols = "all"', 'symbols = ["AAPL"]', 1)
)
"""Every limit binds now and then."""


def questions(random: Random):
    """Any order, and what the book and the gate's switches are when it comes."""
    order = OrderToCheck(
        ACCOUNTS[random.randrange(2)],
        SYMBOLS[random.randrange(2)],
        random.choice("BSTE"),
        random.choice([0, *range(1, 12)]),
        PRICE + random.choice([-1500, -1000, -1, 0, 1, 1000, 1001]),
        random.choice("03"),
        strategy=random.choice(("ALGO", "OTHER", "OTHER", "NONE")),
    )
    bid, ask = random.choice([(PRICE, PRICE), (0, PRICE), (PRICE, 0), (0, 0)])
    often = [True] * 9 + [False]
    return order, Moment(
        armed=random.choice(often),
        venue_up=random.choice(often),
        kills=["kill_all"] if not random.choice(often) else [],
        bid=bid,
        ask=ask,
        trading=random.choice(often),
        stale=not random.choice(often),
    )


def gate_says(machine: Machine, order: OrderToCheck, moment: Moment) -> set[str]:
    model = deepcopy(machine.model)
    model.armed, model.session_up = moment.armed, moment.venue_up
    model.kill_all = bool(moment.kills)
    state = "T" if moment.trading else "H"
    verdict = model.order(
        OrderRequest(
            user_ref_num=model.last_token + 1,
            orig_user_ref_num=0,
            price=order.price,
            quantity=order.quantity,
            account=ACCOUNTS.index(order.account),
            symbol=SYMBOLS.index(order.symbol),
            session=0,
            action="O",
            side=order.side,
            time_in_force=order.time_in_force,
            display="Y",
            capacity="A",
            intermarket_sweep="N",
            cross_type="N",
            clordid="",
            strategy=(*STRATEGIES, "NONE").index(order.strategy),
        ),
        Top(moment.bid, moment.ask, state, moment.stale),
    )
    return {check.name for check in CHECKS if verdict.checks >> check.bit & 1}


def previewed(machine: Machine, order: OrderToCheck, moment: Moment) -> set[str]:
    result = machine.core.risk.preview(order, moment)
    assert len(result.texts) == len(result.checks)
    return {check.name for check in result.checks}


@settings(max_examples=60)
@given(st.integers(0, (1 << 32) - 1))
def test_a_preview_is_the_gate_s_verdict_once_all_is_heard(seed):
    machine = Machine(seed, TIGHT, withdrawn=0)
    for _ in range(3):
        for _ in range(50):
            machine.step()
        machine.calm(1)
        for _ in range(10):
            order, moment = questions(machine.random)
            said = gate_says(machine, order, moment)
            assert previewed(machine, order, moment) == said
        machine.resume()


def test_the_questions_meet_each_check_that_is_previewed():
    met, passed = set(), 0
    for seed in range(40):
        machine = Machine(seed, TIGHT, withdrawn=0)
        for _ in range(5):
            for _ in range(40):
                machine.step()
            machine.calm(1)
            for _ in range(20):
                found = previewed(machine, *questions(machine.random))
                met |= found
                passed += not found
            machine.resume()
    assert passed
    missing = {check.name for check in CHECKS} - met - set(NOT_PREVIEWED)
    assert missing <= {
        "kill_session", "kill_account", "kill_symbol", "kill_strategy", "no_limits", "message_rate",
        "lot",
    }  # fmt: skip


def test_what_is_undecided_counts_as_passed():
    machine = Machine(1)
    for name in ("a", "b"):
        machine.take(new_order(name, 29))
    order = OrderToCheck("BETA", "MSFT", "B", 3, PRICE, strategy="ALGO")
    moment = Moment(bid=PRICE, ask=PRICE)
    assert previewed(machine, order, moment) == {"position_limit"}
    assert not machine.core.risk.check_position_limit("BETA", "MSFT", 3)
    assert machine.core.risk.check_position_limit("BETA", "MSFT", 2)
    assert machine.core.risk.check_position_limit("BETA", "MSFT", -60)


def new_order(name, quantity):
    return NewOrder("C1", name, "BETA", "MSFT", "B", quantity, "2", PRICE, "0")


def test_asking_leaves_no_trace():
    machine = Machine(1)
    order = OrderToCheck("NOBODY", "NOTHING", "B", 1, PRICE)
    assert previewed(machine, order, Moment(bid=PRICE, ask=PRICE)) == {"no_limits", "message_rate"}
    assert not machine.core.exposure.held
    assert not machine.core.exposure.uses
