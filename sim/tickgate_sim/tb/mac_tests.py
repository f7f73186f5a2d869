"""The MAC against cocotbext-eth's XGMII source and sink: data, timestamps, latency, gaps."""

import itertools
import logging
import random
from typing import NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.utils import get_sim_time
from cocotbext.eth import XgmiiFrame, XgmiiSink, XgmiiSource
from tickgate_hdl.net import mac_receive, mac_transmit

from tickgate_sim.bfm.stream import StreamSource, randomly
from tickgate_sim.traffic.frames import beats

PERIOD_PS = 6400
RX_CYCLES = {0: 3, 4: 4}
TX_CYCLES = 1
ERROR = 0xFE


class Received(NamedTuple):
    """A frame, and at what times (in ps) its first beat came and it says to have begun (in ns)."""

    data: bytes
    error: bool
    first_ps: int
    time_ns: int


class MacDriver:
    """Clock, wire on both sides, streams."""

    def __init__(self, dut):
        self.dut = dut
        cocotb.start_soon(Clock(dut.clk, PERIOD_PS, "ps").start())
        self.source = XgmiiSource(dut.rx_data, dut.rx_control, dut.clk)
        self.sink = XgmiiSink(dut.tx_data, dut.tx_control, dut.clk)
        for model in (self.source, self.sink):
            model.log.setLevel(logging.WARNING)
        self.tx = StreamSource(dut, "tx")
        self.frames, self.offered = [], []

    async def start(self):
        dut = self.dut
        dut.rx__ready.value = 1
        await self.reset()
        self.frames.clear()
        cocotb.start_soon(self._clock())
        cocotb.start_soon(self._receive())
        cocotb.start_soon(self._watch_offers())
        await ClockCycles(dut.clk, 4)
        return self

    async def reset(self):
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 2)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def _clock(self):
        while True:
            await RisingEdge(self.dut.clk)
            self.dut.time_ns.value = int(get_sim_time("step")) // 1000

    async def _receive(self):
        data, first = b"", None
        while True:
            await RisingEdge(self.dut.clk)
            if self.dut.rst.value:
                data, first = b"", None
            elif self.dut.rx__valid.value:
                beat = self.dut.rx__payload.value.to_unsigned()
                if first is None:
                    # What is there before the edge became so at the edge before.
                    first = int(get_sim_time("step")) - PERIOD_PS
                count = (beat >> 64 & 0xFF).bit_length()
                data += (beat & (1 << 64) - 1).to_bytes(8, "little")[:count]
                if beat >> 72 & 1:
                    self.frames.append(Received(data, bool(beat >> 73), first,
                                                self.dut.frame_time_ns.value.to_unsigned()))
                    data, first = b"", None

    async def _watch_offers(self):
        """Note when the first beat of each frame was first offered."""
        between = True
        waits = False
        while True:
            await RisingEdge(self.dut.clk)
            if not self.dut.tx__valid.value:
                continue
            if between and not waits:
                self.offered.append(int(get_sim_time("step")) - PERIOD_PS)
                waits = True
            if self.dut.tx__ready.value:
                between, waits = bool(self.dut.tx__payload.value.to_unsigned() >> 72 & 1), False

    async def send(self, frames):
        """Give frames to the XGMII source, wait for the end; return them, with their times."""
        done = []
        for frame in frames:
            frame.tx_complete = done.append
            await self.source.send(frame)
        await self.source.wait()
        await ClockCycles(self.dut.clk, 12)
        return done

    def counts(self, side):
        names = {"rx": mac_receive, "tx": mac_transmit}[side].COUNTERS
        return {name: getattr(self.dut, f"{side}_{name}").value.to_unsigned() for name in names}


def test(function):
    return cocotb.test(timeout_time=20, timeout_unit="ms")(function)


def lengths(rng):
    return [*range(60, 77), *(rng.randrange(60, 1515) for _ in range(25)), 1514, 9000, 9216]


def check_times(sent, got):
    """Latency exactly, from the word with the start character; the timestamp within 1 ns.

    Of that 0.8 ns are the clock's, which counts whole ns, and 0.2 ns the half cycle's, 3 of 3.2.
    """
    lane = sent.start_lane
    # Not from sim_time_start: behind a pause the source takes the pause for its clock's period.
    word_ps = sent.sim_time_sfd - lane * PERIOD_PS // 8 - PERIOD_PS
    assert got.first_ps - word_ps == RX_CYCLES[lane] * PERIOD_PS
    assert 0 <= sent.sim_time_sfd - 1000 * got.time_ns <= 1000


@test
async def frames_in_either_lane_come_through(dut):
    bench = await MacDriver(dut).start()
    rng = random.Random(cocotb.RANDOM_SEED)
    lanes = set()
    for bench.source.force_offset_start in (False, True):
        for bench.source.ifg in (12, 5, 40):
            bench.frames.clear()
            payloads = [rng.randbytes(length) for length in lengths(rng)]
            sent = await bench.send([XgmiiFrame.from_payload(data) for data in payloads])
            assert [(frame.data, frame.error) for frame in bench.frames] == [
                (data, False) for data in payloads]
            for frame, got in zip(sent, bench.frames, strict=True):
                check_times(frame, got)
                lanes.add(frame.start_lane)
    assert lanes == {0, 4}
    counts = bench.counts("rx")
    assert counts.pop("count_frames") == 6 * len(lengths(rng))
    assert not any(counts.values())


@test
async def bad_frames_are_told_and_counted_by_kind(dut):
    bench = await MacDriver(dut).start()
    rng = random.Random(cocotb.RANDOM_SEED)
    frames, wanted = [], []
    kinds = dict.fromkeys(("count_bad_fcs", "count_bad_coding", "count_runts",
                           "count_bad_preamble", "count_oversize"), 0)
    for _ in range(150):
        data = rng.randbytes(rng.randrange(60, 200))
        kind = rng.choice((*kinds, None)) if rng.random() < 0.9 else None
        frame = XgmiiFrame.from_payload(data)
        if kind == "count_bad_fcs":
            frame.data[rng.randrange(8, len(frame.data))] ^= 1 << rng.randrange(8)
            data, frame_ok = bytes(frame.data[8:-4]), False
        elif kind == "count_bad_coding":
            at = rng.randrange(13, len(frame.data))
            frame.data[at] = ERROR
            frame.ctrl = [int(index == at) for index in range(len(frame.data))]
            data, frame_ok = bytes(frame.data[8 : at - 4]), False
        elif kind == "count_runts":
            data, frame_ok = data[: rng.randrange(1, 60)], False
            frame = XgmiiFrame.from_payload(data, min_len=0)
        elif kind == "count_oversize":
            if kinds[kind] == 4:
                continue
            data = rng.randbytes(rng.randrange(9217, 9300))
            frame = XgmiiFrame.from_payload(data)
            data, frame_ok = data[:9216], False
        elif kind == "count_bad_preamble":
            frame.data[rng.randrange(1, 7)] ^= 1 << rng.randrange(8)
            data = None
        else:
            frame_ok = True
        if kind:
            kinds[kind] += 1
        frames.append(frame)
        if data is not None:
            wanted.append((data, not frame_ok))
    await bench.send(frames)
    assert [(frame.data, frame.error) for frame in bench.frames] == wanted
    counts = bench.counts("rx")
    assert counts == kinds | {"count_frames": len(wanted), "count_overrun": 0}
    assert min(kinds.values()) > 0


@test
async def a_reset_in_a_frame_does_not_hurt_the_next(dut):
    bench = await MacDriver(dut).start()
    rng = random.Random(cocotb.RANDOM_SEED)
    for cycles in range(2, 20):
        bench.frames.clear()
        frame = XgmiiFrame.from_payload(rng.randbytes(150))
        await bench.source.send(frame)
        await ClockCycles(dut.clk, cycles)
        await bench.reset()
        await bench.source.wait()
        data = rng.randbytes(80)
        await bench.send([XgmiiFrame.from_payload(data)])
        assert [(frame.data, frame.error) for frame in bench.frames] == [(data, False)]
        assert bench.counts("rx")["count_frames"] == 1


@test
async def sent_frames_are_whole_and_their_gaps_right(dut):
    bench = await MacDriver(dut).start()
    rng = random.Random(cocotb.RANDOM_SEED)
    payloads = [rng.randbytes(length) for length in (1, 14, 42, 59, *lengths(rng))]
    bench.tx.send_nowait(*(beat for data in payloads for beat in beats(data)))
    await bench.tx.wait()
    await ClockCycles(dut.clk, 20)
    got = [bench.sink.recv_nowait() for _ in payloads]
    assert bench.sink.empty()
    for frame, data in zip(got, payloads, strict=True):
        assert frame.ctrl is None
        assert frame.check_fcs()
        assert bytes(frame.get_payload()) == data.ljust(60, b"\0")
    gaps = [(after.sim_time_start - before.sim_time_end) // (PERIOD_PS // 8)
            for before, after in itertools.pairwise(got)]
    assert min(gaps) >= 9
    assert 0 <= 12 * len(gaps) - sum(gaps) <= 3  # the deficit at the end
    assert {frame.start_lane for frame in got} == {0, 4}
    assert bench.counts("tx") == {
        "count_frames": len(payloads), "count_underflow": 0, "count_aborted": 0}


@test
async def a_frame_that_is_offered_when_nothing_goes_out_starts_at_once(dut):
    bench = await MacDriver(dut).start()
    rng = random.Random(cocotb.RANDOM_SEED)
    for _ in range(20):
        bench.offered.clear()
        bench.tx.send_nowait(*beats(rng.randbytes(rng.randrange(60, 200))))
        await bench.tx.wait()
        await ClockCycles(dut.clk, 12 + rng.randrange(5))
        frame = bench.sink.recv_nowait()
        # The sink sees a word at the edge behind it.
        assert frame.start_lane == 0
        assert frame.sim_time_start - PERIOD_PS - bench.offered[0] == TX_CYCLES * PERIOD_PS


@test
async def a_sender_that_runs_dry_ends_the_frame_as_bad(dut):
    bench = await MacDriver(dut).start()
    rng = random.Random(cocotb.RANDOM_SEED)
    bench.tx.set_pause_generator(randomly(0.1, 3))
    payloads = [rng.randbytes(rng.randrange(60, 160)) for _ in range(60)]
    bench.tx.send_nowait(*(beat for data in payloads for beat in beats(data)))
    await bench.tx.wait()
    await ClockCycles(dut.clk, 20)
    got = [bench.sink.recv_nowait() for _ in payloads]
    assert bench.sink.empty()
    whole = 0
    for frame, data in zip(got, payloads, strict=True):
        if frame.ctrl is None:
            whole += 1
            assert frame.check_fcs()
            assert bytes(frame.get_payload()) == data
        else:
            assert frame.data[-1] == ERROR
    assert 0 < whole < 60
    assert bench.counts("tx") == {
        "count_frames": whole, "count_underflow": 60 - whole, "count_aborted": 0}
