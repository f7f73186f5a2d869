"""The card: blocks, registers and rings joined."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from tickgate.card.registers import REGISTERS

from tickgate_hdl.entry.entry import Entry
from tickgate_hdl.feed.channel import STATES
from tickgate_hdl.feed.feed_book import FeedBook
from tickgate_hdl.feed.inject_queue import InjectQueue
from tickgate_hdl.lib.csr import CsrBank
from tickgate_hdl.lib.layouts import ByteBeat, FrameBeat, RecordBody
from tickgate_hdl.lib.stream import check_stream, connect_streams
from tickgate_hdl.net.control import NetControl
from tickgate_hdl.pcie.block import PcieBlock
from tickgate_hdl.pcie.layouts import CC_TUSER, CQ_TUSER, RC_TUSER, RQ_TUSER, AxiStream
from tickgate_hdl.risk.gate import Gate
from tickgate_hdl.top.activity import Activity
from tickgate_hdl.top.arbiter import RecordArbiter
from tickgate_hdl.top.config import CardConfig
from tickgate_hdl.top.registers import connect_registers

__all__ = ["Card"]


class Card(wiring.Component):
    """Everything on the card, in one clock domain.

    The feed's frames come in on ``net_rx_a`` and ``net_rx_b``, its two lines, and what the card
    answers leaves on ``net_tx``; orders leave and answers come in on the byte streams ``oe_tx`` and
    ``oe_rx``; the host is behind ``cq``, ``cc``, ``rq``, ``rc`` (UltraScale+ hard block, 256 bits,
    dword aligned, no straddling) and ``cfg_interrupt_msix_*`` (external mode). Every order goes
    from the order ring through the gate to ``oe_tx``: nothing else can write there.

    Parameters
    ----------
    config : ``CardConfig``
        Sizes.
    build : int
        What register ``build`` shows.
    locate_bits : int
        Width of the stock locates that can be told apart; fewer than 16 only in tests.

    Members
    -------
    oe_link_up, oe_connect : In(1), Out(1)
        The byte stream is connected; it should be.
    ms_tick, time_ns : In(1), In(64)
        One cycle each millisecond; UTC in ns.
    tob_tap__valid, tob_tap__payload : Out
        Every top-of-book record in the cycle in which the market-data ring takes it.
    busy : Out(1)
        0 = nothing is under way and nothing was for a while, a simulator may stop the clock.
    """

    def __init__(self, config: CardConfig, build: int = 0, *, locate_bits: int = 16):
        self._config, self._build, self._locate_bits = config, build, locate_bits
        super().__init__({
            "cq": In(AxiStream(CQ_TUSER)), "cc": Out(AxiStream(CC_TUSER)),
            "rq": Out(AxiStream(RQ_TUSER)), "rc": In(AxiStream(RC_TUSER)),
            "cfg_interrupt_msix_enable": In(4), "cfg_interrupt_msix_mask": In(4),
            "cfg_interrupt_msix_address": Out(64), "cfg_interrupt_msix_data": Out(32),
            "cfg_interrupt_msix_int": Out(1), "cfg_interrupt_msix_sent": In(1),
            "cfg_interrupt_msix_fail": In(1),
            "net_rx_a": In(stream.Signature(FrameBeat)),
            "net_rx_b": In(stream.Signature(FrameBeat)),
            "net_tx": Out(stream.Signature(FrameBeat)),
            "oe_tx": Out(stream.Signature(ByteBeat)), "oe_rx": In(stream.Signature(ByteBeat)),
            "oe_link_up": In(1), "oe_connect": Out(1),
            "ms_tick": In(1), "time_ns": In(64),
            "tob_tap__valid": Out(1), "tob_tap__payload": Out(RecordBody.size),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self._config
        m.submodules.pcie = pcie = PcieBlock(config.symbols)
        m.submodules.csr = csr = CsrBank(REGISTERS)
        m.submodules.feed = feed = FeedBook(config, locate_bits=self._locate_bits)
        m.submodules.gate = gate = Gate(config)
        m.submodules.entry = entry = Entry(config)
        m.submodules.arbiter = arbiter = RecordArbiter(4)
        m.submodules.activity = activity = Activity()

        cycles, ready = Signal(64), Signal()
        m.d.sync += [cycles.eq(cycles + 1), ready.eq(~(gate.busy | feed.busy))]

        # The host.
        for name in ("cq", "rc"):
            connect(m, flipped(getattr(self, name)), getattr(pcie, name))
        for name in ("cc", "rq"):
            connect(m, getattr(pcie, name), flipped(getattr(self, name)))
        m.d.comb += [
            pcie.msix.enable.eq(self.cfg_interrupt_msix_enable),
            pcie.msix.mask.eq(self.cfg_interrupt_msix_mask),
            pcie.msix.sent.eq(self.cfg_interrupt_msix_sent),
            pcie.msix.fail.eq(self.cfg_interrupt_msix_fail),
            self.cfg_interrupt_msix_address.eq(pcie.msix.address),
            self.cfg_interrupt_msix_data.eq(pcie.msix.data),
            self.cfg_interrupt_msix_int.eq(pcie.msix.int),
        ]
        connect(m, pcie.bus, csr.bus)

        # Frames to the book; the book to the host and to the gate.
        m.submodules.inject = inject = InjectQueue()
        connect_streams(m, self.net_rx_a, feed.i_a)
        connect_streams(m, self.net_rx_b, feed.i_b)
        connect_streams(m, inject.o, feed.inject)
        connect_streams(m, feed.tob, pcie.market)
        market, messages = pcie.market_ring, pcie.message_ring
        m.d.comb += [
            feed.time_ns.eq(self.time_ns), feed.cycles.eq(cycles),
            feed.time_ns_a.eq(self.time_ns), feed.time_ns_b.eq(self.time_ns),
            feed.query_symbol.eq(gate.query_symbol), gate.query_top.eq(feed.query_top),
            gate.query_status.eq(feed.query_status),
            self.tob_tap__valid.eq(feed.tob.valid & feed.tob.ready),
            self.tob_tap__payload.eq(Value.cast(feed.tob.payload)),
            market.stale.eq(feed.feed_lacks), market.depth.eq(csr.ring_enable__depth),
            market.depth_write.eq(feed.depth_write), market.depth_row.eq(feed.depth_row),
            market.depth_clear.eq(feed.depth_clear),
            messages.item_valid.eq(feed.message_valid), messages.item.eq(feed.message),
        ]
        self._connect_feed(m, csr, feed, inject)

        # The network's own questions.
        m.submodules.control = control = NetControl(2 * config.channels)
        connect_streams(m, control.tx, self.net_tx)
        m.d.comb += [
            control.valid_a.eq(self.net_rx_a.valid & self.net_rx_a.ready),
            control.beat_a.eq(self.net_rx_a.payload),
            control.valid_b.eq(self.net_rx_b.valid & self.net_rx_b.ready),
            control.beat_b.eq(self.net_rx_b.payload),
            control.address.eq(csr.net_address__address), control.groups.eq(feed.groups),
            control.mac.eq(Cat(csr.net_mac_low__value, csr.net_mac_high__value)),
            control.ms_tick.eq(self.ms_tick),
        ]

        # Orders through the gate to the venue, answers back.
        connect_streams(m, pcie.orders, gate.order)
        connect_streams(m, gate.passed, entry.passed)
        connect_streams(m, entry.venue, gate.venue)
        connect_streams(m, entry.tx, self.oe_tx)
        connect_streams(m, self.oe_rx, entry.rx)
        m.d.comb += [
            gate.sent.eq(entry.sent), gate.unsent.eq(entry.unsent),
            entry.mass_cancel.eq(gate.mass_cancel),
            entry.mass_cancel_token.eq(gate.mass_cancel_token),
            gate.mass_cancel_taken.eq(entry.mass_cancel_taken),
            gate.mass_cancel_sent.eq(entry.mass_cancel_sent),
            gate.mass_cancel_cut.eq(entry.mass_cancel_cut),
            gate.ms_tick.eq(self.ms_tick), gate.time_ns.eq(self.time_ns), gate.cycles.eq(cycles),
            gate.events_room.eq(pcie.event_ring.room), gate.session_up.eq(entry.session_up),
            gate.ready.eq(ready),
            entry.link_up.eq(self.oe_link_up), entry.ms_tick.eq(self.ms_tick),
            entry.time_ns.eq(self.time_ns), self.oe_connect.eq(entry.connect),
        ]

        # What the host must hear of.
        connect_streams(m, gate.decision, arbiter.i0)
        connect_streams(m, gate.events, arbiter.i1)
        connect_streams(m, entry.events, arbiter.i2)
        connect_streams(m, feed.events, arbiter.i3)
        connect_streams(m, arbiter.o, pcie.events)
        for name, link in (
            ("orders", pcie.orders), ("venue", entry.venue),
            ("decisions", gate.decision), ("card_events", gate.events),
            ("entry_events", entry.events), ("oe_tx", entry.tx), ("records", arbiter.o),
        ):
            check_stream(m, name, link)

        self._connect_symbols(m, csr, [feed, gate])
        self._connect_rings(m, csr, pcie)
        m.d.comb += feed.itch_type_select.eq(csr.itch_type_select__letter)
        connect_registers(
            m, csr, [gate, entry], self._values(m, pcie, feed, inject, control, cycles, ready))

        streams = [self.net_rx_a, self.net_rx_b, self.net_tx, self.oe_tx, self.oe_rx, gate.order,
                   gate.venue, gate.decision, gate.passed, gate.events, arbiter.o]
        working = (pcie.busy | gate.busy | gate.active | feed.busy | feed.active | control.active
                   | csr.limit_status__busy | gate.mass_cancel)
        m.d.comb += [
            activity.now.eq(working | Cat(item.valid for item in streams).any()),
            self.busy.eq(activity.busy),
        ]
        return m

    def _connect_feed(self, m, csr, feed, inject):
        """Settings and recovery of the feed."""
        m.d.comb += [
            feed.select.eq(csr.feed_select__channel),
            *(getattr(feed, name).eq(getattr(csr, port)) for name, port in (
                ("group_a", "feed_group__address"), ("port_a", "feed_port__value"),
                ("group_b", "feed_group_b__address"), ("port_b", "feed_port_b__value"),
                ("group_a_we", "feed_group__address__we"), ("port_a_we", "feed_port__value__we"),
                ("group_b_we", "feed_group_b__address__we"),
                ("port_b_we", "feed_port_b__value__we"),
                ("reorder_cycles", "feed_reorder__cycles"),
                ("rebuild", "feed_control__rebuild"), ("resume", "feed_control__resume"),
                ("forget", "feed_control__forget"),
            )),
            feed.resume_sequence.eq(Cat(csr.feed_resume_low__value, csr.feed_resume_high__value)),
            inject.start.eq(csr.feed_inject_start__length__we),
            inject.length.eq(csr.feed_inject_start__length),
            inject.snapshot.eq(csr.feed_inject_start__snapshot),
            inject.write.eq(csr.feed_inject_data__word__we),
            inject.word.eq(csr.feed_inject_data__word),
        ]

    def _connect_symbols(self, m, csr, users):
        """Write the symbol table of every user at once."""
        known = csr.symbol_address__value < self._config.symbols
        for user in users:
            m.d.comb += [
                user.symbol_write.eq((csr.symbol_store__store | csr.symbol_store__clear) & known),
                user.symbol_index.eq(csr.symbol_address__value),
                user.symbol_name.eq(Cat(csr.symbol_name_low__value, csr.symbol_name_high__value)),
                user.symbol_enable.eq(csr.symbol_store__store & ~csr.symbol_store__clear),
            ]

    def _connect_rings(self, m, csr, pcie):
        rings = {"order": pcie.order_ring, "event": pcie.event_ring, "market": pcie.market_ring,
                 "message": pcie.message_ring}
        for name, ring in rings.items():
            m.d.comb += [
                ring.enable.eq(getattr(csr, f"ring_enable__{name}")),
                ring.base.eq(Cat(getattr(csr, f"{name}_ring_base_low__value"),
                                 getattr(csr, f"{name}_ring_base_high__value"))),
                ring.log2.eq(getattr(csr, f"{name}_ring_size__log2")),
            ]
        m.d.comb += pcie.order_ring.tail.eq(csr.order_ring_tail__value)
        for name in ("event", "market", "message"):
            m.d.comb += [
                rings[name].head.eq(getattr(csr, f"{name}_ring_head__value")),
                rings[name].head_we.eq(getattr(csr, f"{name}_ring_head__value__we")),
            ]

    def _values(self, m, pcie, feed, inject, control, cycles, ready):
        """What registers show that no block has a port for."""

        def counter(strobe, name):
            count = Signal(32, name=name)
            with m.If(strobe):
                m.d.sync += count.eq(count + 1)
            return count

        def taken(item):
            return item.valid & item.ready

        config = self._config
        feed_counts = {
            f"{name}__count": getattr(feed, name)
            for name in feed.signature.members if name.startswith("count_")
        }
        return {
            **feed_counts,
            "build__id": self._build,
            "capacity_tables__symbols": config.symbols,
            "capacity_tables__accounts": config.accounts,
            "capacity_owners__groups": config.groups,
            "capacity_owners__clearing_firms": config.clearing_firms,
            "capacity_orders__slots": config.open_orders,
            "status__ready": ready,
            "status__link_up": self.oe_link_up,
            "status__events_room": pcie.event_ring.room,
            "status__feed_started": feed.started,
            "cycles_low__value": cycles[:32], "cycles_high__value": cycles[32:],
            "time_low__value": self.time_ns[:32], "time_high__value": self.time_ns[32:],
            "order_ring_head__value": pcie.order_ring.head,
            "event_ring_tail__value": pcie.event_ring.tail,
            "market_ring_tail__value": pcie.market_ring.tail,
            "market_merged__count": pcie.market_ring.merged,
            "feed_expected_low__value": feed.expected[:32],
            "feed_expected_high__value": feed.expected[32:],
            "feed_highest_low__value": feed.highest[:32],
            "feed_highest_high__value": feed.highest[32:],
            **{f"feed_state__{name}": getattr(feed, name) for name in STATES},
            **{f"feed_session_{word}__value": feed.session[32 * word:32 * word + 32]
               for word in range(3)},
            "feed_inject_room__beats": inject.room,
            "feed_high_water__window": feed.high_water_window,
            "feed_high_water__line": feed.high_water_lines,
            "message_ring_tail__value": pcie.message_ring.tail,
            "message_dropped__count": pcie.message_ring.dropped,
            "itch_type_count__count": feed.itch_type_count,
            "count_arp_answered__count": control.count_arp_answered,
            "count_igmp_sent__count": control.count_igmp_sent,
            "count_control_malformed__count": control.count_malformed,
            "count_control_missed__count": control.count_missed,
            "count_inject_overflow__count": inject.count_overflow,
            "count_records_malformed__count": counter(pcie.order_ring.malformed, "malformed"),
            "count_events_written__count": counter(taken(pcie.event_ring.o), "events_written"),
            "count_market_written__count": counter(taken(pcie.market_ring.o), "market_written"),
            "count_dma_errors__count": counter(pcie.order_ring.failed, "dma_errors"),
        }
