"""Everything between the hard block's streams and the card: ``PcieBlock``."""

from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tickgate_hdl.lib.csr import CsrBus
from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.lib.stream import check_stream, connect_streams
from tickgate_hdl.pcie.completer import Completer
from tickgate_hdl.pcie.event_ring import EventRing
from tickgate_hdl.pcie.layouts import CC_TUSER, CQ_TUSER, RC_TUSER, RQ_TUSER, AxiStream
from tickgate_hdl.pcie.market_ring import MarketRing
from tickgate_hdl.pcie.message_ring import MessageRing
from tickgate_hdl.pcie.msix import MsixPort, MsixTable
from tickgate_hdl.pcie.order_ring import OrderRing
from tickgate_hdl.pcie.requester import Requester

__all__ = ["EVENTS_VECTOR", "MARKET_VECTOR", "MSIX_PENDING", "MSIX_TABLE", "PcieBlock"]

MSIX_TABLE, MSIX_PENDING = 0x8000, 0x9000
"""Offsets in BAR 0; registers are below the table."""

EVENTS_VECTOR, MARKET_VECTOR = 0, 1
"""MSI-X vectors; the message ring shares that of market data."""


class PcieBlock(wiring.Component):
    """Join completer, requester, rings and interrupts.

    Parameters
    ----------
    symbols : int
        Symbols of the market-data ring.

    Members
    -------
    cq, cc, rq, rc, msix
        The hard block, see ``layouts.AxiStream`` and ``msix.MsixPort``.
    bus : ``CsrBus``
        Accesses to BAR offsets below ``MSIX_TABLE``.
    orders, events, market : streams of ``RecordBody``
        The rings' records.
    order_ring, event_ring, market_ring, message_ring : modules
        The rings; the composer drives and reads their register ports.
    busy : Out(1)
        Something is under way.
    """

    def __init__(self, symbols):
        self.order_ring = OrderRing()
        self.event_ring = EventRing()
        self.market_ring = MarketRing(symbols)
        self.message_ring = MessageRing()
        super().__init__({
            "cq": In(AxiStream(CQ_TUSER)), "cc": Out(AxiStream(CC_TUSER)),
            "rq": Out(AxiStream(RQ_TUSER)), "rc": In(AxiStream(RC_TUSER)),
            "msix": Out(MsixPort()), "bus": Out(CsrBus()),
            "orders": Out(stream.Signature(RecordBody)),
            "events": In(stream.Signature(RecordBody)),
            "market": In(stream.Signature(RecordBody)),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.completer = completer = Completer()
        m.submodules.requester = requester = Requester()
        m.submodules.msix_table = msix = MsixTable(2)
        m.submodules.order_ring = orders = self.order_ring
        m.submodules.event_ring = events = self.event_ring
        m.submodules.market_ring = market = self.market_ring
        m.submodules.message_ring = messages = self.message_ring

        connect(m, flipped(self.cq), completer.cq)
        connect(m, completer.cc, flipped(self.cc))
        connect(m, requester.rq, flipped(self.rq))
        connect(m, flipped(self.rc), orders.rc)
        connect(m, msix.port, flipped(self.msix))
        connect_streams(m, orders.request, requester.i_read)
        connect_streams(m, events.o, requester.i_events)
        connect_streams(m, market.o, requester.i_market)
        connect_streams(m, messages.o, requester.i_messages)
        connect_streams(m, orders.o, self.orders)
        connect_streams(m, self.events, events.i)
        connect_streams(m, self.market, market.i)
        for name, link in (
            ("reads", orders.request), ("event_posts", events.o), ("market_posts", market.o),
            ("message_posts", messages.o),
        ):
            check_stream(m, name, link)
        m.d.comb += msix.request.eq(
            Cat(events.interrupt, market.interrupt | messages.interrupt))

        access = completer.bus
        page = access.address[12:]
        targets = [
            (self.bus, ~access.address[15]),
            (msix.table, page == MSIX_TABLE >> 12),
            (msix.pending, page == MSIX_PENDING >> 12),
        ]
        for target, selected in targets:
            m.d.comb += [
                target.address.eq(access.address),
                target.data.eq(access.data),
                target.strobe.eq(access.strobe),
                target.write.eq(access.write & selected),
                target.read.eq(access.read & selected),
            ]
        for target in (msix.table, msix.pending):
            m.d.comb += target.address.eq(access.address[:12])
        m.d.comb += access.read_data.eq(
            self.bus.read_data | msix.table.read_data | msix.pending.read_data)
        m.d.comb += self.busy.eq(
            self.cq.tvalid | ~self.cq.tready | self.cc.tvalid | self.rq.tvalid | self.rc.tvalid
            | orders.pending | events.queued | market.waiting | messages.queued | msix.busy)
        return m
