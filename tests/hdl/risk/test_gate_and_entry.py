"""One order through gate and entry and back, joined as on the card, in the Amaranth simulator."""

import zlib

from amaranth.hdl import Module
from tickgate.protocols import soupbintcp
from tickgate.protocols.ouch50.inbound import CancelOrder, EnterOrder, MassCancel, ReplaceOrder
from tickgate.protocols.ouch50.outbound import (
    BrokenTrade,
    OrderAccepted,
    OrderCanceled,
    OrderExecuted,
    OrderReplaced,
)
from tickgate.records.codec import pack, slot, unpack
from tickgate.records.messages import OrderRequest
from tickgate.records.schema import BY_TEMPLATE, ORDER_REQUEST
from tickgate.risk.image import (
    ACCOUNT,
    CLEARING_FIRM,
    ENTITLED,
    FIRM,
    GROUP,
    POSITION,
    SESSION,
    SESSIONS,
    STRATEGY,
    SYMBOL,
    TABLES,
    rows,
)
from tickgate_hdl.entry.entry import Entry
from tickgate_hdl.lib.stream import check_stream, connect_streams
from tickgate_hdl.risk.gate import Gate
from tickgate_hdl.top.config import CardConfig

CONFIG = CardConfig(symbols=4, accounts=2, open_orders=16, recent_orders=16, own_prices=2)
ROW = 1 * CONFIG.symbols + 2
SETTLE = 150
ORDER = OrderRequest(
    user_ref_num=1, price=1_000_100, quantity=100, account=1, symbol=2, action="O", side="B",
    time_in_force="0", display="Y", capacity="P", intermarket_sweep="N", cross_type="N",
    clordid="ABC", strategy=3)
ECHO = {
    "timestamp": 5, "side": "B", "symbol": "AAPL", "price": 1_000_100, "time_in_force": "0",
    "display": "Y", "order_reference_number": 77, "capacity": "P",
    "intermarket_sweep_eligibility": "N", "cross_type": "N", "order_state": "L", "clordid": "ABC"}


def image():
    words = {
        **{table.address(0, 0): 1 for table in (FIRM, GROUP, CLEARING_FIRM)},
        ACCOUNT.address(1, 0): 1, ACCOUNT.address(1, 1): 5000,
        ACCOUNT.address(1, 2): 10**9, ACCOUNT.address(1, 4): 10, ACCOUNT.address(1, 5): 50,
        ACCOUNT.address(1, 6): 0xFF, ACCOUNT.address(1, 7): 100,
        **{ACCOUNT.address(1, word): 0xFFFF for word in range(9, 20, 2)},
        **{table.address(0, word): 0xFFFF for table in (FIRM, GROUP, CLEARING_FIRM)
           for word in (3, 5)},
        ACCOUNT.address(1, 25): 10, STRATEGY.address(3, 0): 1, STRATEGY.address(3, 1): 10,
        ACCOUNT.address(1, 24): 50, SYMBOL.address(2, 9): 50,
        **{SESSION.address(session, word): (1, 10, 50)[word]
           for session in range(SESSIONS) for word in range(3)},
        SYMBOL.address(2, 0): 1, SYMBOL.address(2, 1): 500, SYMBOL.address(2, 7): 0b111,
        POSITION.address(ROW, 0): 1000, POSITION.address(ROW, 1): 1000,
        POSITION.address(ROW, 2): ENTITLED, POSITION.address(ROW, 3): 1000}
    return [(address, words.get(address, 0)) for table in TABLES
            for address in range(
                table.address(0, 0), table.address(rows(table, CONFIG.table_sizes), 0))]


class Bench:
    def __init__(self):
        self.gate, self.entry = Gate(CONFIG), Entry(CONFIG)
        gate, entry = self.gate, self.entry
        m = Module()
        m.submodules += [gate, entry]
        connect_streams(m, gate.passed, entry.passed)
        connect_streams(m, entry.venue, gate.venue)
        for name in ("decision", "events"):
            check_stream(m, f"gate_{name}", getattr(gate, name))
        for name in ("venue", "events"):
            check_stream(m, f"entry_{name}", getattr(entry, name))
        m.d.comb += [gate.sent.eq(entry.sent), gate.unsent.eq(entry.unsent),
                     gate.session_up.eq(entry.session_up),
                     entry.mass_cancel.eq(gate.mass_cancel),
                     entry.mass_cancel_token.eq(gate.mass_cancel_token),
                     gate.mass_cancel_taken.eq(entry.mass_cancel_taken),
                     gate.mass_cancel_sent.eq(entry.mass_cancel_sent),
                     gate.mass_cancel_cut.eq(entry.mass_cancel_cut)]
        self.module = m
        self.sent, self.records = bytearray(), []

    async def watch(self, ctx):
        gate, entry = self.gate, self.entry
        sources = (entry.events, gate.events, gate.decision)
        for port in (entry.tx, *sources):
            ctx.set(port.ready, 1)
        signals = [signal for port in sources for signal in (port.valid, port.payload)]
        async for _, _, valid, beat, *values in ctx.tick().sample(
                entry.tx.valid, entry.tx.payload, *signals):
            if valid:
                self.sent += beat.data.to_bytes(8, "little")[:beat.keep.bit_count()]
            for valid, body in zip(values[::2], values[1::2], strict=True):
                if valid:
                    data = slot(BY_TEMPLATE[body.template], body.body.to_bytes(48, "little"), 1)
                    self.records.append(unpack(data)[1])

    def run(self, simulate, scenario, cycles=6250):
        """Simulate a scenario, which must end by then; what it returns."""
        ended = []

        async def testbench(ctx):
            ended.append(await scenario(ctx))

        simulate(self.module, testbench, self.watch, cycles=cycles)
        return ended[0]

    def packet(self):
        packet = soupbintcp.decode(bytes(self.sent))
        self.sent.clear()
        return packet

    async def pulse(self, ctx, signal):
        ctx.set(signal, 1)
        await ctx.tick()
        ctx.set(signal, 0)

    async def receive(self, ctx, data):
        rx = self.entry.rx
        for at in range(0, len(data), 8):
            piece = data[at:at + 8]
            ctx.set(rx.payload, {"data": int.from_bytes(piece, "little"),
                                 "keep": (1 << len(piece)) - 1, "last": 1})
            ctx.set(rx.valid, 1)
            await ctx.tick().until(rx.ready)
            ctx.set(rx.valid, 0)
        await ctx.tick().repeat(SETTLE)

    async def venue(self, ctx, message):
        await self.receive(ctx, soupbintcp.SequencedData(message.encode()).encode())
        gate = self.gate
        return ctx.get(gate.position__value), ctx.get(gate.open_buy__value)

    async def order(self, ctx, **changes):
        body = pack(ORDER_REQUEST, **ORDER._replace(**changes)._asdict())
        order = self.gate.order
        ctx.set(order.payload, {"template": 1, "body": int.from_bytes(body, "little")})
        ctx.set(order.valid, 1)
        await ctx.tick().until(order.ready)
        ctx.set(order.valid, 0)
        await ctx.tick().repeat(30)
        return self.records[-1]

    async def open(self, ctx):
        gate, entry = self.gate, self.entry
        ctx.set(gate.ready, 1)
        ctx.set(gate.events_room, 1)
        ctx.set(gate.query_top, {"bid": 1_000_000, "bid_size": 100, "ask": 1_000_100,
                                 "ask_size": 100, "trading_state": ord("T"), "stale": 0})
        ctx.set(gate.query_status, {"system_event": ord("Q")})
        await ctx.tick().until(~gate.busy)
        for address, word in image():
            ctx.set(gate.limit_address__value, address)
            await self.pulse(ctx, gate.limit_address__value__we)
            ctx.set(gate.limit_data__value, word)
            await self.pulse(ctx, gate.limit_data__value__we)
        ctx.set(gate.limit_crc__value, zlib.crc32(
            b"".join(word.to_bytes(4, "little") for _, word in image())))
        ctx.set(gate.limit_generation__value, 7)
        await self.pulse(ctx, gate.limit_commit__commit)
        await ctx.tick().until(~gate.limit_status__busy)
        assert ctx.get(gate.limit_status__committed)
        ctx.set(gate.symbol_index, 2)
        ctx.set(gate.symbol_name, int.from_bytes(b"AAPL    ", "little"))
        ctx.set(gate.symbol_enable, 1)
        await self.pulse(ctx, gate.symbol_write)
        ctx.set(gate.watchdog_timeout__ms, 10)
        await self.pulse(ctx, gate.watchdog_touch__touch)
        ctx.set(gate.limit_lease__ms, 1000)
        ctx.set(gate.limit_renew__value, 7)
        await self.pulse(ctx, gate.limit_renew__value__we)
        await ctx.tick().repeat(3)
        await self.pulse(ctx, gate.control__arm)
        ctx.set(gate.position_address__account, 1)
        ctx.set(gate.position_address__symbol, 2)
        ctx.set(entry.link_up, 1)
        ctx.set(entry.soup_sequence__value, 10203)
        await self.pulse(ctx, entry.soup_control__login)
        await ctx.tick().repeat(60)
        assert self.packet().requested_sequence_number == 10203
        await self.receive(ctx, soupbintcp.LoginAccepted(
            session="SESS1", sequence_number=10203).encode())
        assert ctx.get(entry.session_up)


def test_one_order_there_and_back(simulate):
    bench = Bench()

    async def scenario(ctx):
        await bench.open(ctx)
        decision = await bench.order(ctx)
        assert (decision.checks, decision.generation) == (0, 7)
        assert (decision.gate_cycles, decision.wire_cycles) == (3, 4)
        entered = EnterOrder.decode(bench.packet().payload)
        assert (entered.user_ref_num, entered.symbol, entered.price) == (1, "AAPL", 1_000_100)

        decision = await bench.order(ctx, user_ref_num=2, quantity=2000)
        assert decision.first_check == 15
        assert not bench.sent

        assert await bench.venue(
            ctx, OrderAccepted(user_ref_num=1, quantity=100, **ECHO)) == (0, 100)
        assert bench.records[-1].soup_sequence == 10203
        assert await bench.venue(ctx, OrderExecuted(
            timestamp=6, user_ref_num=1, quantity=40, price=1_000_000, liquidity_flag="A",
            match_number=99)) == (40, 60)
        assert bench.records[-1].reference == 99
        assert await bench.venue(ctx, BrokenTrade(
            timestamp=6, user_ref_num=1, match_number=99, reason="E", clordid="ABC")) == (0, 60)

        await bench.order(ctx, user_ref_num=3, orig_user_ref_num=1, action="U", quantity=150)
        replaced = ReplaceOrder.decode(bench.packet().payload)
        assert (replaced.orig_user_ref_num, replaced.quantity) == (1, 150)
        assert ctx.get(bench.gate.open_buy__value) == 110
        assert await bench.venue(ctx, OrderReplaced(
            orig_user_ref_num=1, user_ref_num=3, quantity=110, **ECHO)) == (0, 110)

        await bench.order(ctx, user_ref_num=3, action="X", quantity=0, price=0)
        assert CancelOrder.decode(bench.packet().payload).user_ref_num == 3
        assert await bench.venue(ctx, OrderCanceled(
            timestamp=1, user_ref_num=3, quantity=110, reason="U", appendage=None)) == (0, 0)
        assert ctx.get(bench.entry.count_ouch_in__count) == 5
        assert ctx.get(bench.gate.count_orders_passed__count) == 2
        assert ctx.get(bench.gate.count_cancels_passed__count) == 1
        assert ctx.get(bench.gate.count_orders_refused__count) == 1
        assert ctx.get(bench.gate.count_unknown_token__count) == 0

    bench.run(simulate, scenario)


def test_a_link_lost_on_the_way_gives_the_order_back(simulate):
    bench = Bench()

    async def scenario(ctx):
        gate, entry = bench.gate, bench.entry
        await bench.open(ctx)
        for delay in range(10):  # the link drops in every cycle from the order to its first word
            token = delay + 1
            body = pack(ORDER_REQUEST, **ORDER._replace(user_ref_num=token)._asdict())
            ctx.set(gate.order.payload, {"template": 1, "body": int.from_bytes(body, "little")})
            ctx.set(gate.order.valid, 1)
            await ctx.tick().until(gate.order.ready)
            ctx.set(gate.order.valid, 0)
            for _ in range(delay):
                await ctx.tick()
            ctx.set(entry.link_up, 0)
            await ctx.tick().repeat(60)
            decision = next(r for r in reversed(bench.records) if hasattr(r, "gate_cycles"))
            assert decision.user_ref_num == token
            left = ctx.get(gate.open_buy__value)
            assert (decision.checks == 0) == bool(bench.sent)
            assert left == (0 if decision.checks else 100)
            bench.sent.clear()
            if left:
                break
            assert decision.first_check == 7
            ctx.set(entry.link_up, 1)
            await bench.pulse(ctx, entry.soup_control__login)
            await ctx.tick().repeat(60)
            bench.sent.clear()
            await bench.receive(ctx, soupbintcp.LoginAccepted(
                session="SESS1", sequence_number=1).encode())
        return delay

    assert bench.run(simulate, scenario) == 4


async def _stays_away(bench, ctx):
    """Let both stages of the watchdog run out: ten milliseconds, and two."""
    for _ in range(12):
        await bench.pulse(ctx, bench.gate.ms_tick)
        await ctx.tick().repeat(3)


def test_a_host_that_stays_away_has_everything_cancelled(simulate):
    bench = Bench()

    async def scenario(ctx):
        gate, entry = bench.gate, bench.entry
        await bench.open(ctx)
        ctx.set(gate.watchdog_cancel__ms, 2)
        ctx.set(entry.mass_cancel_firm__value, int.from_bytes(b"TICK", "little"))
        blank = int.from_bytes(b"    ", "little")
        ctx.set(entry.mass_cancel_symbol_low__value, blank)
        ctx.set(entry.mass_cancel_symbol_high__value, blank)
        assert (await bench.order(ctx)).checks == 0
        bench.sent.clear()
        assert await bench.venue(
            ctx, OrderAccepted(user_ref_num=1, quantity=100, **ECHO)) == (0, 100)
        await _stays_away(bench, ctx)
        await ctx.tick().repeat(20)
        assert MassCancel.decode(bench.packet().payload) == MassCancel(
            user_ref_num=2, firm="TICK", symbol="")
        told = [record for record in bench.records if hasattr(record, "generation")
                and getattr(record, "kind", "") in ("W", "M")]
        assert [(record.kind, record.value) for record in told] == [("W", 0), ("M", 2)]
        assert await bench.venue(ctx, OrderCanceled(
            timestamp=1, user_ref_num=1, quantity=100, reason="U", appendage=None)) == (0, 0)
        assert ctx.get(gate.last_token__value) == 2
        assert ctx.get(gate.count_mass_cancels__count) == 1
        assert ctx.get(entry.count_ouch_out__count) == 2

    bench.run(simulate, scenario)


def test_a_mass_cancel_that_the_link_cut_leaves_again_and_once(simulate):
    bench = Bench()

    async def scenario(ctx):
        gate, entry = bench.gate, bench.entry
        await bench.open(ctx)
        ctx.set(gate.watchdog_cancel__ms, 2)
        whole = 0
        for delay in range(8):  # the link drops in every cycle from the tick to the last word
            await bench.pulse(ctx, gate.watchdog_touch__touch)
            for _ in range(11):
                await bench.pulse(ctx, gate.ms_tick)
                await ctx.tick().repeat(3)
            bench.sent.clear()
            await bench.pulse(ctx, gate.ms_tick)
            for _ in range(delay):
                await ctx.tick()
            ctx.set(entry.link_up, 0)
            await ctx.tick().repeat(20)
            sent = len(bench.sent) == 22  # two bytes of length, one of type, 19 of OUCH
            whole += sent
            assert ctx.get(gate.status__mass_cancel_due) == (not sent)
            ctx.set(entry.link_up, 1)
            await bench.pulse(ctx, entry.soup_control__login)
            await ctx.tick().repeat(60)
            bench.sent.clear()
            await bench.receive(ctx, soupbintcp.LoginAccepted(
                session="SESS1", sequence_number=1).encode())
            again = bytes(bench.sent)
            assert len(again) == (0 if sent else 22)
            assert ctx.get(gate.count_mass_cancels__count) == delay + 1
            assert not ctx.get(gate.status__mass_cancel_due)
        return whole

    assert 0 < bench.run(simulate, scenario, 15_625) < 8
