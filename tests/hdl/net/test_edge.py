# amaranth: UnusedElaboratable=no
"""MAC, ARP and IGMP together: what is asked on one wire is answered on the other."""

from amaranth.hdl import Module
from amaranth.sim import Simulator
from scapy.contrib.igmp import IGMP
from scapy.layers.l2 import ARP, Ether
from tickgate_hdl.lib.stream import check_stream, connect_streams
from tickgate_hdl.net.control import NetControl
from tickgate_hdl.net.mac_receive import MacReceive
from tickgate_hdl.net.mac_transmit import MacTransmit
from tickgate_sim.models.mac import receive
from tickgate_sim.traffic.xgmii import Wire

MAC, ADDRESS = "02:11:22:33:44:55", "10.77.0.9"
PEER_MAC, PEER = "02:aa:bb:cc:dd:ee", "10.77.0.1"
GROUP = "233.54.12.1"


def number(address):
    return int.from_bytes(bytes(int(part) for part in address.split(".")), "big")


def test_a_request_on_the_wire_is_answered_on_the_wire():
    request = bytes(Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc=PEER_MAC, psrc=PEER, pdst=ADDRESS)).ljust(60, b"\0")
    wire = Wire()
    wire.idle(400)  # the first report of the group
    for lane, bad in ((0, False), (4, False), (4, True)):
        wire.frame(request, lane=lane, bad_fcs=bad)
        wire.idle(400)

    top = Module()
    top.submodules.rx = rx = MacReceive()
    top.submodules.tx = tx = MacTransmit()
    top.submodules.control = control = NetControl(2)
    connect_streams(top, control.tx, tx.i)
    check_stream(top, "control", control.tx)
    top.d.comb += [control.valid_b.eq(rx.o.valid & rx.o.ready), control.beat_b.eq(rx.o.payload)]
    sent = []

    async def bench(ctx):
        ctx.set(control.address, number(ADDRESS))
        ctx.set(control.mac, int(MAC.replace(":", ""), 16))
        ctx.set(control.groups[1], number(GROUP))
        ctx.set(rx.o.ready, 1)
        for data, mask in [*wire.words(), *60 * [(0x0707070707070707, 255)]]:
            ctx.set(rx.xgmii_data, data)
            ctx.set(rx.xgmii_control, mask)
            sent.append((ctx.get(tx.xgmii_data), ctx.get(tx.xgmii_control)))
            await ctx.tick()
        assert not ctx.get(control.active)
        assert not ctx.get(tx.active)
        assert ctx.get(tx.count_frames) == 3
        assert ctx.get(tx.count_underflow) + ctx.get(tx.count_aborted) == 0
        assert ctx.get(control.count_arp_answered) == 2
        assert ctx.get(control.count_igmp_sent) == 1
        assert ctx.get(rx.count_bad_fcs) == 1

    simulator = Simulator(top)
    simulator.add_clock(6.4e-9)
    simulator.add_testbench(bench)
    simulator.run()
    frames, counts = receive(sent)
    assert counts.pop("frames") == 3
    assert not any(counts.values())
    assert {len(frame.data) for frame in frames} == {60}
    report, *replies = (Ether(frame.data) for frame in frames)
    assert (report[IGMP].type, report[IGMP].gaddr) == (0x16, GROUP)
    for reply in replies:
        assert (reply.dst, reply[ARP].op, reply[ARP].hwsrc, reply[ARP].psrc, reply[ARP].pdst) == (
            PEER_MAC, 2, MAC, ADDRESS, PEER)
