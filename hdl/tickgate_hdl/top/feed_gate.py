"""Feed, book and gate without bus and rings: what a fast simulation runs."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.feed.channel import COUNTERS, STATES
from tickgate_hdl.feed.feed_book import BOOK_COUNTERS, FeedBook
from tickgate_hdl.feed.items import InjectBeat
from tickgate_hdl.lib.layouts import FrameBeat, RecordBody
from tickgate_hdl.risk.gate import Gate
from tickgate_hdl.risk.kills import KILL_FIELDS
from tickgate_hdl.risk.layouts import VenueUpdate
from tickgate_hdl.top.config import CardConfig

__all__ = ["CONTROLS", "CYCLES_PER_MS", "SHOWN", "FeedGate"]

CYCLES_PER_MS = 156_250

_FEED_EVENTS = {"group_a": 32, "port_a": 16, "group_b": 32, "port_b": 16}
_FEED_LEVELS = {
    "select": 2, "resume_sequence": 64, "reorder_cycles": 32, "itch_type_select": 8,
}
_FEED_STROBES = ("rebuild", "resume", "forget")
_SYMBOL_LEVELS = {"symbol_index": 16, "symbol_name": 64, "symbol_enable": 1}
_GATE_EVENTS = {
    **KILL_FIELDS, "limit_address__value": 32,
    "limit_data__value": 32, "position_load__value": 32, "limit_renew__value": 32,
    "reference_symbol__value": 16,
}
_GATE_LEVELS = {
    "watchdog_timeout__ms": 16, "limit_read_address__value": 32, "limit_crc__value": 32,
    "limit_generation__value": 32, "limit_lease__ms": 32, "position_address__account": 16,
    "position_address__symbol": 16, "check_select__check": 8,
    "throttle_address__strategy": 16, "throttle_address__account": 16,
    "reference_national_bid__value": 32, "reference_band_low__value": 32,
    "reference_band_high__value": 32, "reference_window__value": 32,
}
_GATE_STROBES = (
    "control__arm", "control__disarm", "watchdog_touch__touch", "limit_commit__commit",
    "throttle_clear__executions", "throttle_clear__rejects")
_STATES = {"events_room": 1, "session_up": 1, "time_ns": 64}

CONTROLS = (
    *_FEED_EVENTS, *_FEED_LEVELS, *_FEED_STROBES, *_SYMBOL_LEVELS, "symbol_write", *_GATE_EVENTS,
    *_GATE_LEVELS, *_GATE_STROBES, *_STATES,
)
"""What ``write`` can set; the address is the place in this list."""

_FEED_SHOWN = (
    "expected", "highest", "itch_type_count", "high_water_lines", "high_water_window",
    "feed_stale", *STATES,
)
_GATE_SHOWN = (
    "limit_read__value", "limit_status__busy", "limit_status__committed", "limit_status__bad_crc",
    "limit_status__bad_member", "limit_active_generation__value", "limit_computed_crc__value",
    "position__value",
    "open_buy__value", "open_sell__value", "executions__count", "rejects__count",
    "throttle_clear__busy", "status__armed", "status__watchdog_ok",
    "status__limits_valid", "status__kill_any", "status__lease_good", "status__generation_used",
    "check_count__count", "last_token__value",
    "count_orders_in__count", "count_orders_passed__count", "count_orders_refused__count",
    "count_cancels_passed__count", "count_unknown_token__count",
    "count_duplicates_forgotten__count", "count_own_prices_merged__count",
    "count_references__count", "count_references_ignored__count",
)
_FEED_COUNTS = (*COUNTERS, *BOOK_COUNTERS)

SHOWN = (*_FEED_SHOWN, "session_low", "session_high", *_FEED_COUNTS, *_GATE_SHOWN)
"""What ``read`` shows; the address is the place in this list."""


class FeedGate(wiring.Component):
    """Feed, book and gate, joined as on the card, behind ports made for a harness.

    Every input is registered first, and no output depends on an input within the cycle: a simulator
    so evaluates the design once a cycle. What the card has in registers is
    written and read by number, as in :data:`CONTROLS` and :data:`SHOWN`.

    Records are offered for one cycle and must be taken in it. An order that passes is told to the
    gate as sent in the next cycle. UTC time and milliseconds are counted inside, 6.4 ns a cycle.

    Parameters
    ----------
    config : ``CardConfig``
        Sizes.
    locate_bits : int
        As of ``FeedBook``.

    Members
    -------
    clk : In(1)
        Clock. There is no reset.
    a, b, inject, order, venue : In(stream)
        Beats of the lines, the host's packets, order requests, venue messages.
    write, write_address, write_value : In
        Set a value, or give a strobe if it is one; where the card has an event with the write, that
        too.
    read, read_address, read_value : In, In, Out
        Show a value, two cycles later.
    tob, event, decision, card_event, passed : ``<name>__valid``, ``<name>__body``
        Records: TopOfBook, FeedEvent, GateDecision, CardEvent, and orders that passed.
    message__valid : Out(1)
        The book takes a message.
    busy, active : Out(1)
        Tables are being swept; something is under way.
    """

    def __init__(self, config: CardConfig, *, locate_bits: int = 16):
        self._config, self._locate_bits = config, locate_bits
        super().__init__({
            "clk": In(1),
            "a": In(stream.Signature(FrameBeat)), "b": In(stream.Signature(FrameBeat)),
            "inject": In(stream.Signature(InjectBeat)),
            "order": In(stream.Signature(RecordBody)),
            "venue": In(stream.Signature(VenueUpdate)),
            "write": In(1), "write_address": In(8), "write_value": In(64),
            "read": In(1), "read_address": In(8), "read_value": Out(64),
            **{f"{name}__valid": Out(1) for name in (
                "tob", "event", "decision", "card_event", "passed", "message")},
            **{f"{name}__body": Out(384) for name in (
                "tob", "event", "decision", "card_event", "passed")},
            "busy": Out(1), "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        # Registers begin with their initial values, once: what a reset does to each of them would
        # cost a simulator a tenth of its work.
        m.domains += ClockDomain("sync", reset_less=True)
        m.d.comb += ClockSignal("sync").eq(self.clk)

        m.submodules.feed = feed = FeedBook(self._config, locate_bits=self._locate_bits)
        m.submodules.gate = gate = Gate(self._config)
        for port, sink in ((self.a, feed.i_a), (self.b, feed.i_b), (self.inject, feed.inject),
                           (self.order, gate.order), (self.venue, gate.venue)):
            # Expressions, not branches, which Verilator would work out whenever an input changes.
            m.d.comb += port.ready.eq(~sink.valid | sink.ready)
            m.d.sync += [
                sink.valid.eq(Mux(port.ready, port.valid, sink.valid)),
                Value.cast(sink.payload).eq(Mux(
                    port.ready & port.valid, Value.cast(port.payload), Value.cast(sink.payload))),
            ]

        cycles, ready = Signal(64), Signal()
        m.d.sync += [cycles.eq(cycles + 1), ready.eq(~(gate.busy | feed.busy))]
        m.d.comb += [
            feed.cycles.eq(cycles), gate.cycles.eq(cycles), gate.ready.eq(ready),
            feed.query_symbol.eq(gate.query_symbol), gate.query_top.eq(feed.query_top),
            gate.query_status.eq(feed.query_status),
            gate.passed.ready.eq(1), self.message__valid.eq(feed.message_valid),
            self.busy.eq(~ready),
            self.active.eq(gate.busy | feed.busy | gate.active | feed.active),
        ]
        m.d.sync += gate.sent.eq(gate.passed.valid)
        for name, source, payload in (
            ("tob", feed.tob, feed.tob.payload), ("event", feed.events, feed.events.payload),
            ("decision", gate.decision, gate.decision.payload),
            ("card_event", gate.events, gate.events.payload),
            ("passed", gate.passed, gate.passed.payload.record),
        ):
            m.d.comb += [
                source.ready.eq(1), getattr(self, f"{name}__valid").eq(source.valid),
                getattr(self, f"{name}__body").eq(payload.body),
            ]
        self._controls(m, feed, gate)
        self._shown(m, feed, gate)
        return m

    def _controls(self, m, feed, gate):
        """Registers behind ``write``, and the clocks."""
        writes, address, value = Signal(), Signal(8), Signal(64)
        m.d.sync += [writes.eq(self.write), address.eq(self.write_address)]
        m.d.sync += value.eq(Mux(self.write, self.write_value, value))

        targets = {}  # of each control: what it sets, and what it strobes
        for name in _FEED_EVENTS:
            targets[name] = getattr(feed, name), getattr(feed, f"{name}_we")
        for name in _GATE_EVENTS:
            targets[name] = getattr(gate, name), getattr(gate, f"{name}__we")
        for names, block in ((_FEED_LEVELS, feed), (_GATE_LEVELS, gate)):
            targets.update((name, (getattr(block, name), None)) for name in names)
        for names, block in ((_FEED_STROBES, feed), (_GATE_STROBES, gate)):
            targets.update((name, (None, getattr(block, name))) for name in names)
        for name in (*_SYMBOL_LEVELS, "symbol_write"):
            port = getattr(feed, name)
            targets[name] = (None, port) if name == "symbol_write" else (port, None)
            m.d.comb += getattr(gate, name).eq(port)
        for name in ("events_room", "session_up"):
            targets[name] = getattr(gate, name), None
        time_ns, set_time = Signal(64), Signal()
        targets["time_ns"] = Signal(64, name="new_time_ns"), set_time

        m.d.sync += [strobe.eq(0) for _, strobe in targets.values() if strobe is not None]
        with m.If(writes), m.Switch(address):
            for number, name in enumerate(CONTROLS):
                target, strobe = targets[name]
                with m.Case(number):
                    if target is not None:
                        m.d.sync += target.eq(value)
                    if strobe is not None:
                        m.d.sync += strobe.eq(1)
        with m.If(gate.limit_address__value__next__we):
            m.d.sync += gate.limit_address__value.eq(gate.limit_address__value__next)

        # The frames' times are those of their first beats, as the MAC has them.
        for name, line in (("a", self.a), ("b", self.b)):
            inside = Signal(name=f"inside_{name}")
            taken, begun_ns = line.valid & line.ready, getattr(feed, f"time_ns_{name}")
            m.d.sync += [
                inside.eq(Mux(taken, ~line.payload.last, inside)),
                begun_ns.eq(Mux(taken & ~inside, time_ns, begun_ns)),
            ]

        # 6.4 ns are 6, and 7 in two of five cycles.
        fifths, carries = Signal(range(5)), Signal()
        m.d.comb += [
            carries.eq(fifths >= 3), feed.time_ns.eq(time_ns), gate.time_ns.eq(time_ns)]
        m.d.sync += [
            fifths.eq(Mux(carries, fifths - 3, fifths + 2)),
            time_ns.eq(time_ns + 6 + carries),
        ]
        with m.If(set_time):
            m.d.sync += [fifths.eq(0), time_ns.eq(targets["time_ns"][0])]
        left = Signal(range(CYCLES_PER_MS))
        m.d.sync += [left.eq(left + 1), gate.ms_tick.eq(0)]
        with m.If(left == CYCLES_PER_MS - 1):
            m.d.sync += [left.eq(0), gate.ms_tick.eq(1)]

    def _shown(self, m, feed, gate):
        """What ``read`` gives."""
        reads, address = Signal(), Signal(8)
        values = {
            "session_low": feed.session[:64], "session_high": feed.session[64:],
            **{name: getattr(feed, name) for name in (*_FEED_SHOWN, *_FEED_COUNTS)},
            **{name: getattr(gate, name) for name in _GATE_SHOWN},
        }
        m.d.sync += [reads.eq(self.read), address.eq(self.read_address)]
        with m.If(reads), m.Switch(address):
            for number, name in enumerate(SHOWN):
                with m.Case(number):
                    m.d.sync += self.read_value.eq(values[name])
