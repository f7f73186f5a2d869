"""The card answers ARP and asks for its groups: ``NetControl``."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import FrameBeat
from tickgate_hdl.lib.stream import connect_streams
from tickgate_hdl.net.control_frame import ControlFrame, ControlJob, Kind
from tickgate_hdl.net.control_watch import ALL_HOSTS, ControlWatch

__all__ = ["NetControl"]

_REPORTS = 3  # sent for a group that is new
_VERSION_1_TIME = 100  # tenths of a second to answer a query that does not say


class _State(enum.Enum):
    GATHER = 0
    SCAN = 1
    COMPARE = 2
    REPORT = 3
    LEAVE = 4


class NetControl(wiring.Component):
    """Answer ARP requests for the card, and be a member of the feed's multicast groups.

    It watches the frames of both lines: :class:`tickgate_hdl.net.control_watch.ControlWatch` says
    which it hears. A request is answered to who sent it. Membership is IGMP version 2: every router
    and snooping switch takes that, a querier of version 3 too (RFC 3376, 7.3.2), and the card has
    no use for what version 3 adds, lists of sources. A group that comes into ``groups`` is reported
    at once and twice more, ``report_ms`` apart; a query is answered after a random part of the time
    that it gives, at most 96 % of it; another host's report does not silence ours, because behind a
    switch that snoops it may not be our router's last word. A group that goes is left, unless
    another entry has it too. Entries that are no multicast group, or 224.0.0.1, are as 0: none.
    While ``address`` is 0 nothing is sent; when it comes, all groups are reported.

    ARP goes first. What cannot be kept while ``tx`` stalls is counted as missed, and milliseconds
    are then too long.

    Parameters
    ----------
    groups : int
        Entries.
    report_ms : int
        Milliseconds between the first reports of a group, 1 to 32767.

    Members
    -------
    valid_a, beat_a, valid_b, beat_b : In(1), In(FrameBeat)
        A beat of line A, or B, was taken.
    address, mac : In(32), In(48)
        The card's; first octets in the high bits.
    groups : In(ArrayLayout(32, groups))
        Groups in use, 0 = none; an entry may hold any.
    ms_tick : In(1)
        One cycle each millisecond.
    tx : Out(stream of ``FrameBeat``)
        Frames to send.
    count_arp_answered, count_igmp_sent : Out(32)
        Replies; reports (leaves are not counted).
    count_malformed, count_missed : Out(32)
        Frames of ARP and IGMP that are wrong; requests and queries that came before the one of
        their kind and line was done with. All counters wrap.
    active : Out(1)
        Something is to be sent now. A report that waits for its time does not count.
    """

    def __init__(self, groups=8, *, report_ms=1000):
        if groups < 1:
            raise ValueError(f"groups must be 1 or more, not {groups!r}")
        if not 1 <= report_ms < 1 << 15:
            raise ValueError(f"report_ms must be 1 to 32767, not {report_ms!r}")
        self._groups, self._report_ms = groups, report_ms
        super().__init__({
            "valid_a": In(1), "beat_a": In(FrameBeat), "valid_b": In(1), "beat_b": In(FrameBeat),
            "address": In(32), "mac": In(48), "groups": In(ArrayLayout(32, groups)),
            "ms_tick": In(1), "tx": Out(stream.Signature(FrameBeat)),
            "count_arp_answered": Out(32), "count_igmp_sent": Out(32),
            "count_malformed": Out(32), "count_missed": Out(32), "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.frame = frame = ControlFrame()
        m.submodules.watch_a = watch_a = ControlWatch()
        m.submodules.watch_b = watch_b = ControlWatch()
        watches = (watch_a, watch_b)
        for watch, valid, beat in (
            (watch_a, self.valid_a, self.beat_a), (watch_b, self.valid_b, self.beat_b),
        ):
            m.d.comb += [watch.valid.eq(valid), watch.beat.eq(beat),
                         watch.address.eq(self.address), watch.mac.eq(self.mac)]
        m.d.comb += [frame.address.eq(self.address), frame.mac.eq(self.mac)]
        connect_streams(m, frame.tx, self.tx)

        # ARP replies go before what membership has to send.
        job = Signal(ControlJob)  # of membership
        wanted, taken = Signal(), Signal()
        arp = Signal()
        m.d.comb += [
            arp.eq(watch_a.arp_valid | watch_b.arp_valid),
            frame.job.valid.eq(arp | wanted),
            watch_a.arp_taken.eq(watch_a.arp_valid & frame.job.ready),
            watch_b.arp_taken.eq(watch_b.arp_valid & frame.job.ready & ~watch_a.arp_valid),
            taken.eq(wanted & frame.job.ready & ~arp),
            frame.job.payload.eq(job),
        ]
        for watch in reversed(watches):
            with m.If(watch.arp_valid):
                m.d.comb += [
                    frame.job.payload.kind.eq(Kind.ARP_REPLY),
                    frame.job.payload.mac.eq(watch.arp_mac),
                    frame.job.payload.address.eq(watch.arp_address),
                ]
        self._keep_membership(m, watches, job, wanted, taken)

        strobes = {
            "count_arp_answered": [frame.sent & (frame.kind == Kind.ARP_REPLY)],
            "count_igmp_sent": [frame.sent & (frame.kind == Kind.REPORT)],
            "count_malformed": [
                strobe for watch in watches
                for strobe in (watch.malformed_arp, watch.malformed_igmp)],
            "count_missed": [
                strobe for watch in watches for strobe in (watch.missed_arp, watch.missed_query)],
        }
        for name, parts in strobes.items():
            counter = getattr(self, name)
            m.d.sync += counter.eq(counter + sum(parts))
        m.d.comb += self.active.eq(
            ~frame.job.ready | frame.job.valid | watch_a.query_valid | watch_b.query_valid)
        return m

    def _keep_membership(self, m, watches, job, wanted, taken):
        """Look at one entry after the other, round and round."""
        entries = range(self._groups)
        state, at, other = Signal(_State), Signal(range(self._groups)), Signal(range(self._groups))
        member = Array(Signal(32, name=f"member_{entry}") for entry in entries)
        timer = Array(Signal(15, name=f"timer_{entry}") for entry in entries)
        pending = Array(Signal(name=f"pending_{entry}") for entry in entries)
        further = Array(Signal(2, name=f"further_{entry}") for entry in entries)  # reports to come

        def entry_of(index):
            """What the entry asks for, one cycle after ``index`` changed."""
            group, value = Signal(32), Signal(32)
            m.d.comb += value.eq(self.groups[index])
            m.d.sync += group.eq(Mux(
                (self.address != 0) & (value[28:] == 0xE) & (value != ALL_HOSTS), value, 0))
            return group

        here, there = entry_of(at), entry_of(other)
        ready, other_ready = Signal(), Signal()  # the above are those of the index
        old, kept = Signal(32), Signal()
        m.d.comb += [job.address.eq(Mux(state == _State.LEAVE, old, member[at])),
                     job.kind.eq(Mux(state == _State.LEAVE, Kind.LEAVE, Kind.REPORT)),
                     wanted.eq((state == _State.REPORT) | (state == _State.LEAVE))]

        # A round takes along a millisecond that passed, and a query that came.
        ticked, ticking, asking = Signal(), Signal(), Signal()
        asked, time = Signal(32), Signal(8)
        random = Signal(8, init=1)
        m.d.sync += random.eq(Cat(random[1:], 0) ^ random[0].replicate(8) & 0xB8)
        product, delay = Signal(16), Signal(15)
        m.d.sync += [product.eq(time * random), delay.eq((product >> 2) + (product >> 3))]
        pause = Signal(2)
        with m.If(self.ms_tick):
            m.d.sync += ticked.eq(1)

        def go_on():
            m.d.sync += [ready.eq(0), at.eq(at + 1), state.eq(_State.SCAN)]
            with m.If(at == self._groups - 1):
                m.d.sync += [at.eq(0), state.eq(_State.GATHER)]

        with m.Switch(state):
            with m.Case(_State.GATHER):
                # Until a delay is that of the query.
                m.d.sync += [pause.eq(pause + 1), ready.eq(0)]
                with m.If(pause == 0):
                    m.d.sync += [ticking.eq(ticked), ticked.eq(self.ms_tick), asking.eq(0)]
                    for watch in reversed(watches):
                        with m.If(watch.query_valid):
                            m.d.sync += [asking.eq(1), asked.eq(watch.query_group), time.eq(
                                Mux(watch.query_time == 0, _VERSION_1_TIME, watch.query_time))]
                    m.d.comb += [
                        watches[0].query_taken.eq(watches[0].query_valid),
                        watches[1].query_taken.eq(watches[1].query_valid & ~watches[0].query_valid),
                    ]
                with m.If(pause.all()):
                    m.d.sync += state.eq(_State.SCAN)
            with m.Case(_State.SCAN):
                m.d.sync += ready.eq(1)
                with m.If(ready):
                    with m.If(here != member[at]):
                        m.d.sync += [
                            member[at].eq(here), pending[at].eq(here != 0), timer[at].eq(0),
                            further[at].eq(_REPORTS - 1),
                            old.eq(member[at]), kept.eq(0), other.eq(0), other_ready.eq(0),
                            ready.eq(0),
                        ]
                        # Without an address nothing can be sent.
                        with m.If((member[at] != 0) & (self.address != 0)):
                            m.d.sync += state.eq(_State.COMPARE)
                    with m.Elif(pending[at] & (timer[at] == 0)):
                        m.d.sync += state.eq(_State.REPORT)
                    with m.Else():
                        with m.If(asking & (member[at] != 0)
                                  & ((asked == 0) | (asked == member[at]))
                                  & (~pending[at] | (timer[at] > delay))):
                            m.d.sync += [pending[at].eq(1), timer[at].eq(delay)]
                        with m.Elif(ticking & pending[at]):
                            m.d.sync += timer[at].eq(timer[at] - 1)
                        go_on()
            with m.Case(_State.COMPARE):
                m.d.sync += other_ready.eq(1)
                with m.If(other_ready):
                    m.d.sync += [kept.eq(kept | (there == old)), other.eq(other + 1),
                                 other_ready.eq(0)]
                    with m.If(other == self._groups - 1):
                        m.d.sync += state.eq(
                            Mux(kept | (there == old), _State.SCAN, _State.LEAVE))
            with m.Case(_State.LEAVE), m.If(taken):
                m.d.sync += state.eq(_State.SCAN)
            with m.Case(_State.REPORT), m.If(taken):
                m.d.sync += [
                    pending[at].eq(further[at] != 0), timer[at].eq(self._report_ms),
                    further[at].eq(Mux(further[at] == 0, 0, further[at] - 1)),
                ]
                go_on()
