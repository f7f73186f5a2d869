"""The order state machine: whatever comes, in whatever order, nothing is lost and sums hold."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tickgate.execution.effects import CancelRefused, Execution, Filled, Submit
from tickgate.execution.manager import OrderManager, Wanted
from tickgate.execution.table import TABLE, TERMINAL, Event, State

TERMINAL_BUT_NEVER_REVIVED = TERMINAL - {State.REJECTED}


def manager():
    orders = OrderManager()
    orders.begin(1, 1000)
    return orders


def enter(orders, cl_ord_id="1", quantity=100):
    (submit,) = orders.enter(
        "S", "A", "XYZ", "B", Wanted(cl_ord_id, quantity, 5000, "2", "0")
    )
    return submit.token


def live(orders, **options):
    token = enter(orders, **options)
    orders.on_passed(token, "O")
    orders.on_accepted(token, orders.orders[token].quantity, 5000, False)
    return token


def told(effects):
    return [x for x in effects if isinstance(x, (Execution, CancelRefused))]


def test_the_table_says_something_about_every_pair():
    assert set(TABLE) == {(state, event) for state in State for event in Event}


def test_no_dead_order_comes_to_life_but_one_that_was_given_up():
    for (state, _), step in TABLE.items():
        if state in TERMINAL_BUT_NEVER_REVIVED and isinstance(step.to, State):
            assert step.to in TERMINAL


def test_reports_of_a_life():
    orders = manager()
    token = live(orders)
    effects = orders.on_executed(token, 30, 4990, 7)
    fill, report = effects
    assert fill == Filled("A", "XYZ", "B", 30, 4990, (token, 7))
    assert (report.exec_type, report.ord_status, report.leaves, report.cum) == ("F", "1", 70, 30)
    (done,) = orders.on_canceled(token, 70, "why")
    assert (done.exec_type, done.ord_status, done.leaves, done.text) == ("4", "4", 0, "why")
    assert not orders.open
    assert not orders.anomalies


def test_a_fill_that_comes_twice_is_booked_once_and_counted():
    orders = manager()
    token = live(orders)
    orders.on_executed(token, 30, 1, 7)
    assert orders.on_executed(token, 30, 1, 7) == []
    assert orders.orders[token].chain.cum == 30
    assert sum(orders.anomalies.values()) == 1


@pytest.mark.parametrize("end", ["fill", "cancel"])
def test_a_late_fill_is_booked_and_told_though_the_order_is_over(end):
    orders = manager()
    token = live(orders)
    if end == "fill":
        orders.on_executed(token, 100, 1, 1)
    else:
        orders.on_canceled(token, 100, "")
    before = orders.orders[token].state
    fill, report = orders.on_executed(token, 10, 1, 2)
    assert isinstance(fill, Filled)
    assert report.cum == (110 if end == "fill" else 10)
    assert orders.orders[token].state is before
    assert orders.anomalies


def test_an_order_that_was_given_up_and_lives_is_reported_alive():
    orders = manager()
    token = enter(orders)
    orders.on_refused(token, "O", 99, "lost")
    (report,) = orders.on_accepted(token, 100, 5000, False)
    assert (report.exec_type, report.leaves) == ("0", 100)
    assert "after all" in report.text
    assert token in orders.open


def test_an_accepted_dead_order_is_new_and_canceled():
    orders = manager()
    token = enter(orders)
    new, canceled = orders.on_accepted(token, 100, 5000, True)
    assert (new.exec_type, canceled.exec_type, canceled.leaves) == ("0", "4", 0)
    assert not orders.open


def test_the_venue_may_accept_less():
    orders = manager()
    token = enter(orders)
    (report,) = orders.on_accepted(token, 60, 4000, False)
    assert (report.quantity, report.leaves, report.price) == (60, 60, 4000)


def test_a_replace_chain_keeps_order_id_and_sums():
    orders = manager()
    first = live(orders)
    orders.on_executed(first, 30, 10, 1)
    (submit,) = orders.replace("S", "1", "XYZ", "B", Wanted("2", 200, 6000, "2", "0"))
    assert (submit.action, submit.original, submit.quantity) == ("U", first, 200)
    (report,) = orders.on_replaced(submit.token, first, 170, 6000, False)
    assert (report.exec_type, report.cl_ord_id, report.orig_cl_ord_id) == ("5", "2", "1")
    assert (report.cum, report.leaves, report.quantity, report.ord_status) == (30, 170, 200, "1")
    assert report.order_id == "TG1"
    assert orders.orders[first].state is State.REPLACED
    assert set(orders.open) == {submit.token}


def test_a_fill_that_ends_an_order_refuses_its_replacement():
    orders = manager()
    first = live(orders)
    orders.replace("S", "1", "XYZ", "B", Wanted("2", 200, 6000, "2", "0"))
    _, report, refused = orders.on_executed(first, 100, 10, 1)
    assert report.ord_status == "2"
    assert (refused.cl_ord_id, refused.response_to, refused.reason) == ("2", "2", 0)
    assert not orders.open


def test_a_cancel_while_a_replace_is_on_its_way_reaches_whichever_lives():
    orders = manager()
    first = live(orders)
    (replace,) = orders.replace("S", "1", "XYZ", "B", Wanted("2", 200, 6000, "2", "0"))
    cancels = orders.cancel("S", "3", "1")
    assert [(x.action, x.token) for x in cancels] == [("X", first), ("X", replace.token)]
    orders.on_replaced(replace.token, first, 200, 6000, False)
    assert orders.orders[replace.token].state is State.PENDING_CANCEL
    (done,) = orders.on_canceled(replace.token, 200, "")
    assert (done.cl_ord_id, done.orig_cl_ord_id, done.ord_status) == ("3", "1", "4")


def test_a_cancel_that_names_the_replacement_on_its_way_cancels_both():
    orders = manager()
    first = live(orders)
    (replace,) = orders.replace("S", "1", "XYZ", "B", Wanted("2", 200, 6000, "2", "0"))
    cancels = orders.cancel("S", "3", "2")
    assert [x.token for x in cancels] == [first, replace.token]
    done, refused = orders.on_canceled(first, 100, "")
    assert (done.cl_ord_id, done.orig_cl_ord_id) == ("3", "2")
    assert refused.cl_ord_id == "2"


def test_a_venue_reject_of_a_replace_leaves_the_original():
    orders = manager()
    first = live(orders)
    (replace,) = orders.replace("S", "1", "XYZ", "B", Wanted("2", 200, 6000, "2", "0"))
    (refused,) = orders.on_venue_rejected(replace.token, "no")
    assert (refused.reason, refused.ord_status, refused.text) == (99, "0", "no")
    assert orders.orders[first].state is State.NEW
    assert set(orders.open) == {first}


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Wanted("2", 30, 1, "2", "0"), "OrdQty|OrderQty must be above the 30"),
        (Wanted("2", 200, 1, "1", "0"), "OrdType must be 2"),
        (Wanted("2", 200, 1, "2", "4"), "TimeInForce"),
        (Wanted("2", 200, 2**32, "2", "0"), "Price must be at most"),
    ],
)
def test_replaces_that_cannot_be(wanted, text):
    orders = manager()
    token = live(orders)
    orders.on_executed(token, 30, 10, 1)
    (refused,) = orders.replace("S", "1", "XYZ", "B", wanted)
    assert isinstance(refused, CancelRefused)
    assert any(part in refused.text for part in text.split("|"))
    assert orders.orders[token].live


def test_a_cancel_that_the_gate_refuses_leaves_the_order():
    orders = manager()
    token = live(orders)
    orders.cancel("S", "2", "1")
    (refused,) = orders.on_refused(token, "X", 99, "venue down")
    assert (refused.cl_ord_id, refused.text, refused.ord_status) == ("2", "venue down", "0")


def test_words_about_unknown_orders_are_counted_and_their_numbers_are_not_used_again():
    orders = manager()
    assert orders.on_executed(77, 1, 1, 1) == []
    assert orders.on_canceled(78, 1, "") == []
    assert sum(orders.anomalies.values()) == 2
    assert enter(orders) == 79


ASKS = ("enter", "cancel", "replace", "mass")
ANSWERS = (
    "pass",
    "refuse",
    "refuse_cancel",
    "accept",
    "accept_dead",
    "replaced",
    "fill",
    "canceled",
    "rejected",
    "broken",
    "gone",
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(ASKS) | st.sampled_from(ANSWERS),
        st.integers(1, 4),
        st.integers(1, 150),
    ),
    min_size=20,
    max_size=60,
)


@settings(max_examples=100)
@given(STEPS)
def test_nothing_is_lost_whatever_comes(steps):
    play(steps)


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_in_long_random_traffic(seed):
    random = Random(seed)
    for _ in range(100):
        play(
            (random.choice(random.choice((ASKS, ANSWERS))), random.randint(1, 4), quantity)
            for quantity in random.choices(range(1, 150), k=40)
        )


def play(steps):
    """Words of clients, gate and venue, legal or not; sums are checked after each."""
    orders = OrderManager()
    booked, exec_ids, asked, answered = 0, set(), set(), set()
    for number, (step, token, quantity) in enumerate(steps):
        orders.begin(number + 1, number)
        name = f"c{number}"
        wanted = Wanted(name, quantity, 5000, "2", "0")
        of = orders.orders.get(token)
        match step:
            case "enter":
                effects = orders.enter("S", "A", "XYZ", "B", wanted)
            case "cancel":
                asked.add(name)
                effects = orders.cancel("S", name, of.cl_ord_id if of else "none")
            case "replace":
                original = of.cl_ord_id if of else "none"
                asked.add(name)
                effects = orders.replace("S", original, "XYZ", "B", wanted)
            case "pass":
                effects = orders.on_passed(token, "O")
            case "refuse":
                effects = orders.on_refused(token, "O", 99, "no")
            case "refuse_cancel":
                effects = orders.on_refused(token, "X", 99, "no")
            case "accept" | "accept_dead":
                effects = orders.on_accepted(token, quantity, 1, step == "accept_dead")
            case "replaced":
                original = of.original.token if of and of.original else token
                effects = orders.on_replaced(token, original, quantity, 1, False)
            case "fill":
                effects = orders.on_executed(token, quantity, 7, number)
            case "canceled":
                effects = orders.on_canceled(token, quantity, "")
            case "rejected":
                effects = orders.on_venue_rejected(token, "no")
            case "broken":
                effects = orders.on_broken(token, quantity, "")
            case "gone":
                effects = orders.on_gone(token, "")
            case "mass":
                effects = orders.mass_cancel(list(orders.open.values()))
        for effect in effects:
            if isinstance(effect, Filled):
                booked += -effect.quantity if effect.broken else effect.quantity
            elif isinstance(effect, Execution):
                assert effect.exec_id not in exec_ids
                exec_ids.add(effect.exec_id)
                assert effect.leaves >= 0
                if effect.exec_type in "45":
                    answered.add(effect.cl_ord_id)
            elif isinstance(effect, CancelRefused):
                assert effect.cl_ord_id not in answered
                answered.add(effect.cl_ord_id)
            else:
                assert isinstance(effect, Submit)
        chains = {id(order.chain): order.chain for order in orders.orders.values()}.values()
        assert sum(chain.cum for chain in chains) == booked
        for chain in chains:
            whole = [fill for fill in chain.fills.values() if not fill.broken]
            assert chain.cum == sum(fill.quantity for fill in whole)
            assert chain.value == sum(fill.quantity * fill.price for fill in whole)
        assert {t for t, order in orders.orders.items() if order.live} == set(orders.open)
        alive = {id(order.chain) for order in orders.open.values()}
        waiting = {x.cancel[0] for x in chains if x.cancel and id(x) in alive}
        waiting |= {
            order.cl_ord_id
            for order in orders.orders.values()
            if order.original is not None and order.live and not order.accepted
        }
        done = {order.cl_ord_id for order in orders.orders.values() if order.accepted}
        assert asked <= answered | waiting | done, "a request got no answer and waits for none"
