"""The card's rings and interrupts, from the host's side of the bus.

Runs in the simulator; started by tests/sim/card/test_pcie.py.
"""

import itertools
import random

import cocotb
from cocotb.triggers import RisingEdge
from tickgate.card import registers as reg
from tickgate.protocols.ouch50 import inbound
from tickgate.records import codec, schema
from tickgate.records.messages import OrderRequest
from tickgate_hdl.lib.layouts import RecordBody

from tickgate_sim.models.ring import check_conflation
from tickgate_sim.tb.card_bench import BID, CardBench, check_names, order
from tickgate_sim.traffic import itch

LIMIT = {"timeout_time": 20, "timeout_unit": "ms"}


@cocotb.test(**LIMIT)
async def market_data_is_conflated_when_the_host_is_slow(dut):
    bench = CardBench(dut)
    await bench.start()
    await bench.load_symbols("AAPL", "MSFT")
    await bench.make_market("AAPL", "MSFT")
    await bench.settle()
    await bench.market.take()
    before = await bench.read(reg.MARKET_MERGED)
    taps, rng = [], random.Random(4)
    cocotb.start_soon(_tap(bench, taps))
    for step in range(60):
        symbol = rng.randrange(2)
        stock = (b"AAPL", b"MSFT")[symbol].ljust(8)
        await bench.send_frame(
            itch.add(symbol + 1, stock, 100 + step, b"B", 10, BID + 100 * (step + 1)))
    await bench.settle()
    written = await bench.market.take()
    assert len(written) == 16, "the ring is full"
    await bench.settle()
    written += await bench.market.take()
    assert check_conflation(taps, written) == await bench.read(reg.MARKET_MERGED) - before > 0


async def _tap(bench, taps):
    while True:
        await RisingEdge(bench.dut.clk)
        if bench.dut.tob_tap__valid.value:
            bits = bench.dut.tob_tap__payload.value.to_unsigned()
            body = RecordBody.from_bits(bits).body.to_bytes(48, "little")
            taps.append(codec.unpack(codec.slot(schema.TOP_OF_BOOK, body, 1))[1])


@cocotb.test(**LIMIT)
async def interrupts_come_once_for_each_arming(dut):
    bench = CardBench(dut)
    await bench.start()
    await bench.load_symbols("AAPL")
    await bench.make_market("AAPL")
    await bench.submit(order(1), order(2), order(3))
    await bench.settle()
    assert bench.bus.interrupts == [1, 1]
    assert len(bench.events.peek()) >= 3
    await bench.events.take(1)
    await bench.settle()
    assert bench.bus.interrupts == [2, 1], "there was more: at once"
    await bench.events.take()
    await bench.market.take()
    await bench.settle()
    assert bench.bus.interrupts == [2, 1]
    await bench.submit(order(4))
    await bench.settle()
    assert bench.bus.interrupts == [3, 1]


@cocotb.test(**LIMIT)
async def everything_works_with_back_pressure_on_every_stream(dut):
    bench = CardBench(dut)
    await bench.start()
    rng = random.Random(9)

    def randomly(share):
        return (rng.random() < share for _ in itertools.count())

    bench.bus.pause({"cq": randomly(0.3), "cc": randomly(0.5), "rq": randomly(0.6),
                     "rc": randomly(0.6)})
    bench.tx.set_pause_generator(randomly(0.5))
    bench.net.set_pause_generator(randomly(0.4))
    await bench.ready_to_trade()
    sent = []
    for token in range(1, 41):
        request = order(token, quantity=token)
        sent.append(request)
        bench.put_order(request)
        if token % 5 == 0:
            await bench.write(reg.ORDER_RING_TAIL, bench.tail)
            while bench.tail - await bench.read(reg.ORDER_RING_HEAD) > 8:
                await bench.cycles(20)
    packets = await bench.wait_sent(40)
    assert [inbound.decode_inbound(p.payload).quantity for p in packets] == list(range(1, 41))
    decisions = await bench.wait_events(40)
    assert [d.user_ref_num for d in decisions] == list(range(1, 41))
    assert all(d.checks == 0 for d in decisions)
    assert await bench.read(reg.COUNT_DMA_ERRORS) == 0


@cocotb.test(**LIMIT)
async def a_full_events_ring_refuses_orders_and_loses_nothing(dut):
    bench = CardBench(dut)
    await bench.start()
    await bench.ready_to_trade()
    for token in range(1, 121):  # the ring has 128 slots, 64 of them in reserve
        await bench.submit(order(token, quantity=1))
        while bench.tail != await bench.read(reg.ORDER_RING_HEAD):
            await bench.cycles(10)
    await bench.settle()
    assert not reg.STATUS.unpack(await bench.read(reg.STATUS))["events_room"]
    passed = bench.to_venue()
    decisions = await bench.wait_events(120)
    assert [d.user_ref_num for d in decisions] == list(range(1, 121))
    let_in = [d for d in decisions if d.checks == 0]
    refused = [d for d in decisions if d.checks]
    assert len(let_in) == len(passed)
    assert 60 <= len(let_in) <= 64
    assert {tuple(check_names(d)) for d in refused} == {("events_full",)}
    assert max(d.user_ref_num for d in let_in) < min(d.user_ref_num for d in refused)
    await bench.submit(order(121, quantity=1))
    [decision] = await bench.wait_events(1)
    assert decision.checks == 0, "the host made room"
    assert await bench.read(reg.COUNT_EVENTS_WRITTEN) == bench.events.head


@cocotb.test(**LIMIT)
async def rings_wrap_and_bad_slots_are_passed_over(dut):
    bench = CardBench(dut)
    await bench.start()
    decisions = []
    for token in range(1, 151):
        if token % 50 == 0:
            bench.put_order(OrderRequest())  # its sequence is spoilt below
            start = 0x0FC0 + (bench.tail - 1) % 16 * 64
            bench.bus.memory[start + 56] = 0
        bench.put_order(order(token))
        if token % 7 == 0 or token == 150:
            await bench.write(reg.ORDER_RING_TAIL, bench.tail)
            while bench.tail != await bench.read(reg.ORDER_RING_HEAD):
                await bench.cycles(10)
            decisions += await bench.events.take()
    while len(decisions) < 150:
        decisions += await bench.wait_events(1)
    assert [d.user_ref_num for d in decisions] == list(range(1, 151))
    assert await bench.read(reg.COUNT_RECORDS_MALFORMED) == 3
    assert await bench.read(reg.ORDER_RING_HEAD) == 153
    assert await bench.read(reg.EVENT_RING_TAIL) == 150


@cocotb.test(**LIMIT)
async def a_ring_in_memory_that_is_not_there_is_reported_and_recovers(dut):
    bench = CardBench(dut)
    await bench.start()
    good = bench.bus.base + 0x0FC0
    await bench.write(reg.RING_ENABLE, reg.RING_ENABLE.pack(event=1, market=1))
    await bench.write(reg.ORDER_RING_BASE_HIGH, 0x7FFF)
    await bench.write(reg.RING_ENABLE, reg.RING_ENABLE.pack(order=1, event=1, market=1))
    await bench.submit(order(1))
    while await bench.read(reg.COUNT_DMA_ERRORS) < 3:
        await bench.cycles(50)
    assert await bench.read(reg.ORDER_RING_HEAD) == 0
    await bench.write(reg.ORDER_RING_BASE_HIGH, good >> 32)
    [decision] = await bench.wait_events(1)
    assert decision.user_ref_num == 1
    assert await bench.read(reg.ORDER_RING_HEAD) == 1


@cocotb.test(**LIMIT)
async def an_engine_that_attaches_again_finds_its_rings(dut):
    bench = CardBench(dut)
    await bench.start()
    await bench.submit(order(1), order(2))
    await bench.wait_events(2)
    await bench.submit(order(3))
    await bench.settle()
    assert await bench.read(reg.ORDER_RING_TAIL) == await bench.read(reg.ORDER_RING_HEAD) == 3
    assert await bench.read(reg.EVENT_RING_HEAD) == 2
    assert await bench.read(reg.EVENT_RING_TAIL) == 3
    assert reg.RING_ENABLE.unpack(await bench.read(reg.RING_ENABLE)) == {
        "order": 1, "event": 1, "market": 1, "message": 0, "depth": 0}
    [decision] = await bench.wait_events(1)
    assert decision.user_ref_num == 3


