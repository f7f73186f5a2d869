# amaranth: UnusedElaboratable=no
"""What the card answers by itself, read by scapy, which also writes what it is asked."""

import random

import pytest
from amaranth.hdl import Value
from scapy.contrib.igmp import IGMP
from scapy.contrib.igmpv3 import IGMPv3, IGMPv3mq
from scapy.layers.inet import IP, UDP, IPOption_Router_Alert
from scapy.layers.l2 import ARP, Dot1Q, Ether
from tickgate_hdl.net.control import NetControl
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.traffic.frames import beats

MAC, ADDRESS = "02:11:22:33:44:55", "10.77.0.9"
PEER_MAC, PEER = "02:aa:bb:cc:dd:ee", "10.77.0.1"
GROUPS = ["233.54.12.1", "233.54.12.2", "239.255.1.129"]
REPORT_MS = 5
CYCLES_PER_MS = 50


def number(address):
    return int.from_bytes(bytes(int(part) for part in address.split(".")), "big")


def request(**changes):
    fields = {"op": 1, "hwsrc": PEER_MAC, "psrc": PEER, "pdst": ADDRESS} | changes
    to = fields.pop("to", "ff:ff:ff:ff:ff:ff")
    return bytes(Ether(src=PEER_MAC, dst=to) / ARP(**fields))


def query(group="0.0.0.0", *, tenths=1, to=None, options=True, **changes):
    to = to or ("224.0.0.1" if group == "0.0.0.0" else group)
    header = IP(src=PEER, dst=to, ttl=1, proto=2,
                options=[IPOption_Router_Alert()] if options else [], **changes)
    return bytes(Ether(src=PEER_MAC, dst="01:00:5e:00:00:01") / header
                 / IGMP(type=0x11, mrcode=tenths, gaddr=group))


def changed(frame, at, value):
    frame = bytearray(frame)
    frame[at : at + len(value)] = value
    return bytes(frame)


class ControlBench:
    """A NetControl, what it hears, and what it sends with the millisecond in which it did."""

    def __init__(self, *, groups=(), address=ADDRESS, stall=0.0, seed=1):
        self.dut = NetControl(4, report_ms=REPORT_MS)
        self.bench = Bench(self.dut, seed=seed)
        self.bench.background(self._ticks)
        self.got = self.bench.sink(self.dut.tx, stall=stall)
        self.bench.background(self._stamp)
        self.stamps, self.ms = [], 0
        self._groups, self._address = groups, address

    async def _ticks(self, ctx):
        while True:
            for cycle in range(CYCLES_PER_MS):
                ctx.set(self.dut.ms_tick, cycle == CYCLES_PER_MS - 1)
                await ctx.tick()
            self.ms += 1

    async def _stamp(self, ctx):
        while True:
            await ctx.tick()
            while len(self.stamps) < sum(beat >> 72 & 1 for beat in self.got):
                self.stamps.append(self.ms)

    def play(self, story, limit=60_000):
        """Run ``story(self, ctx)``; afterwards ``counts`` are the counters."""

        async def run(ctx):
            self.set(ctx, self._address, self._groups)
            await story(self, ctx)
            while ctx.get(self.dut.active):
                await ctx.tick()
            await ctx.tick().repeat(3)
            self.counts = {
                name: ctx.get(getattr(self.dut, f"count_{name}"))
                for name in ("arp_answered", "igmp_sent", "malformed", "missed")}

        self.bench.process(run)
        self.bench.run(limit=limit)
        return self

    def set(self, ctx, address, groups):
        ctx.set(self.dut.mac, int(MAC.replace(":", ""), 16))
        ctx.set(self.dut.address, number(address))
        for at, group in enumerate(groups):
            ctx.set(self.dut.groups[at], number(group))

    async def hear(self, ctx, frame, *, line="a", error=False, gap=12):
        for beat in beats(frame, error):
            ctx.set(getattr(self.dut, f"valid_{line}"), 1)
            ctx.set(Value.cast(getattr(self.dut, f"beat_{line}")), beat)
            await ctx.tick()
        ctx.set(getattr(self.dut, f"valid_{line}"), 0)
        for _ in range(gap):
            await ctx.tick()

    async def wait(self, ctx, ms):
        for _ in range(ms * CYCLES_PER_MS):
            await ctx.tick()

    def frames(self):
        """Frames that were sent, as scapy reads them."""
        frames, data = [], b""
        for beat in self.got:
            count = (beat >> 64 & 0xFF).bit_length()
            data += (beat & (1 << 64) - 1).to_bytes(8, "little")[:count]
            if beat >> 72 & 1:
                frames.append(Ether(data))
                data = b""
        assert data == b""
        return frames

    def messages(self):
        """Reports and leaves as (type, group), each checked whole."""
        return [_message(frame) for frame in self.frames()]


def _message(frame):
    ip, igmp = frame[IP], frame[IGMP]
    assert frame.src == MAC
    assert (ip.src, ip.ttl, ip.proto, ip.len) == (ADDRESS, 1, 2, 32)
    assert [type(option) for option in ip.options] == [IPOption_Router_Alert]
    assert ip.options[0].alert == 0
    to = "224.0.0.2" if igmp.type == 0x17 else igmp.gaddr
    assert ip.dst == to
    first, *rest = number(to).to_bytes(4, "big")
    assert first
    assert frame.dst == f"01:00:5e:{rest[0] & 127:02x}:{rest[1]:02x}:{rest[2]:02x}"
    again = Ether(bytes(frame))  # scapy works the checksums out anew
    del again[IP].chksum, again[IGMP].chksum
    assert bytes(again) == bytes(frame)
    assert igmp.mrcode == 0
    return igmp.type, igmp.gaddr


def reports(*groups):
    return [(0x16, group) for group in groups]


@pytest.mark.parametrize("line", ["a", "b"])
@pytest.mark.parametrize("stall", [0.0, 0.7])
def test_a_request_for_the_cards_address_is_answered(line, stall):
    async def story(bench, ctx):
        await bench.hear(ctx, request(), line=line, gap=60)
        await bench.hear(ctx, request(to=MAC).ljust(60, b"\0"), line=line, gap=60)
        await bench.hear(ctx, request(psrc="0.0.0.0", hwsrc="02:00:00:00:00:07"), line=line)

    bench = ControlBench(stall=stall).play(story)
    assert bench.counts == {"arp_answered": 3, "igmp_sent": 0, "malformed": 0, "missed": 0}
    for frame, mac, address in zip(
        bench.frames(), (PEER_MAC, PEER_MAC, "02:00:00:00:00:07"), (PEER, PEER, "0.0.0.0"),
        strict=True,
    ):
        assert bytes(frame) == bytes(Ether(src=MAC, dst=mac) / ARP(
            op=2, hwsrc=MAC, psrc=ADDRESS, hwdst=mac, pdst=address))


def test_what_is_not_for_the_card_is_not_answered():
    async def story(bench, ctx):
        for frame, error in (
            (request(pdst="10.77.0.8"), False), (request(op=2), False), (request(), True),
            (request(to="02:11:22:33:44:56"), False),
            (bytes(Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff") / Dot1Q(vlan=3)
                   / ARP(pdst=ADDRESS)), False),
            (bytes(Ether(dst=MAC) / IP(dst=ADDRESS) / UDP() / bytes(40)), False), (b"x", False),
        ):
            await bench.hear(ctx, frame, error=error)

    bench = ControlBench().play(story)
    assert bench.got == []
    assert not any(bench.counts.values())


MALFORMED = {
    "hardware type": request(hwtype=6), "protocol": request(ptype=0x86DD),
    "length of an address": changed(request(), 18, b"\x08"),
    "length of a protocol address": changed(request(), 19, b"\x10"),
    "operation": request(op=3), "cut short": request()[:41],
    "ends in the second beat": request()[:16],
    "sender is a group": request(hwsrc="01:00:5e:00:00:01"),
    "IPv4 checksum": changed(query(), 26, b"\x0b"), "IGMP checksum": changed(query(), 40, b"\0\0"),
    "IPv4 version": changed(query(), 14, b"\x56"), "fragment": query(flags="MF"),
    "later fragment": query(frag=2), "cut in IGMP": query()[:45],
    "total length beyond the frame": query(len=200), "total length too short": query(len=31),
    "many options": bytes(Ether() / IP(dst="224.0.0.1", proto=2, options=[
        IPOption_Router_Alert(), IPOption_Router_Alert()]) / IGMP(type=0x11, gaddr="0.0.0.0")),
    "general query to a group": query(to=GROUPS[0]),
    "query of one group to another": query(GROUPS[0], to=GROUPS[1]),
}


def test_malformed_frames_are_counted_and_not_answered():
    async def story(bench, ctx):
        await bench.wait(ctx, 3 * REPORT_MS)  # the first reports are out
        bench.before = len(bench.got)
        for number_, (name, frame) in enumerate(MALFORMED.items()):
            await bench.hear(ctx, frame, line="ab"[number_ % 2])
            await ctx.tick().repeat(2)
            assert ctx.get(bench.dut.count_malformed) == number_ + 1, name
        await bench.wait(ctx, 110)

    bench = ControlBench(groups=GROUPS).play(story)
    assert len(bench.got) == bench.before
    assert bench.counts["malformed"] == len(MALFORMED)


def test_without_an_address_nothing_is_sent_and_with_one_groups_are_joined():
    async def story(bench, ctx):
        await bench.hear(ctx, request(pdst="0.0.0.0"))
        await bench.hear(ctx, query())
        await bench.wait(ctx, 20)
        assert bench.got == []
        bench.set(ctx, ADDRESS, GROUPS)
        await bench.wait(ctx, 20)
        bench.set(ctx, "0.0.0.0", GROUPS)
        await bench.wait(ctx, 20)

    bench = ControlBench(groups=GROUPS, address="0.0.0.0").play(story)
    assert sorted(bench.messages()) == sorted(reports(*3 * GROUPS))
    assert bench.counts["arp_answered"] == 0


@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_a_new_group_is_reported_three_times_and_one_that_goes_is_left(stall):
    async def story(bench, ctx):
        await bench.wait(ctx, 2)
        assert bench.messages() == reports(*GROUPS)
        await bench.wait(ctx, 4 * REPORT_MS)
        bench.set(ctx, ADDRESS, [GROUPS[0], "239.1.2.3", GROUPS[2]])
        await bench.wait(ctx, 4 * REPORT_MS)
        bench.set(ctx, ADDRESS, ["0.0.0.0", "239.1.2.3", GROUPS[2]])
        await bench.wait(ctx, 2)

    bench = ControlBench(groups=GROUPS, stall=stall).play(story)
    assert bench.messages() == [
        *reports(*3 * GROUPS), (0x17, GROUPS[1]), *reports(*3 * ["239.1.2.3"]), (0x17, GROUPS[0])]
    assert bench.counts == {"arp_answered": 0, "igmp_sent": 12, "malformed": 0, "missed": 0}
    first, second, third = bench.stamps[0:9:3]
    assert second - first in (REPORT_MS, REPORT_MS + 1)
    assert third - second in (REPORT_MS, REPORT_MS + 1)


def test_a_group_that_another_entry_has_is_not_left():
    async def story(bench, ctx):
        await bench.wait(ctx, 4 * REPORT_MS)
        bench.set(ctx, ADDRESS, ["0.0.0.0", GROUPS[0]])
        await bench.wait(ctx, 2)
        bench.set(ctx, ADDRESS, ["0.0.0.0", "0.0.0.0"])
        await bench.wait(ctx, 2)

    bench = ControlBench(groups=[GROUPS[0], GROUPS[0]]).play(story)
    assert bench.messages() == [*reports(*6 * [GROUPS[0]]), (0x17, GROUPS[0])]


def test_entries_that_are_no_group_are_not_joined():
    async def story(bench, ctx):
        await bench.wait(ctx, 3 * REPORT_MS)
        await bench.hear(ctx, query())
        await bench.wait(ctx, 120)

    bench = ControlBench(groups=["10.1.2.3", "224.0.0.1", "240.0.0.1", "127.0.0.1"]).play(story)
    assert bench.got == []


@pytest.mark.parametrize("ask", [
    query(), query(options=False), query(tenths=1, to="224.0.0.1"),
    bytes(Ether(src=PEER_MAC, dst="01:00:5e:00:00:01")
          / IP(src=PEER, dst="224.0.0.1", ttl=1, options=[IPOption_Router_Alert()])
          / IGMPv3(type=0x11, mrcode=1) / IGMPv3mq(gaddr="0.0.0.0", numsrc=0)),
], ids=["version 2", "no options", "to all hosts", "version 3"])
def test_a_general_query_is_answered_for_every_group_in_its_time(ask):
    async def story(bench, ctx):
        await bench.wait(ctx, 3 * REPORT_MS)
        bench.asked_at = bench.ms
        await bench.hear(ctx, ask, line="b")
        await bench.wait(ctx, 110)

    bench = ControlBench(groups=GROUPS).play(story)
    assert bench.messages()[:9] == reports(*3 * GROUPS)
    assert sorted(bench.messages()[9:]) == sorted(reports(*GROUPS))
    delays = [stamp - bench.asked_at for stamp in bench.stamps[9:]]
    assert all(0 <= delay <= 100 for delay in delays)
    assert len(set(delays)) > 1  # not all at once


def test_a_query_about_one_group_is_answered_for_that_alone_and_at_most_once():
    async def story(bench, ctx):
        await bench.wait(ctx, 3 * REPORT_MS)
        for group in (GROUPS[1], "239.7.7.7", GROUPS[1]):
            await bench.hear(ctx, query(group))
        await bench.wait(ctx, 110)
        await bench.hear(ctx, query(GROUPS[2], to="224.0.0.1"))
        await bench.wait(ctx, 110)

    bench = ControlBench(groups=GROUPS).play(story)
    assert bench.messages()[9:] == reports(GROUPS[1], GROUPS[2])


def test_other_hosts_messages_are_not_answered_and_do_not_silence():
    async def story(bench, ctx):
        await bench.wait(ctx, 3 * REPORT_MS)
        await bench.hear(ctx, query(GROUPS[1]))
        for kind in (0x12, 0x16, 0x17):
            await bench.hear(ctx, bytes(
                Ether() / IP(src=PEER, dst=GROUPS[1], ttl=1, options=[IPOption_Router_Alert()])
                / IGMP(type=kind, mrcode=0, gaddr=GROUPS[1])))
        await bench.wait(ctx, 110)

    bench = ControlBench(groups=GROUPS).play(story)
    assert bench.messages()[9:] == reports(GROUPS[1])
    assert bench.counts["malformed"] == 0


def test_what_comes_too_fast_for_a_stalled_output_is_counted():
    async def story(bench, ctx):
        for _ in range(6):
            await bench.hear(ctx, request(), gap=0)
            await bench.hear(ctx, request(), line="b", gap=0)

    bench = ControlBench(stall=0.97).play(story)
    assert bench.counts["missed"] > 0
    assert bench.counts["arp_answered"] + bench.counts["missed"] == 12
    assert len(bench.frames()) == bench.counts["arp_answered"]


@pytest.mark.parametrize("seed", range(3))
def test_damaged_frames_back_to_back_never_hang_it(seed):
    rng = random.Random(seed)
    given = [request(), query(), query(GROUPS[0]), query(options=False), *MALFORMED.values()]

    async def story(bench, ctx):
        for _ in range(150):
            frame = bytearray(rng.choice(given))
            for _ in range(rng.randrange(3)):
                frame[rng.randrange(len(frame))] = rng.randrange(256)
            frame = bytes(frame)[: rng.choice((len(frame), rng.randrange(1, len(frame) + 1)))]
            await bench.hear(ctx, frame, line=rng.choice("ab"), error=rng.random() < 0.1, gap=0)
        await bench.wait(ctx, 5)
        bench.before = ctx.get(bench.dut.count_arp_answered)
        await bench.hear(ctx, request(), gap=60)

    bench = ControlBench(groups=GROUPS, stall=0.3, seed=seed).play(story)
    assert bench.counts["arp_answered"] == bench.before + 1
    for frame in bench.frames():
        if IGMP in frame:
            _message(frame)
        else:
            assert (frame[ARP].op, frame[ARP].hwsrc, frame[ARP].psrc) == (2, MAC, ADDRESS)


def test_parameters_out_of_range_are_told():
    with pytest.raises(ValueError, match="groups must be"):
        NetControl(0)
    for wrong in (0, 1 << 15):
        with pytest.raises(ValueError, match="report_ms must be"):
            NetControl(report_ms=wrong)
