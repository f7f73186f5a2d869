"""FeedBook in Verilator: random traffic and real market data against the golden model and a peer.

Runs in the simulator; started by tests/sim/feed. Samples are found through TICKGATE_SHARED.
"""

import csv
import gzip
import os
import random
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from tickgate_sim.bfm import StreamSink, StreamSource, randomly
from tickgate_sim.models.book import BookModel
from tickgate_sim.models.feed_book import FeedBookModel
from tickgate_sim.models.line import LineModel
from tickgate_sim.tb.feed_book_config import CONFIG
from tickgate_sim.tb.feed_book_records import event, shown, top, top_record
from tickgate_sim.traffic import frames, itch

PERIOD_NS = 6.4


class FeedBench:
    """The card's market data half with its model; the frames come on line A, and copies on B."""

    def __init__(self, dut, names, *, group=frames.GROUP, port=frames.PORT):
        self.dut = dut
        self.names = [*names, *[None] * (CONFIG.symbols - len(names))]
        self.group, self.port = group, port
        cocotb.start_soon(Clock(dut.clk, PERIOD_NS, unit="ns").start())
        self.source = StreamSource(dut, "i_a")
        self.other = StreamSource(dut, "i_b")
        self.tob = StreamSink(dut, "tob")
        self.events = StreamSink(dut, "events")
        self.cycle = 0
        self.beats = 0
        self.records = []
        self.latencies = []
        cocotb.start_soon(self._count())
        self._new_model()

    def _new_model(self):
        book = BookModel(list(self.names), CONFIG.order_sets, CONFIG.order_ways)
        self.model = FeedBookModel(LineModel(self.group, self.port), book)

    async def _count(self):
        self.dut.cycles.value = 0
        while True:
            await RisingEdge(self.dut.clk)
            self.cycle += 1
            self.dut.cycles.value = self.cycle & 0xFFFFFFFF

    async def cycles(self, count):
        for _ in range(count):
            await RisingEdge(self.dut.clk)

    async def reset(self):
        """Reset, wait for the sweep, set the lines, load the symbols."""
        dut = self.dut
        dut.rst.value = 1
        for name in ("symbol_write", "time_ns", "time_ns_a", "time_ns_b", "itch_type_select",
                     "select", "rebuild", "resume",
                     "forget", "resume_sequence", "inject__valid", "port_b_we", "group_a_we",
                     "port_a_we", "group_b_we"):
            getattr(dut, name).value = 0
        dut.reorder_cycles.value = 1_000_000
        self.source.clear()
        self.other.clear()
        await self.cycles(4)
        dut.rst.value = 0
        self.tob.clear()
        self.events.clear()
        self._new_model()
        await self.cycles(2)
        assert dut.busy.value == 1
        dut.query_symbol.value = 0
        await self.cycles(2)
        assert top(dut.query_top.value.to_unsigned()).stale, "a table being emptied must be stale"
        while dut.busy.value:
            await RisingEdge(dut.clk)
        for line in "ab":
            getattr(dut, f"group_{line}").value = self.group
            getattr(dut, f"port_{line}").value = self.port
            getattr(dut, f"group_{line}_we").value = 1
            getattr(dut, f"port_{line}_we").value = 1
        for index, name in enumerate(self.names):
            dut.symbol_index.value = index
            dut.symbol_name.value = int.from_bytes(name or b"", "little")
            dut.symbol_enable.value = name is not None
            dut.symbol_write.value = 1
            await RisingEdge(dut.clk)
        dut.symbol_write.value = 0
        for line in "ab":
            getattr(dut, f"group_{line}_we").value = 0
            getattr(dut, f"port_{line}_we").value = 0
        await self.cycles(2)

    async def play(self, sequence: Iterable[bytes]):
        """Send frames through the card and the model, and wait until nothing is in flight."""
        sequence = list(sequence)
        for frame in sequence:
            self.model.frame(frame)
            beats = frames.beats(frame)
            self.beats += len(beats)
            self.source.send_nowait(*beats)
        await self.source.wait()
        await self.other.wait()
        await self.cycles(8)
        while self.dut.active.value:
            await RisingEdge(self.dut.clk)
        await self.cycles(3)

    async def rebuild(self, sequence: int):
        """Empty the books and go on from a number, as the host does after a snapshot."""
        dut = self.dut
        dut.rebuild.value = 1
        await self.cycles(1)
        dut.rebuild.value = 0
        await self.cycles(3)
        while dut.busy.value:
            await RisingEdge(dut.clk)
        dut.resume_sequence.value = sequence
        dut.resume.value = 1
        await self.cycles(1)
        dut.resume.value = 0
        await self.cycles(3)
        self.model.rebuild(sequence)

    async def check(self, *, lines=1):
        """Compare all that came out with the model; counters of reception only for one line."""
        decoded = [top_record(payload) for payload in self.tob.recv_all()]
        self.records = [record for record, _ in decoded]
        self.latencies = [cycles for _, cycles in decoded]
        events = [event(payload) for payload in self.events.recv_all()]
        model, book = self.model, self.model.book
        assert self.records, "nothing was told: the test is empty"
        _equal("TopOfBook", shown(self.records), shown(book.records))
        _equal("status events", [e for e in events if e.kind in "SHRT"],
               [e for e in book.events if e.kind in "SHRT"])
        for kinds, source in (("OU", book.events), ("NZB", model.events)):
            _equal(f"events {kinds}",
                   sorted((e.kind, e.code, e.symbol) for e in events if e.kind in kinds),
                   sorted((e.kind, e.code, e.symbol) for e in source if e.kind in kinds))
        assert not [e for e in events if e.kind in "GC"], "no message was missing"
        expected = model.counts() if lines == 1 else {**model.itch.counts, **book.counts}
        counts = {name: getattr(self.dut, f"count_{name}").value.to_unsigned() for name in expected}
        assert counts == expected
        assert self.dut.expected.value.to_unsigned() == model.expected
        for letter, count in model.itch.by_type.items():
            self.dut.itch_type_select.value = ord(letter)
            await self.cycles(2)
            assert self.dut.itch_type_count.value.to_unsigned() == count, letter
        for symbol, name in enumerate(self.names):
            if name is not None:
                self.dut.query_symbol.value = symbol
                await self.cycles(3)
                assert top(self.dut.query_top.value.to_unsigned()) == book.tops[symbol], symbol

    def report(self, title, cycles):
        """Log what was measured."""
        ordered = sorted(self.latencies)
        self.dut._log.info(
            f"{title}: {self.beats} beats, {self.model.counts()['itch_messages']} messages in "
            f"{cycles} cycles ({self.beats / cycles:.3f} beats/cycle); last byte to best bid and "
            f"offer: min {ordered[0]}, median {ordered[len(ordered) // 2]}, max {ordered[-1]}"
        )


def _equal(what, got, wanted):
    for index, (one, other) in enumerate(zip(got, wanted, strict=False)):
        assert one == other, f"{what} {index}: was {one}, must be {other}"
    assert len(got) == len(wanted), f"{what}: {len(got)} records, must be {len(wanted)}"


def _shared() -> Path:
    return Path(os.environ["TICKGATE_SHARED"]) / "data"


def _messages(path: Path) -> list[bytes]:
    data, at, messages = path.read_bytes(), 0, []
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        messages.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    return [message for message in messages if message]


def _pcap(path: Path) -> tuple[int, list[bytes]]:
    """Link type and frames of a classic pcap."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    (link,) = struct.unpack_from(f"{order}I", data, 20)
    at, found = 24, []
    while at < len(data):
        (length,) = struct.unpack_from(f"{order}I", data, at + 8)
        found.append(data[at + 16 : at + 16 + length])
        at += 16 + length
    return link, found


def _packed(messages: list[bytes], *, most=40, seed=1, **options) -> Iterator[bytes]:
    rng = random.Random(seed)
    at = 0
    while at < len(messages):
        step, size = 0, 20
        while (
            at + step < len(messages)
            and step < most
            and size + 2 + len(messages[at + step]) <= 1400
        ):
            size += 2 + len(messages[at + step])
            step += 1
        step = min(step, rng.randrange(1, most + 1))
        packet = frames.mold_packet(1 + at, messages[at : at + step])
        yield frames.datagram(packet, **options)
        at += step


def _broken(rng: random.Random, frame: bytes) -> bytes:
    """A damaged frame; what damage in the payload does is the channel's tests' matter."""
    kind = rng.randrange(4)
    if kind == 0:
        return frame[: rng.randrange(1, len(frame))]
    if kind == 1:
        at = rng.randrange(14, 42)
        return frame[:at] + bytes([frame[at] ^ 1 << rng.randrange(8)]) + frame[at + 1 :]
    if kind == 2:
        return frame + bytes(rng.randrange(1, 3000))
    return bytes(rng.randrange(256) for _ in range(rng.randrange(1, 200)))


@cocotb.test(timeout_time=200, timeout_unit="ms")
@cocotb.parametrize(idle=[0.0, 0.5], stall=[0.0, 0.7])
async def random_traffic(dut, idle, stall):
    """Random days with oddities, damaged frames, duplicates and a change of session."""
    seed = int(idle * 10 + stall * 100) + 1
    rng = random.Random(seed)
    bench = FeedBench(dut, itch.STOCKS[:3])
    await bench.reset()
    bench.source.set_pause_generator(randomly(idle, seed))
    bench.events.set_pause_generator(randomly(stall, seed + 2))
    day = list(itch.random_day(seed, 1500, ticks=400))
    traffic = []
    for frame in _packed(day, most=12, seed=seed, vlan=rng.choice([None, 12])):
        choice = rng.random()
        if choice < 0.05:
            traffic.append(_broken(rng, frame))
        traffic.extend([frame] * (2 if 0.05 < choice < 0.10 else 1))
    traffic.append(frames.datagram(frames.mold_packet(len(day) + 1, [], count=0xFFFF)))
    next_day = list(itch.random_day(seed + 1, 200))
    packet = frames.mold_packet(1, next_day[:20], session=b"NEXTDAY   ")
    traffic.append(frames.datagram(packet))
    await bench.play(traffic)
    await bench.check()


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def two_lines(dut):
    """Each packet comes on A, or on B, or on both at different times: the book is the same."""
    rng = random.Random(11)
    bench = FeedBench(dut, itch.STOCKS[:3])
    await bench.reset()
    bench.source.set_pause_generator(randomly(0.3, 1))
    bench.other.set_pause_generator(randomly(0.4, 2))
    for number, frame in enumerate(_packed(list(itch.random_day(9, 1500)), most=8, seed=3)):
        bench.model.frame(frame)
        where = 0 if number == 0 else rng.randrange(3)
        for source, skips in ((bench.source, 2), (bench.other, 1)):
            if where != skips:
                source.send_nowait(*frames.beats(frame))
    await bench.play([])
    await bench.check(lines=2)
    assert dut.count_mold_duplicates.value.to_unsigned() > 100


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def best_levels_vanish(dut):
    """Fronts run low and are filled up from behind them, with messages back to back."""
    bench = FeedBench(dut, itch.STOCKS[:3])
    await bench.reset()
    await bench.play(_packed(list(itch.churn(6, 5000, itch.STOCKS[:3]))))
    await bench.check()


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def line_rate_input(dut):
    """Frames without a pause between them: what the whole chain sustains."""
    bench = FeedBench(dut, itch.STOCKS[:3])
    await bench.reset()
    day = list(itch.random_day(5, 2000, oddities=0.0))
    started = bench.cycle
    await bench.play(_packed(day))
    taken = bench.cycle - started
    await bench.check()
    bench.report("back to back frames of a random day", taken)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def reset_in_the_middle(dut):
    """A reset at any moment leaves nothing behind, though memories keep their content."""
    bench = FeedBench(dut, itch.STOCKS[:3])
    await bench.reset()
    day = list(itch.random_day(7, 400))
    for beats in map(frames.beats, _packed(day)):
        bench.source.send_nowait(*beats)
    await bench.cycles(900)
    assert dut.active.value == 1
    await bench.reset()
    # The source may have offered a beat of the old frame all the while: end that frame.
    bench.source.send_nowait(1 << 64 | 1 << 72 | 1 << 73)
    await bench.source.wait()
    await bench.reset()
    await bench.play(_packed(list(itch.random_day(8, 300))))
    await bench.check()


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def real_market_data(dut):
    """AAPL, 2500 real messages: equal to the model and to the independent peer, row for row."""
    bench = FeedBench(dut, [b"AAPL    "])
    await bench.reset()
    folder = _shared() / "itch"
    messages = _messages(folder / "aapl-20200130-premarket-first2500.itch50")
    started = bench.cycle
    await bench.play(_packed(messages))
    taken = bench.cycle - started
    await bench.check()
    bench.report("AAPL, real", taken)
    with gzip.open(folder / "aapl-20200130-premarket-first2500.bbo.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    _as_peer(bench.records, rows)


def _as_peer(records, rows):
    """Best bid and offer after each message as the peer has them."""
    after = {record.message: record.top for record in records}
    quote = (0, 0, 0, 0)
    for row in rows:
        now = after.get(int(row["msg"]))
        if now is not None:
            quote = (now.bid, now.bid_size, now.ask, now.ask_size)
        peer = tuple(int(row[name]) for name in ("bid_px", "bid_sz", "ask_px", "ask_sz"))
        assert quote == peer, row


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def third_party_framing(dut):
    """The same messages in MoldUDP64 packets made by somebody else's server.

    The capture is from a loopback interface, whose kernel leaves UDP checksums unfinished: the
    payloads are put into frames of ours.
    """
    _, captured = _pcap(_shared() / "mold" / "nassau-itch-aapl-20200130-first2500.pcap")
    bench = FeedBench(dut, [b"AAPL    "])
    await bench.reset()
    await bench.play(frames.datagram(frame[frame.index(b"TICKGATE01") :]) for frame in captured)
    await bench.check()
    assert bench.model.counts()["itch_messages"] == 2500
    assert bench.model.counts()["frames_bad"] == 0
    with gzip.open(_shared() / "itch/aapl-20200130-premarket-first2500.bbo.csv.gz", "rt") as file:
        _as_peer(bench.records, list(csv.DictReader(file)))


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def real_frames(dut):
    """Frames captured on the exchange's own multicast lines, with their 802.1Q tags."""
    names = []
    captured = []
    for path in sorted((_shared() / "mold").glob("Nasdaq.*.pcap")):
        _, found = _pcap(path)
        captured.extend(found)
    for frame in captured:
        payload = frame[46:]
        if payload[22:23] == b"A":
            names.append(payload[22 + 24 : 22 + 32])
    group = int.from_bytes(captured[0][34:38], "big")
    port = int.from_bytes(captured[0][40:42], "big")
    bench = FeedBench(dut, names[:1], group=group, port=port)
    await bench.reset()
    for frame in captured:  # of different moments: each comes after a snapshot of its own
        await bench.rebuild(int.from_bytes(frame[56:64], "big"))
        await bench.play([frame])
    await bench.check()
    counts = bench.model.counts()
    assert counts["frames_bad"] == 0
    assert counts["itch_malformed"] == counts["itch_unknown"] == 0
    assert counts["frames"] == len(captured) > 5


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def simulated_crossing_data(dut):
    """A third party's made-up day with crossed books and unknown references."""
    bench = FeedBench(dut, [b"ALC     ", b"BOB     ", b"CHAR    "])
    await bench.reset()
    messages = _messages(_shared() / "itch" / "simulated-ritch-12012.itch50")
    started = bench.cycle
    await bench.play(_packed(messages))
    taken = bench.cycle - started
    await bench.check()
    bench.report("simulated, three symbols", taken)
    assert bench.model.counts()["book_unknown_reference"] > 0


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def every_message_type(dut):
    """One message of each of the 23 types: each is recognised, none is taken for another."""
    bench = FeedBench(dut, [b"AAPL    "])
    await bench.reset()
    messages = _messages(_shared() / "itch" / "itchcpp-testvalues-23types.itch50")
    assert len({message[:1] for message in messages}) == 23
    book = [itch.directory(9, b"AAPL    "), itch.add(9, b"AAPL    ", 5, b"S", 10, 20_000)]
    await bench.play(_packed([*messages, *book]))
    await bench.check()
    assert len(bench.model.itch.by_type) == 23
