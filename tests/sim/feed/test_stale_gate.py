"""No order that needs a price passes the gate on a book that is not known to be right.

Feed, book and gate as on the card. Both lines lose packets; the host hands in what is missing, but
late. All the while orders are sent. Every one that passes must have been judged on the best bid and
offer of a moment ago: one that is older than the pipeline would mean that the gate believed a book
while a message was known to be missing.
"""

import random
from bisect import bisect_right

import numpy as np
import pytest
from tickgate.card.limits import image_crc
from tickgate.records.codec import pack
from tickgate.records.schema import ORDER_REQUEST
from tickgate.risk.checks import BY_NAME
from tickgate.risk.compile import RowNames, compile_image
from tickgate.risk.limits import parse
from tickgate_sim.fast import ORDER, FastFeed, beats, inject_beats
from tickgate_sim.models.book import BookModel
from tickgate_sim.models.itch import ItchModel
from tickgate_sim.traffic import itch
from tickgate_sim.traffic.frames import datagram, mold_packet

from tests.limits_text import shared_tables, symbol_table

pytestmark = pytest.mark.sim

STOCK = b"AAPL    "
GROUPS = (0xEFC00001, 0xEFC00002)
LIMITS = """
[accounts.ONE]
group = "DESK"
clearing_firm = "CLEAR"
permissions = ["buy", "day"]
symbols = "all"
max_quantity = 1000000
max_value = "1000000000"
rate = 65535
burst = 65535
duplicate_window = 0
cancel_rate = 65535
cancel_burst = 65535
max_orders = 2000000000
max_open_quantity = 100000000000000
max_open_value = "900000000000000"
max_day_quantity = 100000000000000
max_day_value = "900000000000000"
gross_credit = "900000000000000"
net_credit = "900000000000000"
max_long = 2000000000
max_short = 2000000000
locates = 2000000000
max_rejects = 4294967295
""" + symbol_table("AAPL", "1000.00") + shared_tables("900000000000000", "C1")
OLD = 300
"""Cycles after which a message that is known to exist must have had its effect."""
FRAME_CYCLES, ORDER_CYCLES, CHUNK = 200, 60, 10
NO_REFERENCE = 1 << BY_NAME["no_reference"].bit


def open_gate(feed):
    """Upload limits, arm, and keep the host's watchdog quiet for the whole test."""
    config = feed.config
    names = RowNames(["ONE"], ["AAPL"], ["DESK"], ["CLEAR"], ["C1"], ["ALGO"])
    image = compile_image(parse(LIMITS), names, config.table_sizes).words
    for address, word in image.items():
        feed.write(limit_address__value=address, limit_data__value=word)
    feed.write(
        limit_crc__value=image_crc(image, config.table_sizes),
        limit_generation__value=1, limit_commit__commit=1, events_room=1, session_up=1,
        watchdog_timeout__ms=65_535, watchdog_touch__touch=1, limit_lease__ms=1 << 31)
    feed.run_cycles(20_000)
    feed.write(limit_renew__value=1)
    feed.write(control__arm=1)
    assert feed.read("status__armed"), "the gate must be open for the test to mean anything"


def order(number):
    return pack(
        ORDER_REQUEST, user_ref_num=number, orig_user_ref_num=0, price=1, quantity=1, account=0,
        symbol=0, session=0, action="O", side="B", time_in_force="0", display="Y", capacity="P",
        intermarket_sweep="N", cross_type="N", clordid="", strategy=0)


class World:
    """Truth, what the lines brought and when, and what the gate decided."""

    def __init__(self, seed, loss):
        self.rng = random.Random(seed)
        self.loss = loss
        self.messages = [
            itch.event(b"Q"), itch.directory(1, STOCK), itch.status(1, STOCK, b"T")]
        self.messages += [
            m for m in itch.random_day(seed, 700, stocks=[STOCK], oddities=0.0)
            if m[:1] in b"AFECXDU"]
        book, decoder = BookModel([STOCK], 32768, 16), ItchModel()
        self.truth = [(0, 0)]  # best bid and offer after so many messages
        for number, message in enumerate(self.messages, 1):
            book.command(decoder.message(number, message))
            self.truth.append((book.tops[0].bid, book.tops[0].ask))
        self.begun, self.ended = [], []  # cycles of frames, and the last number in each
        self.passed, self.refused = [], []
        self.orders = 0

    def packets(self):
        at = 0
        while at < len(self.messages):
            step = self.rng.randrange(1, 7)
            yield 1 + at, self.messages[at:at + step]
            at += step

    def play(self, feed):
        todo = list(self.packets())
        while todo:
            missing = self.missing(feed)  # found out before, handed in after the next packets
            chunk, todo = todo[:CHUNK], todo[CHUNK:]
            self.run(feed, chunk)
            if missing:
                first, end = missing
                payload = mold_packet(first, self.messages[first - 1:end - 1])
                self.take(feed.run(inject=inject_beats(payload), orders=self.some_orders(10)))
        # What the last packets left open.
        for _ in range(3):
            if (missing := self.missing(feed)) is not None:
                first, end = missing
                payload = mold_packet(first, self.messages[first - 1:end - 1])
                self.take(feed.run(inject=inject_beats(payload)))
        heartbeat = beats([datagram(mold_packet(len(self.messages) + 1, []), group=GROUPS[0])])
        self.take(feed.run(heartbeat))

    def missing(self, feed):
        if not feed.read("gap_open"):
            return None
        return feed.read("expected"), feed.read("highest")

    def some_orders(self, count):
        made = np.zeros(count, ORDER)
        for at in range(count):
            self.orders += 1
            made[at]["cycle"] = ORDER_CYCLES * at + self.rng.randrange(ORDER_CYCLES)
            made[at]["body"] = order(self.orders)
        return made

    def run(self, feed, chunk):
        base = feed.cycles
        lines = [[], []]
        for place, (first, batch) in enumerate(chunk):
            # The first packet comes, so that the session is known.
            for line in (0, 1):
                if first == 1 or self.rng.random() >= self.loss:
                    frame = datagram(mold_packet(first, batch), group=GROUPS[line])
                    start = FRAME_CYCLES * place + 40 * line
                    made = beats([frame], start=start, cycles_per_frame=FRAME_CYCLES)
                    lines[line].append(made)
                    newest = first + len(batch) - 1
                    self.begun.append((base + start, newest))
                    self.ended.append((base + start + len(made), newest))
        count = FRAME_CYCLES * CHUNK // ORDER_CYCLES
        self.take(feed.run(
            *(np.concatenate(made) if made else None for made in lines),
            orders=self.some_orders(count)))

    def take(self, result):
        for decision in result.decisions:
            entry = (int(decision["cycle"]), int(decision["bid"]), int(decision["ask"]))
            if decision["checks"] == 0:
                self.passed.append(entry)
            elif decision["checks"] & NO_REFERENCE:
                self.refused.append(entry)

    def check(self):
        surely, maybe = Highest(self.ended), Highest(self.begun)
        for cycle, bid, ask in self.passed:
            oldest, newest = surely.at(cycle - OLD), maybe.at(cycle)
            moments = self.truth[oldest:newest + 1]
            assert (bid, ask) in moments, (
                f"an order passed at cycle {cycle} on {bid} {ask}, which was not the market after "
                f"message {oldest} to {newest}: {moments}")


class Highest:
    """The highest number of all that came until a cycle."""

    def __init__(self, arrivals):
        self.cycles, self.numbers = [], []
        for cycle, number in sorted(arrivals):
            self.cycles.append(cycle)
            self.numbers.append(max(number, self.numbers[-1] if self.numbers else 0))

    def at(self, cycle):
        place = bisect_right(self.cycles, cycle)
        return self.numbers[place - 1] if place else 0


@pytest.mark.parametrize(("seed", "loss"), [(1, 0.1), (2, 0.2), (3, 0.35)])
def test_no_order_passes_on_a_book_that_lacks_a_message(seed, loss):
    world = World(seed, loss)
    with FastFeed(symbols=["AAPL"], reorder_cycles=500) as feed:
        feed.write(group_a=GROUPS[0], group_b=GROUPS[1], port_a=26400, port_b=26400)
        open_gate(feed)
        world.play(feed)
        assert feed.read("expected") == len(world.messages) + 1, "all is recovered in the end"
        assert not feed.read("feed_stale")
        final = feed.run(orders=world.some_orders(1))
    assert final.decisions[0]["checks"] == 0
    assert (final.decisions[0]["bid"], final.decisions[0]["ask"]) == world.truth[-1]
    assert len(world.passed) > 50
    assert len(world.refused) > 20, "nothing was ever stale: the test is empty"
    world.check()
