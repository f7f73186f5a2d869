"""The card from the host's side of the bus: registers, an order and a tick.

Runs in the simulator; started by tests/sim/card/test_pcie.py.
"""


import cocotb
import pytest
from tickgate.card import registers as reg
from tickgate.card.base import LAYOUT_VERSION
from tickgate.protocols.ouch50 import inbound
from tickgate.protocols.soupbintcp import LoginRequest, UnsequencedData
from tickgate.records.messages import CardEvent, GateDecision, TopOfBook, VenueMessage
from tickgate_hdl.top.verilog import SMALL

from tickgate_sim.tb.card_bench import ASK, BID, NOW_NS, CardBench, check_names, order
from tickgate_sim.traffic import itch

LIMIT = {"timeout_time": 20, "timeout_unit": "ms"}


@cocotb.test(**LIMIT)
async def the_card_is_found_and_its_registers_work(dut):
    bench = CardBench(dut)
    await bench.start()
    assert await bench.read(reg.MAGIC) == 0x54474344
    assert await bench.read(reg.LAYOUT) == LAYOUT_VERSION
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
        failed = {"gate_closed", "no_limits", "host_stale", "venue_down"}
        assert failed <= set(check_names(decision))
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
    assert "gate_closed" in check_names(decision)
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
        assert record.message == 1 + 4 * (symbol + 1)
    await bench.send_frame(itch.delete(1, 1))
    await bench.settle()
    [record] = await bench.market.take()
    assert (record.symbol, record.bid, record.ask) == (0, 0, ASK)
    assert await bench.read(reg.COUNT_ITCH_MESSAGES) == 10
    assert await bench.read(reg.FEED_EXPECTED_LOW) == 11
    # Its message is used before the frame is found bad: then nothing is known to be right.
    await bench.send_frame(itch.delete(1, 2), error=True)
    await bench.settle()
    assert await bench.read(reg.COUNT_FRAMES_BAD) == 1
    assert await bench.read(reg.COUNT_FRAMES_SUSPECT) == 1
    state = reg.FEED_STATE.unpack(await bench.read(reg.FEED_STATE))
    assert state["suspect"]
    assert state["stale"]


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
    assert "gate_closed" in check_names(decision)
    await bench.ready_to_trade()
    await bench.submit(order(2))
    [packet] = await bench.wait_sent(1)
    assert inbound.decode_inbound(packet.payload).user_ref_num == 2


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
