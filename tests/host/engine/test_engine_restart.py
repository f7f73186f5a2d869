"""Deaths and returns: of the engine, the card, the venue's session. Nothing is lost or doubled."""

import pytest
from tickgate.engine.core import Core
from tickgate.engine.inputs import CardDown, Slot, decode
from tickgate.journal import read


def again(world, client):
    """The same client on the restarted engine."""
    client.address = world.engine.fix_address
    client.connect()
    client.logon()
    return client


def exec_ids(client):
    return [message.get(17) for message in client.inbox if message.get(35) == "8"]


def positions(world):
    return {
        (account, symbol): ledger.position
        for account, symbol, ledger in world.engine.core.positions.items()
    }


def test_a_fill_while_the_engine_was_dead_reaches_the_client_once(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.kill()
    world.venue.fill(1, 40, 1_500_000)
    world.start()
    again(world, client)
    fill = client.expect(150, "F")
    assert (fill.get(14), fill.get(39)) == ("40", "1")
    world.venue.fill(1, 60, 1_500_000)
    assert client.expect(150, "F").get(14) == "100"
    assert positions(world) == {("ALPHA", "AAPL"): 100}


def test_events_that_were_journalled_but_not_given_back_are_not_taken_twice(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.venue.fill(1, 100, 1_500_000)
    client.expect(150, "F")
    world.kill()
    world.card.consumed = 0
    attach = world.card.attach_rings
    world.card.attach_rings = lambda events_seen=0: attach(0)
    world.start()
    assert world.engine.core.duplicates > 0
    assert positions(world) == {("ALPHA", "AAPL"): 100}
    again(world, client)
    client.order("2")
    client.expect(150, "0", 11, "2")


def test_an_order_that_never_left_is_rejected_after_the_restart(world):
    client = world.killed_before_an_order_left()
    world.start()
    again(world, client)
    reject = client.expect(150, "8")
    assert (reject.get(11), reject.get(58)) == ("1", "the engine restarted before the order left")
    assert world.venue.received == []
    client.order("2")
    client.expect(150, "0", 11, "2")
    assert world.venue.received[0].user_ref_num == 2


def test_an_order_that_the_card_took_late_is_not_given_up(world):
    world.start()
    client = world.trader()
    world.card.hold = True
    client.order("1")
    world.until(lambda: world.card._announced)
    world.kill()
    world.start(armed=False)
    world.until(lambda: world.engine.link.phase == "draining")
    world.card.hold = False
    world.until(lambda: world.engine.link.phase == "armed")
    again(world, client)
    client.expect(150, "0", 11, "1")


def test_reports_that_were_not_stored_when_the_engine_died_are_sent_after_it(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.venue.fill(1, 100, 1_500_000)
    engine = world.engine
    slots = world.card.poll_events(10)
    engine._take(Slot(slots[0]))  # journalled and handled; the process dies before the stores
    world.kill()
    world.start()
    again(world, client)
    client.expect(150, "F")
    client.order("2")
    client.expect(150, "0", 11, "2")
    assert not [m for m in client.inbox if m.get(150) == "F"]


def test_stored_but_unmarked_reports_are_not_sent_twice(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.kill()
    (world.config.state_dir / "delivered").write_bytes(bytes(8))
    before = client.expected
    world.start()
    again(world, client)
    client.order("2")
    assert client.expect(35, "8").get(11) == "2"
    assert client.expected == before + 2


def test_an_order_that_comes_again_after_a_restart_is_not_worked_twice(world):
    world.start()
    client = world.trader()
    client.order("1")
    world.until(lambda: world.engine.core.orders.orders)
    world.kill()
    world.start()
    client.seq -= 1  # as if the store had not kept the inbound number
    store = world.engine.fix.sessions["C1"].store
    store.next_target_seq = client.seq
    again(world, client)
    client.order("1", seq=client.seq)
    client.expect(150, "I", 11, "1")
    assert len(world.venue.received) == 1


def test_replaying_the_journal_gives_the_same_state(world):
    world.start()
    client = world.trader()
    for number in range(4):
        client.order(str(number))
        client.expect(150, "0")
    world.venue.fill(1, 30, 1_500_000)
    client.expect(150, "F")
    client.replace("r", "1", 200, "151.00")
    client.expect(150, "5")
    client.cancel("c", "2")
    client.expect(150, "4")
    client.order("big", 5000)
    client.expect(150, "8")
    world.ask("kill", scope="account", target="ALPHA", on=True, cancel=True)
    client.expect(150, "4")
    live = world.engine.core
    hashes = []
    for _ in range(2):
        core = Core()
        for entry in read(world.config.state_dir / "journal"):
            core.handle(decode(entry), entry.sequence, entry.time_ns)
        hashes.append(core.state_hash())
    assert hashes == [live.state_hash()] * 2
    assert core.kills.targets["account"] == {"ALPHA"}


def test_without_a_card_orders_are_refused_at_once_and_the_state_says_so(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.lose_card()
    client.order("2")
    assert "the card is not there" in client.expect(150, "8", 11, "2").get(58)
    client.cancel("3", "1")
    assert "the card is not there" in client.expect(35, "9", 11, "3").get(58)
    client.replace("4", "1", 50, "1.00")
    assert "the card is not there" in client.expect(35, "9", 11, "4").get(58)
    card = world.ask("state")["card"]
    assert (card["connected"], card["armed"]) == (False, False)
    assert "process has ended" in card["reason"]
    world.card.dead = False
    world.until(lambda: world.engine.link.phase == "armed")
    client.cancel("5", "1")
    client.expect(150, "4", 11, "5")


def test_a_new_card_gets_limits_positions_and_what_the_venue_said_meanwhile(world, fresh_card):
    world.start()
    client = world.trader()
    for number in (1, 2, 3):
        client.order(str(number))
        client.expect(150, "0")
    world.venue.fill(1, 40, 1_500_000)
    client.expect(150, "F")
    old = world.card
    old.dead = True
    world.venue.card = None
    world.until(lambda: world.engine.link.card is None)
    world.venue.fill(2, 100, 1_500_000)
    world.card = fresh_card(world.venue)
    world.until(lambda: world.card.armed)
    assert client.expect(150, "F", 11, "2").get(14) == "100"
    assert client.expect(150, "4", 11, "1").get(14) == "40"
    client.expect(150, "4", 11, "3")
    assert world.card.positions[0, 0] == 140
    assert world.card.logins[-1] == ("S1", 5)
    assert world.card.words == old.words
    assert world.card.symbols == {0: "AAPL", 1: "MSFT"}
    client.order("4")
    client.expect(150, "0", 11, "4")


def test_an_order_that_never_reached_the_venue_is_rejected_after_the_cards_death(
    world, fresh_card
):
    world.start()
    client = world.trader()
    world.venue.silent = True
    client.order("1")
    world.until(lambda: world.venue.received)
    world.lose_card()
    world.venue.silent = False
    world.card = fresh_card(world.venue)
    world.until(lambda: world.card.armed)
    reject = client.expect(150, "8", 11, "1")
    assert "before the venue acknowledged" in reject.get(58)


def test_a_restart_while_a_new_card_is_settled_goes_on_settling(world, fresh_card):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.venue.fill(1, 40, 1_500_000)
    client.expect(150, "F")
    world.lose_card()
    world.card = fresh_card(world.venue)
    world.until(lambda: world.engine.link.phase == "venue")
    world.kill()
    world.start()
    assert world.card.positions[0, 0] == 40
    again(world, client)
    client.expect(150, "4", 11, "1")


def test_when_the_venue_has_a_new_session_the_old_orders_are_gone(world, fresh_card):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.lose_card()
    world.venue.session, world.venue.log = "S2", []
    world.card = fresh_card(world.venue)
    world.until(lambda: world.card.armed)
    assert "session S1 ended" in client.expect(150, "4", 11, "1").get(58)
    assert [login[0] for login in world.card.logins] == ["S1", ""]
    client.order("2")
    client.expect(150, "0", 11, "2")


def test_a_dropped_venue_session_is_logged_in_again_where_it_was(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.card.logged_in = False
    world.venue.fill(1, 100, 1_500_000)
    client.expect(150, "F")
    assert world.card.logins == [("", 1), ("S1", 2)]


def test_tokens_that_the_venue_knows_from_another_life_are_not_used_again(world):
    world.venue.say(user_ref_num=41, message_type="A", code="L", quantity=1, price=1)
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    assert world.venue.received[0].user_ref_num == 42


def test_a_torn_journal_is_repaired_and_noted(world):
    world.start()
    world.trader()
    world.kill()
    (segment,) = (world.config.state_dir / "journal").glob("*.journal")
    raw = bytearray(segment.read_bytes())
    last = raw.rindex(b"TGJE")
    raw[last + 40] ^= 1
    segment.write_bytes(raw)
    engine = world.start()
    assert engine.journal.repair is not None
    notes = [
        value.note
        for value in map(decode, read(world.config.state_dir / "journal"))
        if hasattr(value, "note")
    ]
    assert "torn tail" in notes[-1]


def test_the_death_of_the_card_is_in_the_journal(world):
    world.start()
    world.lose_card()
    inputs = [decode(entry) for entry in read(world.config.state_dir / "journal")]
    assert isinstance(inputs[-1], CardDown)
    assert not world.engine.core.card_up


def test_orders_that_come_meanwhile_do_not_keep_a_new_card_from_being_settled(
    world, fresh_card, monkeypatch
):
    monkeypatch.setattr("tickgate.engine.cardlink.QUIET_NS", 300_000_000)
    world.start()
    client = world.trader()
    world.lose_card()
    world.card = fresh_card(world.venue)
    sent = 0
    while not world.card.armed:
        client.order(f"m{sent}")
        client.expect(150, "8")
        sent += 1
        assert sent < 5000


@pytest.mark.parametrize("fresh", [True, False])
def test_a_card_that_empties_its_books_meanwhile_is_waited_for_and_not_let_go(
    world, fresh_card, fresh
):
    """Recovery of the feed begins whenever a card is attached: to let go of one that is busy with
    it, and attach again, would go on for ever."""
    world.start()
    if fresh:
        world.lose_card()
        world.card = fresh_card(world.venue)
    else:
        world.kill()
        world.card.armed = False
        world.card.logged_in = False
        world.start(armed=False)
    link = world.engine.link
    world.until(lambda: link.phase == "venue")
    world.card.ready = False
    failures = world.engine.counters["card: CardNotReady"]
    world.until(lambda: world.card.logged_in and link.reason == "the card clears its memories")
    for _ in range(100):
        world.turn()
    assert link.card is world.card
    assert not world.card.armed
    assert world.engine.counters["card: CardNotReady"] == failures
    world.card.ready = True
    world.until(lambda: world.card.armed and link.phase == "armed")
    assert link.reason == ""


def test_positions_are_loaded_once_into_a_card_that_empties_its_books_meanwhile(
    world, fresh_card, monkeypatch
):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.venue.fill(1, 40, 1_500_000)
    client.expect(150, "F")
    world.lose_card()
    world.card = card = fresh_card(world.venue)
    loads = []
    monkeypatch.setattr(card, "load_position", lambda *row: loads.append(row))
    link = world.engine.link
    world.until(lambda: link.phase == "venue")
    card.ready = False
    world.until(lambda: link.phase == "settling" and link.reason == "the card clears its memories")
    for _ in range(100):
        world.turn()
    assert loads == []
    card.ready = True
    world.until(lambda: card.armed)
    assert loads == [(0, 0, 40)]
