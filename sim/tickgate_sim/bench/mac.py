"""The MAC's latency, measured on the gateware in Amaranth's simulator."""

from typing import Any

from amaranth.hdl import Value
from amaranth.sim import Simulator
from tickgate_hdl.net.mac_receive import MacReceive
from tickgate_hdl.net.mac_transmit import MacTransmit

from tickgate_sim.traffic.frames import beats
from tickgate_sim.traffic.xgmii import START, Wire

__all__ = ["measure"]

_FRAME = bytes(range(100))
_LIMIT = 40


def _receive(lane: int) -> int:
    """Cycles from the word with a start character in ``lane`` to the first beat out."""
    wire = Wire()
    wire.idle(8)
    wire.frame(_FRAME, lane=lane)
    words = wire.words()
    start = wire.characters.index((START, True)) // 8
    dut = MacReceive()
    found = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.o.ready, 1)
        for cycle in range(_LIMIT):
            data, control = words[min(cycle, len(words) - 1)]
            ctx.set(dut.xgmii_data, data)
            ctx.set(dut.xgmii_control, control)
            if ctx.get(dut.o.valid):
                assert ctx.get(dut.o.payload.data) == int.from_bytes(_FRAME[:8], "little")
                found.append(cycle - start)
                return
            await ctx.tick()

    return _only(dut, bench, found)


def _transmit() -> int:
    """Cycles from the first beat in to the word with the start character."""
    dut = MacTransmit()
    found = []
    offered = 4

    async def bench(ctx: Any) -> None:
        waiting = beats(_FRAME)
        for cycle in range(_LIMIT):
            if cycle >= offered and waiting:
                ctx.set(dut.i.valid, 1)
                ctx.set(Value.cast(dut.i.payload), waiting[0])
            if ctx.get(dut.xgmii_control) == 1 and ctx.get(dut.xgmii_data) & 0xFF == START:
                found.append(cycle - offered)
                return
            if cycle >= offered and ctx.get(dut.i.ready):
                waiting.pop(0)
            await ctx.tick()

    return _only(dut, bench, found)


def _only(dut: Any, bench: Any, found: list[int]) -> int:
    simulator = Simulator(dut)
    simulator.add_clock(6.4e-9)
    simulator.add_testbench(bench)
    simulator.run()
    if len(found) != 1:
        raise RuntimeError(f"{type(dut).__name__} gave nothing in {_LIMIT} cycles")
    return found[0]


def measure() -> dict[str, int]:
    """Return figures by name, in cycles; of the receiver the worse of both lanes is the first."""
    lanes = {lane: _receive(lane) for lane in (0, 4)}
    return {
        "mac.rx_cycles": max(lanes.values()),
        "mac.rx_cycles.lane_0": lanes[0],
        "mac.rx_cycles.lane_4": lanes[4],
        "mac.tx_cycles": _transmit(),
    }
