"""A line of the feed, from frames to messages, against its golden model."""

import random

import pytest
from tickgate_hdl.feed.line import COUNTERS, FeedLine
from tickgate_hdl.lib.stream import check_stream
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.models.line import LineModel
from tickgate_sim.traffic.frames import GROUP, PORT, beats, datagram, mold_packet
from tickgate_sim.traffic.hostile import HostileTraffic, Kind, Layers

SESSION = b"TICKGATE01"
CLOCK_NS = 1_000_000


class CheckedLine(FeedLine):
    """A line whose items keep the contract of streams."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        check_stream(m, "item", self.item)
        return m


class LineBench(Bench):
    """A line, its model, and what the line told in which cycle."""

    def __init__(self, *, line_fifo=64, registered=False, session=None, seed=1):
        super().__init__(CheckedLine(line_fifo=line_fifo, registered=registered), seed=seed)
        self.model = LineModel(GROUP, PORT, session)
        self.registered = registered
        self.sent, self.story, self.packets = [], [], []
        self.items = []

    def play(self, sequence, *, idle=0.0, stall=0.0, exact=False, limit=200_000):
        """Send (frame, error) pairs through both; compare all that is told, and with ``exact`` the
        cycle of each message; where registered, each one may make those behind it two cycles late.
        """
        dut, model, rng = self.dut, self.model, random.Random(stall)
        words = [word for frame, error in sequence for word in beats(frame, error)]
        ends = []  # beats before each frame
        for frame, error in sequence:
            ends.append((ends[-1] if ends else 0) + -(-len(frame) // 8))
            model.frame(frame, error)
        starts = [0, *ends]

        async def configure(ctx):
            ctx.set(dut.group, GROUP)
            ctx.set(dut.port, PORT)
            if model.session is not None:
                ctx.set(dut.session, int.from_bytes(model.session, "little"))
                ctx.set(dut.session_known, 1)

        async def clock(ctx):
            now = -1  # as the sources count
            while True:
                ctx.set(dut.cycles, now % 2**32)
                ctx.set(dut.time_ns, CLOCK_NS + now)
                await ctx.tick()
                now += 1

        async def watch(ctx):
            ports = (dut.packet.valid, dut.frame_bad, dut.frame_start, dut.item.valid,
                     dut.packet.session, dut.packet.sequence, dut.packet.next,
                     dut.packet.heartbeat, dut.packet.end, dut.foreign, dut.item.payload)
            while True:
                ready = rng.random() >= stall
                ctx.set(dut.item.ready, ready)
                _, _, packet, bad, start, item, *header, payload = await ctx.tick().sample(*ports)
                assert packet == start
                if packet:
                    self.story.append("P")
                    self.packets.append(header)
                if item and ready:
                    self.story.append("I")
                    self.items.append((self.cycle - 1, payload))
                if bad:
                    self.story.append("B")

        self.process(configure)
        self.background(clock)
        self.background(watch)
        self.source(dut.i, words, idle=idle, sent=self.sent.append)
        state = {}

        async def finish(ctx):
            while len(self.sent) < len(words) or ctx.get(dut.active):
                await ctx.tick()
            await ctx.tick().repeat(8)
            assert not ctx.get(dut.active)
            state.update({name: ctx.get(getattr(dut, name)) for name in COUNTERS})
            self.high_water = ctx.get(dut.fifo_high_water)

        self.process(finish)
        self.run(limit=limit)
        assert "".join(self.story) == "".join(model.story)
        assert state == {name: model.counts[name.removeprefix("count_")] for name in COUNTERS}
        for got, want in zip(self.packets, model.packets, strict=True):
            count = want.messages % 0xFFFF
            assert got == [int.from_bytes(want.session, "little"), want.sequence,
                           (want.sequence + count) % 2**64, want.messages == 0,
                           want.messages == 0xFFFF, want.foreign]
        most_late = 0
        for (cycle, got), want in zip(self.items, model.items, strict=True):
            data = got.data.to_bytes(50, "little")[:want.length]
            assert (got.channel, got.sequence, got.length, data) == (
                0, want.sequence, want.length, want.data)
            first = starts[want.frame]
            assert got.time_ns == CLOCK_NS + self.sent[first]
            assert got.arrival == self.sent[first + want.end // 8] % 2**32
            if exact:
                assert 0 <= cycle - got.arrival - dut.latency <= most_late
                most_late += 2 * self.registered


def message(number, length=19):
    return (number.to_bytes(8, "big") + bytes(range(256)) * 3)[:length]


def packet(sequence, messages, **options):
    return datagram(mold_packet(sequence, messages, **options))


def test_reset_values(simulate):
    dut = FeedLine(line_fifo=4)

    async def bench(ctx):
        assert ctx.get(dut.i.ready)
        for name in (*COUNTERS, "fifo_high_water", "active", "frame_bad", "frame_start"):
            assert ctx.get(getattr(dut, name)) == 0, name
        assert not ctx.get(dut.item.valid)

    simulate(dut, bench)


@pytest.mark.parametrize("registered", [False, True])
def test_a_message_comes_so_many_cycles_after_the_beat_with_its_last_byte(registered):
    bench = LineBench(registered=registered)
    assert bench.dut.latency == (4 if registered else 1)
    sizes = [19, 36, 23, 31, 50, 44, 12, 25, 35, 20]
    bench.play([(packet(1, [message(n, size) for n, size in enumerate(sizes)]), False)],
               exact=True)
    assert len(bench.items) == len(sizes)  # the bench compares the cycles


@pytest.mark.parametrize("registered", [False, True])
def test_messages_that_end_within_two_beats_of_their_length(registered):
    """Each of these lengths behind each of them, from changing lanes: never a later cycle."""
    lengths = [length for first in range(9, 24) for length in (first, 32 - first, 19)]
    bench = LineBench(registered=registered)
    frames = [packet(n, [message(n, length)] * 3 + [message(n, 8 + n)])
              for n, length in enumerate(lengths)]
    bench.play([(frame, False) for frame in frames], exact=True, idle=0.2)
    assert len(bench.items) == 4 * len(lengths)


@pytest.mark.parametrize("tags", [(), (0x88A8,), (0x8100, 0x8100)])
def test_lengths_from_every_lane_behind_each_tag(tags):
    """Nine blocks that are odd in length begin in all lanes. Every length: in tests/sim/feed."""
    frames = []
    for length in (0, 1, 5, 6, 7, 9, 19, 31, 35, 49):
        payload = mold_packet(1, [message(n, length) for n in range(1, 10)])
        frames.append((Layers(payload, GROUP, PORT, tags=tags).frame(), False))
    LineBench().play(frames)


@pytest.mark.parametrize(("length", "registered"), [
    (0, False), (1, False), (3, False), (5, False), (0, True), (3, True)])
def test_several_messages_in_a_beat(length, registered):
    bench = LineBench(line_fifo=8, registered=registered)
    bench.play([(packet(1, [message(n, length)] * 40), False) for n in range(3)], stall=0.3)
    assert len(bench.items) == 120


def test_long_messages_are_cut_and_their_length_saturates():
    lengths = [49, 50, 51, 254, 255, 256, 700, 19]
    bench = LineBench()
    bench.play([(packet(1, [message(n, length) for n, length in enumerate(lengths)]), False)])
    assert [item.length for _, item in bench.items] == [49, 50, 51, 254, 255, 255, 255, 19]


def test_a_payload_may_end_anywhere():
    frames = []
    for length in (0, 1, *range(13, 32), *range(40, 70, 3), 110, 111, 112):
        payload = mold_packet(1, [message(1), message(2, 31), message(3, 36)])
        frames.append((datagram(payload[:length]), False))
    bench = LineBench()
    bench.play(frames)
    counts = bench.model.counts
    assert counts["mold_malformed"] == len(frames) - 1  # with 112 bytes it is whole
    assert counts["frames_bad"] == 0


def test_packets_of_many_messages_and_frames_back_to_back():
    frames = [packet(1 + 70 * n, [message(m, 19) for m in range(70)]) for n in range(4)]
    bench = LineBench()
    bench.play([(frame, False) for frame in frames])
    total = sum(-(-len(frame) // 8) for frame in frames)
    assert bench.sent[-1] - bench.sent[0] == total - 1  # never a pause
    assert bench.high_water == 0


def test_while_an_item_waits_beats_are_stored_and_none_is_lost():
    frames = [packet(1 + 10 * n, [message(m, 19) for m in range(10)]) for n in range(6)]
    bench = LineBench(line_fifo=16)
    bench.play([(frame, False) for frame in frames], stall=0.9)
    assert 16 <= bench.high_water <= 17


def test_other_sessions_are_told_but_not_their_messages():
    bench = LineBench(session=SESSION)
    good = mold_packet(1, [message(1)])
    foreign = mold_packet(1, [message(1)], session=b"MONDAY    ")
    bench.play([(datagram(payload), False) for payload in (good, foreign, foreign + b"x", good)])
    assert bench.story == list("PIPPPI")
    assert bench.model.counts["mold_foreign"] == 2
    assert bench.model.counts["mold_malformed"] == 0


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("stall", [0.0, 0.8])
def test_a_bad_frame_is_told_after_its_last_item(stall, registered):
    bad = packet(1, [message(1), message(2)])
    bench = LineBench(registered=registered)
    bench.play([(bad, True), (bad, False)] * 3, stall=stall)
    assert bench.story == list("PIIBPII" * 3)


def test_frames_of_others_take_no_time_whatever_they_hold():
    """Full of empty messages, at the wire's pace: the line never waits, and hears the next one."""
    bench = LineBench(line_fifo=16)
    zeros = mold_packet(1, [b""] * 700)
    other = [(datagram(zeros, group=GROUP + 1), False)] * 3
    bench.play([*other, (datagram(mold_packet(1, [b"ABC"])), False)])
    assert bench.sent == list(range(bench.sent[0], bench.sent[0] + len(bench.sent)))
    assert len(bench.items) == 1


def test_with_group_0_the_line_is_off():
    bench = LineBench()
    bench.model.group = 0

    async def off(ctx):
        ctx.set(bench.dut.group, 0)

    bench.process(off)
    frame = Layers(mold_packet(1, [message(1)]), 0, PORT).frame()
    words = beats(frame)
    bench.source(bench.dut.i, words)
    got = bench.sink(bench.dut.item)
    bench.run(limit=1000)
    assert not got


@pytest.mark.parametrize(
    ("idle", "stall", "registered"), [(0.0, 0.0, False), (0.2, 0.6, True)])
def test_hostile_traffic_equals_the_model(idle, stall, registered):
    rng = random.Random(repr((idle, stall)))
    traffic = HostileTraffic(rng, group=GROUP, port=PORT)
    kinds = [kind for kind in Kind if kind not in (Kind.OVERSIZE, Kind.JUMBO)]
    rng.shuffle(kinds)
    frames = [traffic.frame(kind, SESSION, rng.randrange(1000)) for kind in kinds]
    bench = LineBench(line_fifo=32, session=SESSION, registered=registered)
    bench.play(frames, idle=idle, stall=stall)
    assert bench.model.counts["frames_bad"] > 10
