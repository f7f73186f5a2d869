"""The card from the host's side of the bus: registers, rings, interrupts, an order and a tick.

Runs in the simulator; started by tests/sim/card/test_pcie.py.
"""

import itertools
import random

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from tickgate.card import registers as reg
from tickgate.protocols.ouch50 import inbound
from tickgate.protocols.soupbintcp import LoginRequest, UnsequencedData
from tickgate.records import codec, schema
from tickgate.records.messages import CardEvent, GateDecision, OrderRequest, TopOfBook, VenueMessage
from tickgate.risk.checks import failed
from tickgate_hdl.top.verilog import SMALL

from tickgate_sim.models.ring import check_conflation
from tickgate_sim.tb.card_bench import ASK, BID, NOW_NS, CardBench, order
from tickgate_sim.traffic import itch

LIMIT = {"timeout_time": 20, "timeout_unit": "ms"}


def names(decision):
    return [check.name for check in failed(decision.checks)]


@cocotb.test(**LIMIT)
async def the_card_is_found_and_its_registers_work(dut):
    bench = CardBench(dut)
    await bench.start()
    assert await bench.read(reg.MAGIC) == 0x54474344
    assert await bench.read(reg.LAYOUT) == 1
    assert await bench.read(reg.BUILD) != 0
    assert reg.CAPACITY_TABLES.unpack(await bench.read(reg.CAPACITY_TABLES)) == {
        "symbols": SMALL.symbols, "accounts": SMALL.accounts}
    assert await bench.read(reg.CAPACITY_ORDERS) == SMALL.open_orders
    bar = bench.bus.bar
    await bar.write_dword(reg.SCRATCH.offset, 0xA5A5_1234)
    await bar.write_byte(reg.SCRATCH.offset + 3, 0x11)
    await bar.write_word(reg.SCRATCH.offset, 0xBEEF)
    assert await bench.read(reg.SCRATCH) == 0x11A5_BEEF
    assert await bar.read(reg.SCRATCH.offset + 1, 2) == bytes([0xBE, 0xA5])
    await bar.write(reg.ORDER_RING_BASE_LOW.offset, bytes(range(8)))  # one packet, two registers
    assert await bench.read(reg.ORDER_RING_BASE_LOW) == 0x03020100
    assert await bench.read(reg.ORDER_RING_BASE_HIGH) == 0x07060504
    low, high = await bench.read(reg.TIME_LOW), await bench.read(reg.TIME_HIGH)
    assert high << 32 | low == NOW_NS
    first = await bench.read(reg.CYCLES_LOW)
    assert await bench.read(reg.CYCLES_LOW) > first
    assert await bar.read_dword(0x7FFC) == 0
    assert await bar.read_dword(0x900C) == 0


@cocotb.test(**LIMIT)
async def a_read_that_the_card_does_not_do_is_refused_and_nothing_hangs(dut):
    bench = CardBench(dut)
    await bench.start()
    with pytest.raises(Exception, match="Unsuccessful completion"):
        await bench.bus.bar.read(reg.MAGIC.offset, 8)
    assert await bench.read(reg.MAGIC) == 0x54474344


@cocotb.test(**LIMIT)
async def an_order_goes_out_and_its_answers_come_back(dut):
    bench = CardBench(dut)
    await bench.start()
    await bench.ready_to_trade("AAPL", "MSFT")
    request = order(1, symbol=1, quantity=200, clordid="FIRST")
    await bench.submit(request)
    [packet] = await bench.wait_sent(1)
    assert isinstance(packet, UnsequencedData)
    assert inbound.decode_inbound(packet.payload) == inbound.EnterOrder(
        user_ref_num=1, side="B", quantity=200, symbol="MSFT", price=ASK, time_in_force="0",
        display="Y", capacity="A", intermarket_sweep_eligibility="N", cross_type="N",
        clordid="FIRST")
    [decision] = await bench.wait_events(1)
    assert isinstance(decision, GateDecision)
    assert (decision.user_ref_num, decision.checks, decision.first_check) == (1, 0, 255)
    assert (decision.bid, decision.ask, decision.generation) == (BID, ASK, bench.generation)
    assert decision.time_ns == NOW_NS
    assert 0 < decision.gate_cycles < decision.wire_cycles
    await bench.accept(request, reference=77)
    [answer] = await bench.wait_events(1)
    assert isinstance(answer, VenueMessage)
    assert (answer.message_type, answer.user_ref_num, answer.reference) == ("A", 1, 77)
    assert answer.soup_sequence == 1
    await bench.write(reg.POSITION_ADDRESS, reg.POSITION_ADDRESS.pack(account=0, symbol=1))
    assert await bench.read(reg.OPEN_BUY) == 200
    assert await bench.read(reg.ORDER_RING_HEAD) == 1
    assert await bench.read(reg.COUNT_ORDERS_PASSED) == 1
    assert await bench.read(reg.COUNT_DMA_ERRORS) == 0


@cocotb.test(**LIMIT)
async def nothing_leaves_a_card_that_is_not_armed(dut):
    bench = CardBench(dut)
    await bench.start()
    await bench.submit(order(1), order(2, symbol=3, account=3))
    refusals = await bench.wait_events(2)
    for token, decision in enumerate(refusals, 1):
        assert decision.user_ref_num == token
        assert decision.first_check == 0
        assert {"gate_closed", "no_limits", "host_stale", "venue_down"} <= set(names(decision))
        assert (decision.generation, decision.wire_cycles) == (0, 0)
    await bench.load_symbols("AAPL")
    assert (await bench.upload_limits(spoil=True))["bad_crc"]
    [refused] = await bench.wait_events(1)
    assert isinstance(refused, CardEvent)
    assert refused.kind == "C"
    await bench.arm()
    assert not reg.STATUS.unpack(await bench.read(reg.STATUS))["armed"], "no limits, no arming"
    await bench.submit(order(3))
    [decision] = await bench.wait_events(1)
    assert "gate_closed" in names(decision)
    await bench.settle()
    assert bench.to_venue() == []
    assert await bench.read(reg.COUNT_ORDERS_REFUSED) == 3
    await bench.write(reg.CHECK_SELECT, 0)
    assert await bench.read(reg.CHECK_COUNT) == 3


@cocotb.test(**LIMIT)
async def a_tick_reaches_the_host(dut):
    bench = CardBench(dut)
    await bench.start()
    await bench.load_symbols("AAPL", "MSFT")
    await bench.make_market("AAPL", "MSFT")
    await bench.settle()
    records = await bench.market.take()
    last = {record.symbol: record for record in records}
    assert all(isinstance(record, TopOfBook) for record in records)
    for symbol in (0, 1):
        record = last[symbol]
        assert (record.bid, record.bid_size, record.ask, record.ask_size) == (BID, 500, ASK, 700)
        assert (record.trading_state, record.flags & 1) == ("T", 0)
        assert record.time_ns == NOW_NS
        assert record.message == 4 * (symbol + 1)
    await bench.send_frame(itch.delete(1, 1))
    await bench.settle()
    [record] = await bench.market.take()
    assert (record.symbol, record.bid, record.ask) == (0, 0, ASK)
    assert await bench.read(reg.COUNT_ITCH_MESSAGES) == 9
    assert await bench.read(reg.FEED_EXPECTED_LOW) == 10
    await bench.send_frame(itch.delete(1, 2), error=True)
    await bench.settle()
    assert await bench.read(reg.COUNT_FRAMES_BAD) == 1
    assert bench.market.peek() == []


@cocotb.test(**LIMIT)
async def market_data_is_conflated_when_the_host_is_slow(dut):
    bench = CardBench(dut)
    await bench.start()
    await bench.load_symbols("AAPL", "MSFT")
    await bench.make_market("AAPL", "MSFT")
    await bench.settle()
    await bench.market.take()
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
    assert check_conflation(taps, written) == await bench.read(reg.MARKET_MERGED) > 0


async def _tap(bench, taps):
    while True:
        await RisingEdge(bench.dut.clk)
        if bench.dut.tob_tap__valid.value:
            bits = bench.dut.tob_tap__payload.value.to_unsigned()
            body = (bits >> 8).to_bytes(48, "little")
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
    assert {tuple(names(d)) for d in refused} == {("events_full",)}
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
async def a_reset_in_the_middle_shuts_the_gate_and_the_host_can_start_again(dut):
    bench = CardBench(dut)
    await bench.start()
    await bench.ready_to_trade()
    for token in range(1, 9):
        bench.put_order(order(token))
    await bench.write(reg.ORDER_RING_TAIL, bench.tail)
    await bench.cycles(120)
    await bench.reset()
    await bench.wait_ready()
    status = reg.STATUS.unpack(await bench.read(reg.STATUS))
    assert not any(status[name] for name in ("armed", "session_up", "limits_valid", "watchdog_ok"))
    assert await bench.read(reg.RING_ENABLE) == 0
    assert await bench.read(reg.EVENT_RING_TAIL) == 0
    await bench.enable_rings()
    await bench.submit(order(1))
    [decision] = await bench.wait_events(1)
    assert "gate_closed" in names(decision)
    await bench.ready_to_trade()
    await bench.submit(order(2))
    [packet] = await bench.wait_sent(1)
    assert inbound.decode_inbound(packet.payload).user_ref_num == 2


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
        "order": 1, "event": 1, "market": 1}
    [decision] = await bench.wait_events(1)
    assert decision.user_ref_num == 3


@cocotb.test(**LIMIT)
async def the_login_request_has_the_texts_of_the_registers(dut):
    bench = CardBench(dut)
    await bench.start()
    for register, text in ((reg.SOUP_USERNAME_0, b"USER"), (reg.SOUP_USERNAME_1, b"01"),
                           (reg.SOUP_PASSWORD_0, b"SECR"), (reg.SOUP_PASSWORD_1, b"ET  ")):
        await bench.write(register, int.from_bytes(text, "little"))
    await bench.write(reg.SOUP_SEQUENCE, 42)
    assert await bench.log_in() == LoginRequest(
        username="USER01", password="SECRET", requested_session="",
        requested_sequence_number=42)
    events = await bench.wait_events(2)
    assert [event.kind for event in events] == ["U", "A"]
    assert reg.STATUS.unpack(await bench.read(reg.STATUS))["session_up"]
