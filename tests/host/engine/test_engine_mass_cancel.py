"""The card cancelled everything while the engine stood still: its books follow the venue's."""

from tickgate.engine.core import Core
from tickgate.engine.inputs import decode
from tickgate.journal import read
from tickgate.records.messages import CardEvent

from tests.host.engine.test_engine_restart import again


def card_cancels_all(world, token):
    """What the card and the venue do when the watchdog has run out for long enough."""
    world.card.armed = False
    world.card.last = token
    world.card.emit(CardEvent(kind="W"))
    world.card.emit(CardEvent(kind="M", value=token))
    world.venue.say(message_type="X", user_ref_num=token)
    for number, order in world.venue.orders.items():
        if order["open"]:
            world.venue.say(
                user_ref_num=number, message_type="C", code="U", quantity=order["open"]
            )
            order["open"] = 0


def test_the_card_gets_what_it_needs_when_it_is_attached(world):
    world.start()
    assert world.card.watchdog_cancel == (2000, "TICK")
    card = world.ask("state")["card"]
    assert (card["mass_cancel_on"], card["mass_cancel_due"]) == (True, False)


def test_clients_hear_of_each_order_and_new_ones_get_numbers_above(world):
    world.start()
    client = world.trader()
    for name in ("1", "2"):
        client.order(name)
        client.expect(150, "0", 11, name)
    card_cancels_all(world, 3)
    for name in ("1", "2"):
        client.expect(150, "4", 11, name)
    world.until(lambda: "had the venue cancel every order" in world.engine.link.reason)
    assert not world.ask("state")["open_orders"]
    world.ask("arm")
    world.until(lambda: world.engine.link.reason == "")
    client.order("3")
    client.expect(150, "0", 11, "3")
    assert [request.user_ref_num for request in world.venue.received] == [1, 2, 4]
    assert world.engine.core.orders.anomalies == {}
    # The next time the watchdog alone shut the gate.
    world.card.armed = False
    world.until(lambda: "the gate shut itself (watchdog);" in world.engine.link.reason)


def test_a_restarted_engine_knows_what_the_card_did(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0", 11, "1")
    world.kill()
    card_cancels_all(world, 2)
    world.start()
    again(world, client)
    client.expect(150, "4", 11, "1")
    client.order("2")
    client.expect(150, "0", 11, "2")
    assert [request.user_ref_num for request in world.venue.received] == [1, 3]
    live = world.engine.core
    core = Core()
    for entry in read(world.config.state_dir / "journal"):
        core.handle(decode(entry), entry.sequence, entry.time_ns)
    assert core.state_hash() == live.state_hash()


def test_an_order_that_never_left_is_given_up_although_the_card_has_its_number(world):
    client = world.killed_before_an_order_left()
    card_cancels_all(world, 1)
    world.start()
    again(world, client)
    reject = client.expect(150, "8")
    assert (reject.get(11), reject.get(58)) == ("1", "the engine restarted before the order left")
    assert world.venue.received == []


def test_a_refused_mass_cancel_is_counted_and_hurts_no_order(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0", 11, "1")
    world.card.armed = False
    world.card.emit(CardEvent(kind="M", value=2))
    world.venue.say(message_type="J", user_ref_num=2, reason=12)
    world.until(lambda: any("mass cancel" in name for name in world.engine.core.rejected))
    assert world.engine.core.orders.anomalies == {}
    assert [row["leaves"] for row in world.ask("orders", limit=10)["orders"]] == [100]
