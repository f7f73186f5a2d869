"""A channel of the feed against its golden model, and what must hold whatever its lines do.

Runs in the simulator; started by tests/sim/feed. Samples are found through TICKGATE_SHARED.
"""

import os
import random
import struct
from pathlib import Path

import cocotb
from cocotb.triggers import RisingEdge

from tickgate_sim.bfm import randomly
from tickgate_sim.tb.channel_bench import GROUPS, NEVER, PORTS, ChannelBench
from tickgate_sim.traffic import frames
from tickgate_sim.traffic.hostile import HostileTraffic, Kind, Layers

SESSION = b"TICKGATE01"
ROUNDS = 3
REORDER = 3000


def packets(rng, first, count, traffic):
    """Packets of ``count`` messages from number ``first`` on: (number, messages) pairs."""
    made, number = [], first
    while number < first + count:
        size = min(rng.randint(1, 8), first + count - number)
        made.append((number, [traffic.message(number + n) for n in range(size)]))
        number += size
    return made


def faulty(rng, stream, name, *, loss, reorder=0.0, duplicate=0.0, idle=30):
    """A line's frames of packets: some lost, some late, some twice; each after idle cycles."""
    order = []
    for at, packet in enumerate(stream):
        if rng.random() < loss:
            continue
        order.append((at + (rng.random() < reorder) * rng.randint(1, 3), packet))
        if rng.random() < duplicate:
            order.append((at + rng.random(), packet))
    order.sort(key=lambda pair: pair[0])
    return [
        (frames.datagram(frames.mold_packet(*packet), group=GROUPS[name], port=PORTS[name]),
         rng.randrange(idle))
        for _, packet in order
    ]


async def heartbeat(bench, number):
    """Both lines tell which number is next."""
    for name in "ab":
        frame = frames.datagram(
            frames.mold_packet(number, []), group=GROUPS[name], port=PORTS[name])
        bench.model.lines[name].frame(frame)
        await bench.lines[name].send(*frames.beats(frame))
    await bench.cycles(40)


def check_lines(bench):
    """The lines' counters do not depend on which line was first."""
    counts = bench.counts()
    lines = [line.counts for line in bench.model.lines.values()]
    for name in lines[0]:
        assert counts[name] == sum(line[name] for line in lines), name
    return counts


def check_delivered(bench, stream):
    """Each message once and in order."""
    wanted = [(first + n, m) for first, messages in stream for n, m in enumerate(messages)]
    assert bench.delivered == wanted


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(loss=[0.01, 0.05], whole=["a", "b"])
async def loss_on_one_line(dut, loss, whole):
    """The other line is whole, if late: no gap, nothing missing, never stale in the end."""
    rng = random.Random(repr((loss, whole)))
    traffic = HostileTraffic(rng, group=GROUPS["a"], port=PORTS["a"])
    bench = ChannelBench(dut)
    await bench.reset()
    dut.reorder_cycles.value = REORDER
    bench.out.set_pause_generator(randomly(0.2, rng.random()))
    stream = packets(rng, 1, 700, traffic)
    tasks = [
        bench.start(name, faulty(
            rng, stream, name, loss=0 if name == whole else loss,
            reorder=0.1, duplicate=0.05))
        for name in "ab"
    ]
    for task in tasks:
        await task
    await heartbeat(bench, 701)
    await bench.cycles(100)
    bench.collect()
    check_delivered(bench, stream)
    assert [event.kind for event in bench.events] == ["N"]
    assert not dut.stale.value
    assert not dut.active.value
    counts = check_lines(bench)
    assert counts["mold_gaps"] == counts["frames_suspect"] == counts["window_dropped"] == 0
    assert counts["window_filled"] > 0
    assert bench.silent > bench.cycle // 3


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(loss=[0.1, 0.3])
async def loss_on_both_lines_is_filled_by_the_host(dut, loss):
    """Event G tells what is missing; once that was handed in, event C."""
    rng = random.Random(loss)
    traffic = HostileTraffic(rng, group=GROUPS["a"], port=PORTS["a"])
    bench = ChannelBench(dut)
    await bench.reset()
    dut.reorder_cycles.value = 200
    stream = packets(rng, 1, 500, traffic)
    everything = [message for _, messages in stream for message in messages]
    tasks = [
        bench.start(name, faulty(rng, stream, name, loss=loss, reorder=0.1, duplicate=0.05))
        for name in "ab"
    ]
    answered = asked = 0
    while True:
        bench.collect()
        gaps = [event for event in bench.events if event.kind == "G"]
        for gap in gaps[answered:]:
            asked += 1
            assert dut.gap_open.value or bench.events[-1].kind == "C"
            assert gap.expected < gap.sequence
            # As a re-request server answers: what is missing, and perhaps more.
            missing = everything[gap.expected - 1 : gap.sequence - 1]
            for at in range(0, len(missing), 20):
                bench.inject_nowait(frames.mold_packet(gap.expected + at, missing[at : at + 20]))
        answered = len(gaps)
        if all(task.done() for task in tasks):
            if len(bench.delivered) == len(everything):
                break
            await heartbeat(bench, 501)
        await bench.cycles(50)
    await bench.cycles(100)
    bench.collect()
    check_delivered(bench, stream)
    assert asked > 1
    assert bench.events[0].kind == "N"
    assert bench.events[-1].kind == "C"
    assert not dut.stale.value
    assert check_lines(bench)["mold_gaps"] == asked


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def a_long_cut_ends_with_a_snapshot_in_mid_traffic(dut):
    """Both lines are cut for more than the window; they go on while the host rebuilds."""
    rng = random.Random(5)
    traffic = HostileTraffic(rng, group=GROUPS["a"], port=PORTS["a"])
    bench = ChannelBench(dut)
    await bench.reset()
    dut.reorder_cycles.value = 200
    stream = packets(rng, 1, 600, traffic)
    before = [packet for packet in stream if packet[0] < 200]
    after = [packet for packet in stream if packet[0] >= 400]
    cut = [task for name in "ab"
           for task in [bench.start(name, faulty(rng, before, name, loss=0))]]
    for task in cut:
        await task
    tasks = [bench.start(name, faulty(rng, after, name, loss=0, idle=80)) for name in "ab"]
    while not dut.gap_open.value:
        await bench.cycles(1)
    bench.collect()
    told = len(bench.delivered)
    dut.rebuild.value = 1
    await RisingEdge(dut.clk)
    dut.rebuild.value = 0
    picture = [bytes([n]) * 36 for n in range(25)]
    bench.inject_nowait(frames.mold_packet(1, picture), snapshot=True)
    await bench.host.wait()
    await bench.cycles(60)
    # The snapshot is of a moment that the lines have not passed by more than the window.
    resume = max(400, dut.highest.value.to_unsigned() - 20)
    dut.resume_sequence.value = resume
    dut.resume.value = 1
    await RisingEdge(dut.clk)
    dut.resume.value = 0
    everything = [message for _, messages in stream for message in messages]
    for _ in range(400):
        await bench.cycles(50)
        bench.collect()
        for event in bench.events:
            if event.kind == "G" and event.expected >= resume:
                part = everything[event.expected - 1 : event.sequence - 1]
                bench.inject_nowait(frames.mold_packet(event.expected, part[:20]))
        bench.events = []
        if all(task.done() for task in tasks) and not dut.stale.value:
            break
    bench.collect()
    assert not dut.stale.value
    rest = bench.delivered[told:]
    assert [data for _, data in rest[:25]] == picture
    assert rest[25:] == [(n, everything[n - 1]) for n in range(resume, 601)]


@cocotb.test(timeout_time=40, timeout_unit="ms")
@cocotb.parametrize(seed=[1, 2])
async def hostile_frames(dut, seed):
    """Every kind of lie: what is delivered, told and counted equals the model; nothing hangs."""
    rng = random.Random(seed)
    bench = ChannelBench(dut)
    await bench.reset()
    traffic = {
        name: HostileTraffic(rng, group=GROUPS[name], port=PORTS[name]) for name in "ab"}
    window = bench.model.window
    story = list(Kind) * ROUNDS
    rng.shuffle(story)
    # While the first session is in force, which an end of session or a lie may change later.
    await bench.frame("a", *traffic["a"].frame(Kind.GOOD, SESSION, 1))
    await bench.frame("b", *traffic["b"].frame(Kind.FOREIGN_SESSION, SESSION, 1))
    # Nearly always there by chance, but not for each seed.
    await bench.frame("a", *traffic["a"].frame(Kind.GOOD, SESSION, window.expected + 3))
    await bench.timeout()
    await bench.inject(frames.mold_packet(window.expected, [b"D" * 19] * 3))
    seen = dict.fromkeys(Kind, 0)
    for kind in story:
        name = rng.choice("ab")
        session = window.session or SESSION
        await bench.frame(name, *traffic[name].frame(kind, session, window.expected))
        seen[kind] += 1
        if rng.random() < 0.3:
            await bench.frame(name, *traffic[name].frame(Kind.GOOD, session, window.expected))
        if window.stale:
            await _recover(bench, rng, traffic["a"])
            window = bench.model.window
        if rng.random() < 0.02:
            await bench.forget()
    bench.compare()
    counts = bench.counts()
    assert all(count >= ROUNDS for count in seen.values())
    never = [name for name, count in counts.items() if not count]
    assert not never, f"never counted: {never}"
    assert {event.kind for event in bench.events} == set("NFZBGC")

    # Nothing hangs: after all that a good frame comes through, and the channel is right again.
    await bench.rebuild()
    await bench.resume(1000)
    before = len(window.out)
    for name in "ab":
        await bench.frame(name, *traffic[name].frame(
            Kind.GOOD, window.session, window.expected))
    assert len(window.out) > before
    assert not dut.stale.value
    bench.compare()
    dut._log.info(f"hostile frames, by kind: {({kind.value: n for kind, n in seen.items()})}")
    dut._log.info(f"counters: {counts}")


async def _recover(bench, rng, traffic):
    """What a host may do about a channel that is stale."""
    window = bench.model.window
    choice = rng.random()
    if rng.random() < 0.4:
        await bench.timeout()
        choice /= 2
    session, missing = window.session or SESSION, window.highest - window.expected
    if choice < 0.5 and 0 < missing < 100 and not window.rebuilding:
        messages = [traffic.message(window.expected + n) for n in range(missing)]
        await bench.inject(frames.mold_packet(
            window.expected, messages, session=session))
    elif choice < 0.6:
        await bench.rebuild()
        await bench.inject(frames.mold_packet(
            1, [rng.randbytes(36)] * 2, session=session), snapshot=True)
    elif choice < 0.8:
        await bench.resume((window.expected + rng.randrange(3)) % 2**64)
    elif choice < 0.9:
        good = frames.mold_packet(
            window.expected, [traffic.message(0)], session=session)
        lie = rng.choice((good[:7], good[:19], good + b"x", good[:-1], b"x" * 10 + good[10:]))
        await bench.inject(lie, snapshot=rng.random() < 0.2)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def every_length_in_every_lane(dut):
    """Lengths from 0 to 56 behind no tag, one and two; odd blocks begin in all lanes."""
    bench = ChannelBench(dut)
    await bench.reset()
    for tags in ((), (0x8100,), (0x88A8, 0x8100)):
        for length in range(57):
            messages = [bytes([n, length] * 28)[:length] for n in range(9)]
            payload = frames.mold_packet(bench.model.window.expected, messages)
            await bench.frame(
                "a", Layers(payload, GROUPS["a"], PORTS["a"], tags=tags).frame())
    bench.compare()
    assert len(bench.delivered) == 3 * 57 * 9


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def reset_in_mid_traffic(dut):
    """Whatever goes on when reset comes, what follows is as after power-up."""
    rng = random.Random(7)
    traffic = HostileTraffic(rng, group=GROUPS["a"], port=PORTS["a"])
    bench = ChannelBench(dut)
    await bench.reset()
    for _ in range(6):
        stream = packets(rng, 1, 120, traffic)
        dut.reorder_cycles.value = NEVER
        tasks = [bench.start(name, faulty(rng, stream, name, loss=0.1)) for name in "ab"]
        await bench.cycles(rng.randrange(200, 900))
        for task in tasks:
            task.cancel()
        await bench.reset()
        stream = packets(rng, 1, 20, traffic)
        tasks = [bench.start(name, faulty(rng, stream, name, loss=0)) for name in "ab"]
        for task in tasks:
            await task
        await bench.cycles(100)
        bench.collect()
        check_delivered(bench, stream)
        check_lines(bench)
        assert not dut.stale.value


def _pcap(path):
    """Frames of a classic pcap."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at, found = 24, []
    while at < len(data):
        (length,) = struct.unpack_from(f"{order}I", data, at + 8)
        found.append(data[at + 16 : at + 16 + length])
        at += 16 + length
    return found


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def captured_packets(dut):
    """Another implementation's packets, and frames from the exchange's own lines."""
    folder = Path(os.environ["TICKGATE_SHARED"]) / "data" / "mold"
    bench = ChannelBench(dut)
    await bench.reset()
    captured = _pcap(folder / "nassau-itch-aapl-20200130-first2500.pcap")
    for frame in captured:
        # From a loopback interface: the kernel left the checksums unfinished.
        payload = frame[frame.index(b"TICKGATE01") :]
        for name in "ab":
            await bench.frame(name, frames.datagram(
                payload, group=GROUPS[name], port=PORTS[name]))
    bench.compare()
    assert len(bench.delivered) == 2500
    assert [event.kind for event in bench.events] == ["N", "Z"]
    assert bench.counts()["mold_duplicates"] == 2500

    real = [_pcap(path)[0] for path in sorted(folder.glob("Nasdaq.*.pcap"))]
    group, port = (int.from_bytes(real[0][34:38], "big"), int.from_bytes(real[0][40:42], "big"))
    bench.groups, bench.ports = {"a": group, "b": group}, {"a": port, "b": port}
    await bench.reset()
    for frame in real:
        await bench.frame("a", frame)
        await bench.frame("b", frame)
    counts = bench.counts()
    assert counts["frames_bad"] == counts["mold_malformed"] == 0
    assert counts["mold_packets"] + counts["mold_foreign"] + counts["frames_other"] == 2 * len(real)
    bench.compare()
