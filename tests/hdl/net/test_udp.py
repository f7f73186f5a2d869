# amaranth: UnusedElaboratable=no
"""UDP reception against its golden model."""

import itertools
import random
import struct

import pytest
from tickgate_hdl.net import UdpReceive
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.models.udp import UdpModel, checksum
from tickgate_sim.traffic.frames import GROUP, PORT, beats, datagram

FIRST, LAST = 1 << 72, 1 << 73


class UdpBench(Bench):
    """A UdpReceive whose clock and cycle counter run, and what it gives."""

    def __init__(self, *, depth=64, max_beats=32, stall=0.0, seed=1):
        super().__init__(UdpReceive(depth=depth, max_beats=max_beats), seed=seed)
        self.got = self.sink(self.dut.o, stall=stall)
        self.accepted = []

    def play(self, sequence, *, idle=0.0, limit=60_000):
        """Send (frame, error) pairs; return payloads as (bytes, time_ns, arrival of each byte)."""

        async def configure(ctx):
            ctx.set(self.dut.group, GROUP)
            ctx.set(self.dut.port, PORT)

        async def clock(ctx):
            while True:
                await ctx.tick()
                ctx.set(self.dut.cycles, self.cycle)
                ctx.set(self.dut.time_ns, 1_000_000 + self.cycle)

        async def finish(ctx):
            names = ("frames", "frames_bad", "frames_other")
            while len(self.accepted) < len(words) or ctx.get(self.dut.active):
                await ctx.tick()
            self.counts = {name: ctx.get(getattr(self.dut, f"count_{name}")) for name in names}

        words = [word for frame, error in sequence for word in beats(frame, error)]
        self.process(configure)
        self.background(clock)
        self.source(self.dut.i, words, idle=idle, sent=self.accepted.append)
        self.process(finish)
        self.run(limit=limit, idle=lambda ctx: not ctx.get(self.dut.active))
        return list(_payloads(self.got))


def _payloads(words):
    data, times, stamps = b"", set(), []
    for word in words:
        assert bool(word & FIRST) == (not data and not stamps)
        keep = word >> 64 & 0xFF
        count = keep.bit_length()
        assert keep == (1 << count) - 1
        low, high, split = (
            (word >> at) & ((1 << width) - 1) for at, width in ((138, 32), (170, 32), (202, 4))
        )
        data += (word & (1 << 64) - 1).to_bytes(8, "little")[:count]
        stamps += [low if lane < split else high for lane in range(count)] or [0]
        times.add(word >> 74 & (1 << 64) - 1)
        if word & LAST:
            assert len(times) == 1
            yield data, times.pop(), stamps
            data, times, stamps = b"", set(), []
        else:
            assert count == 8
    assert not stamps, "the last payload has no end"


def model(sequence, longest=32 * 8):
    """Payloads of the model, and its counters."""
    udp = UdpModel(GROUP, PORT)
    payloads = []
    for frame, error in sequence:
        payloads.append(udp.frame(frame, error or len(frame) > longest))
    return [payload for payload in payloads if payload is not None], udp.counts


def good(payload, **options):
    return datagram(payload, **options), False


def fixed(frame, at, value):
    """The frame with bytes changed at ``at`` of the IPv4 header, and its checksum made right."""
    changed = bytearray(frame)
    changed[14 + at : 14 + at + len(value)] = value
    changed[24:26] = b"\0\0"
    changed[24:26] = struct.pack(">H", checksum(bytes(changed[14:34])))
    return bytes(changed), False


PLAIN = datagram(b"A payload that is neither short nor long.")
TAIL = good(b"the next frame is not hurt")
CASES = {
    "empty payload": good(b""),
    "one byte": good(b"x"),
    "padding is cut off": good(b"short"),
    "odd length": good(b"x" * 33),
    "802.1Q": good(b"tagged payload here", vlan=0xFFF),
    "IPv4 options": good(b"behind options", options=bytes(range(1, 41))),
    "802.1Q and options": good(b"behind both", vlan=1, options=bytes(4)),
    "no UDP checksum": good(b"unchecked", with_checksum=False),
    "error flag": (PLAIN, True),
    "other group": good(b"elsewhere", group=GROUP + 1),
    "other port": good(b"elsewhere", port=PORT + 1),
    "ARP": (PLAIN[:12] + b"\x08\x06" + PLAIN[14:], False),
    "TCP": fixed(PLAIN, 9, b"\x06"),
    "more fragments": fixed(PLAIN, 6, b"\x20\x00"),
    "later fragment": fixed(PLAIN, 6, b"\x00\x05"),
    "IPv6 in an IPv4 frame": fixed(PLAIN, 0, b"\x65"),
    "header too short": fixed(PLAIN, 0, b"\x44"),
    "bad header checksum": (PLAIN[:24] + b"\x12\x34" + PLAIN[26:], False),
    "bad UDP checksum": (PLAIN[:40] + b"\x12\x34" + PLAIN[42:], False),
    "flipped payload bit": (PLAIN[:50] + b"\x00" + PLAIN[51:], False),
    "total length beyond the frame": fixed(PLAIN, 2, b"\x01\x00"),
    "total length below the header": fixed(PLAIN, 2, b"\x00\x10"),
    "total length without UDP header": fixed(PLAIN, 2, b"\x00\x18"),
    "UDP length beyond total length": (PLAIN[:38] + b"\x00\xff" + PLAIN[40:], False),
    "UDP length below 8": (PLAIN[:38] + b"\x00\x04" + PLAIN[40:], False),
    "cut in the payload": (PLAIN[:60], False),
    "cut in the UDP header": (PLAIN[:38], False),
    "cut in the IPv4 header": (PLAIN[:20], False),
    "cut in the Ethernet header": (PLAIN[:13], False),
    "one byte of a frame": (b"\x01", False),
    "longest frame": (datagram(bytes(32 * 8 - 42)), False),
    "too long": (datagram(bytes(32 * 8 - 41)), False),
    "far too long": (bytes(3000), False),
}


def test_every_case_equals_the_model():
    sequence = [pair for case in CASES.values() for pair in (case, TAIL)]
    bench = UdpBench()
    payloads, counts = model(sequence)
    assert [payload for payload, _, _ in bench.play(sequence)] == payloads
    assert bench.counts == counts
    assert counts["frames_bad"] > 15
    assert counts["frames_other"] == 4


@pytest.mark.parametrize(
    ("seed", "idle", "stall"), [(1, 0, 0), (2, 0.6, 0), (3, 0, 0.8), (4, 0.3, 0.3)]
)
def test_random_frames_equal_the_model(seed, idle, stall):
    rng = random.Random(seed)
    sequence = []
    for _ in range(60):
        frame = datagram(
            rng.randbytes(rng.randrange(180)),
            vlan=rng.choice([None, 7]),
            options=bytes(4 * rng.choice([0, 0, 1, 5])),
            with_checksum=rng.random() < 0.8,
        )
        if rng.random() < 0.3:
            at = rng.randrange(len(frame))
            frame = frame[:at] + bytes([rng.randrange(256)]) + frame[at + 1 :]
        if rng.random() < 0.15:
            frame = frame[: rng.randrange(1, len(frame))]
        sequence.append((frame, rng.random() < 0.05))
    bench = UdpBench(seed=seed, stall=stall)
    payloads, counts = model(sequence)
    assert [payload for payload, _, _ in bench.play(sequence, idle=idle)] == payloads
    assert bench.counts == counts


def test_time_and_arrival_are_those_of_the_frame_beats():
    payload = bytes(range(61))
    sequence = [good(payload), good(payload, vlan=3)]
    bench = UdpBench()
    for index, (data, time_ns, stamps) in enumerate(bench.play(sequence, idle=0.5)):
        offset = 42 + 4 * index
        first = index * len(beats(sequence[0][0]))
        assert data == payload
        assert time_ns == 1_000_000 + bench.accepted[first]
        wanted = [bench.accepted[first + (offset + at) // 8] for at in range(len(payload))]
        assert stamps == wanted


def test_a_frame_takes_three_cycles_more_than_beats():
    frame = datagram(bytes(100))
    bench = UdpBench()
    bench.play([(frame, False)] * 10)
    starts = bench.accepted[:: len(beats(frame))]
    assert {b - a for a, b in itertools.pairwise(starts)} == {len(beats(frame)) + 3}


def test_a_full_buffer_stalls_and_loses_nothing():
    bench = UdpBench(depth=32, max_beats=16, stall=0.97)
    sequence = [good(bytes([n]) * 60) for n in range(12)]
    got = bench.play(sequence)
    assert [payload for payload, _, _ in got] == [bytes([n]) * 60 for n in range(12)]
    waits = [b - a for a, b in itertools.pairwise(bench.accepted)]
    assert max(waits) > 20, "the buffer was never full"


@pytest.mark.parametrize("depth", [48, 32, 1 << 16])
def test_a_depth_that_does_not_work_is_refused(depth):
    with pytest.raises(ValueError, match="depth must be a power of two"):
        UdpReceive(depth=depth, max_beats=32)
