"""MoldUDP64: packets of numbered messages, over one line."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from tickgate.protocols import moldudp64

from tickgate_hdl.feed.layouts import (
    END_OF_SESSION,
    GAP,
    ITEM_BYTES,
    MESSAGE,
    NEW_SESSION,
    MoldItem,
)
from tickgate_hdl.feed.window import ByteWindow
from tickgate_hdl.lib.stream import connect_streams
from tickgate_hdl.lib.wire import be, fields
from tickgate_hdl.net.layouts import PayloadBeat

__all__ = ["MoldReceive"]

_HEADER = moldudp64.Header.LENGTH
_BLOCK = moldudp64.Block.LENGTH


class MoldReceive(wiring.Component):
    """Turn MoldUDP64 packets into messages in order, each number once, and tell of gaps and
    sessions.

    - A packet of another session, or the first one ever, gives NEW_SESSION; number 1 is then
    expected.
    - A packet that starts beyond the expected number gives GAP, and reception goes on from there.
    - A message with a number below the expected one is a duplicate and dropped.
    - The first end-of-session packet of a session gives END_OF_SESSION.
    - A packet too short for its header is malformed. So is one whose blocks run past its end, or
    that
      has bytes left over: what was whole is delivered, the rest dropped and never read beyond the
      end.

    A message of n bytes takes 2 + ceil(n / 8) cycles, a packet seven more; the sink may stall at
    will. Source: MoldUDP64 1.00.

    Members
    -------
    i : :py:`In(stream.Signature(PayloadBeat))`
        Packets.
    o : :py:`Out(stream.Signature(MoldItem))`
        Messages and events.
    expected, started : :py:`Out(64)`, :py:`Out(1)`
        Next sequence number; whether a packet was ever accepted.
    count_mold_packets, count_mold_malformed, count_mold_duplicates, count_mold_gaps : :py:`Out(32)`
        Packets accepted; packets whose blocks do not fit; messages dropped as seen before; gaps.
        They wrap.
    active : :py:`Out(1)`
        A packet is being worked on or an item offered.
    """

    i: In(stream.Signature(PayloadBeat))
    o: Out(stream.Signature(MoldItem))
    expected: Out(64)
    started: Out(1)
    count_mold_packets: Out(32)
    count_mold_malformed: Out(32)
    count_mold_duplicates: Out(32)
    count_mold_gaps: Out(32)
    active: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.window = window = ByteWindow()
        connect_streams(m, self.i, window.i)

        header = Signal(8 * _HEADER)
        packet = fields(moldudp64.Header, header)
        session = Signal(8 * 10)
        end_told = Signal()
        number, left = Signal(64), Signal(16)
        time_ns = Signal(64)
        length, remaining, chunk_number = Signal(16), Signal(16), Signal(3)
        gathered = Signal(8 * 56)
        arrival = Signal(32)
        room = Signal()
        malformed = Signal()

        item = self.o.payload
        m.d.comb += room.eq(~self.o.valid | self.o.ready)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        def tell(kind, sequence):
            """Offer an item; only where there is room."""
            return [
                self.o.valid.eq(1),
                item.kind.eq(kind),
                item.sequence.eq(sequence),
                item.expected.eq(self.expected),
                item.time_ns.eq(time_ns),
                item.arrival.eq(arrival),
                item.length.eq(Mux(kind == MESSAGE, length, 0)),
                item.data.eq(gathered[: 8 * ITEM_BYTES]),
            ]

        def take(count, then):
            """Take ``count`` bytes and go on, or find the packet too short."""
            with m.If(window.level >= count):
                m.d.comb += window.take.eq(count)
                m.next = then
            with m.Elif(window.ended):
                m.d.sync += self.count_mold_malformed.eq(self.count_mold_malformed + 1)
                m.next = "Drop"

        with m.FSM() as fsm:
            with m.State("Header 0"):
                m.d.sync += [header[:64].eq(window.head), time_ns.eq(window.time_ns)]
                take(8, "Header 1")
            with m.State("Header 1"):
                m.d.sync += header[64:128].eq(window.head)
                take(8, "Header 2")
            with m.State("Header 2"):
                m.d.sync += [header[128:].eq(window.head), arrival.eq(window.arrival)]
                take(_HEADER - 16, "Session")
            with m.State("Session"):
                new = ~self.started | (session != packet["session"])
                m.d.sync += [number.eq(packet["sequence_number"]), left.eq(packet["message_count"])]
                with m.If(~new):
                    m.next = "Sequence"
                with m.Elif(room):
                    m.d.sync += [
                        tell(NEW_SESSION, packet["sequence_number"]),
                        session.eq(packet["session"]),
                        self.started.eq(1),
                        self.expected.eq(1),
                        end_told.eq(0),
                    ]
                    m.next = "Sequence"
            with m.State("Sequence"):
                with m.If(number <= self.expected):
                    m.next = "Accept"
                with m.Elif(room):
                    m.d.sync += [
                        tell(GAP, number),
                        self.expected.eq(number),
                        self.count_mold_gaps.eq(self.count_mold_gaps + 1),
                    ]
                    m.next = "Accept"
            with m.State("Accept"):
                with m.If(left != moldudp64.END_OF_SESSION):
                    m.d.sync += self.count_mold_packets.eq(self.count_mold_packets + 1)
                    m.next = "Block"
                with m.Elif(end_told | room):
                    with m.If(~end_told):
                        m.d.sync += tell(END_OF_SESSION, number)
                    m.d.sync += [
                        end_told.eq(1),
                        left.eq(0),
                        self.count_mold_packets.eq(self.count_mold_packets + 1),
                    ]
                    m.next = "Block"
            with m.State("Block"):
                with m.If(left == 0):
                    m.next = "Finish"
                with m.Else():
                    take(_BLOCK, "Data")
                m.d.sync += [
                    length.eq(be(window.head[: 8 * _BLOCK])),
                    remaining.eq(be(window.head[: 8 * _BLOCK])),
                    chunk_number.eq(0),
                    arrival.eq(window.arrival),
                ]
            with m.State("Data"):
                with m.If(remaining <= 8):
                    take(remaining[:4], "Deliver")
                with m.Else():
                    take(8, "Data")
                with m.If(window.take != 0):
                    m.d.sync += [remaining.eq(remaining - window.take), arrival.eq(window.arrival)]
                    with m.Switch(chunk_number):
                        for chunk in range(7):
                            with m.Case(chunk):
                                m.d.sync += [
                                    gathered[64 * chunk : 64 * (chunk + 1)].eq(window.head),
                                    chunk_number.eq(chunk + 1),
                                ]
            with m.State("Deliver"):
                with m.If(number < self.expected):
                    m.d.sync += self.count_mold_duplicates.eq(self.count_mold_duplicates + 1)
                with m.Elif(room):
                    m.d.sync += [
                        tell(MESSAGE, number),
                        self.expected.eq(number + 1),
                    ]
                with m.If((number < self.expected) | room):
                    m.d.sync += [number.eq(number + 1), left.eq(left - 1)]
                    m.next = "Block"
            with m.State("Finish"):
                m.d.comb += malformed.eq((window.level != 0) | ~window.ended)
                with m.If(malformed):
                    m.d.sync += self.count_mold_malformed.eq(self.count_mold_malformed + 1)
                m.next = "Drop"
            with m.State("Drop"):
                m.d.comb += window.drop.eq(1)
                with m.If(window.dropped):
                    m.next = "Header 0"
        m.d.comb += self.active.eq(
            ~fsm.ongoing("Header 0") | (window.level != 0) | window.ended | self.o.valid
        )
        return m
