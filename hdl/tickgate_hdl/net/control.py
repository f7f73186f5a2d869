"""The card answers ARP and asks for its groups: ``NetControl``."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
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
    READ = 1
    DECIDE = 2
    STORE = 3
    REPORT = 4
    COMPARE = 5
    LEAVE = 6


_Entry = StructLayout({"member": 32, "pending": 1, "timer": 15, "further": 2})
"""The group that was joined; a report is due in ``timer`` ms, and ``further`` ones behind it."""


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
        m.submodules.sender = frame = ControlFrame()
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
            seen = [Signal(name=f"{name}_{at}") for at in range(len(parts))]
            m.d.sync += [counter.eq(counter + sum(seen)), Cat(seen).eq(Cat(parts))]
        m.d.comb += self.active.eq(
            ~frame.job.ready | frame.job.valid | watch_a.query_valid | watch_b.query_valid)
        return m

    def _keep_membership(self, m, watches, job, wanted, taken):
        """Look at one entry after the other, round and round; nothing here is in a hurry."""
        entries = range(self._groups)
        state, step = Signal(_State), Signal(2)
        at, look = Signal(range(self._groups)), Signal(range(self._groups))
        stored = Array(Signal(_Entry, name=f"entry_{number}") for number in entries)
        entry, write = Signal(_Entry), Signal()

        # What an entry asks for, two cycles after ``look`` changed.
        value, group = Signal(32), Signal(32)
        m.d.sync += [value.eq(self.groups[look]), group.eq(Mux(
            (self.address != 0) & (value[28:] == 0xE) & (value != ALL_HOSTS), value, 0))]

        # A round takes along a millisecond that passed, and a query that came.
        ticked, ticking, asking, ask_all = Signal(), Signal(), Signal(), Signal()
        asked, time = Signal(32), Signal(8)
        random = Signal(8, init=1)
        m.d.sync += random.eq(Cat(random[1:], 0) ^ random[0].replicate(8) & 0xB8)
        product, delay = Signal(16), Signal(15)
        m.d.sync += product.eq(time * random)
        with m.If(self.ms_tick):
            m.d.sync += ticked.eq(1)

        differs, matches, due, later = Signal(), Signal(), Signal(), Signal()
        leaves, old, same, kept = Signal(), Signal(32), Signal(), Signal()
        again = Signal()  # after it was written
        m.d.sync += [
            step.eq(step + 1),
            differs.eq(group != entry.member), matches.eq(asked == entry.member),
            due.eq(entry.timer == 0), later.eq(entry.timer > delay), same.eq(group == old),
        ]
        m.d.comb += [job.address.eq(Mux(state == _State.LEAVE, old, entry.member)),
                     job.kind.eq(Mux(state == _State.LEAVE, Kind.LEAVE, Kind.REPORT)),
                     wanted.eq((state == _State.REPORT) | (state == _State.LEAVE))]
        m.d.sync += write.eq(0)
        with m.If(write):
            m.d.sync += stored[at].eq(entry)

        def read():
            m.d.sync += [state.eq(_State.READ), step.eq(0)]

        with m.Switch(state):
            with m.Case(_State.GATHER):
                # Until the product is that of the query.
                with m.If(step == 0):
                    m.d.sync += [ticking.eq(ticked), ticked.eq(self.ms_tick), asking.eq(0)]
                    for watch in reversed(watches):
                        with m.If(watch.query_valid):
                            m.d.sync += [
                                asking.eq(1), asked.eq(watch.query_group),
                                ask_all.eq(watch.query_group == 0), time.eq(Mux(
                                    watch.query_time == 0, _VERSION_1_TIME, watch.query_time))]
                    m.d.comb += [
                        watches[0].query_taken.eq(watches[0].query_valid),
                        watches[1].query_taken.eq(watches[1].query_valid & ~watches[0].query_valid),
                    ]
                with m.If(step == 3):
                    read()
            with m.Case(_State.READ):
                with m.If(step == 0):
                    m.d.sync += [entry.eq(stored[at]), delay.eq((product >> 2) + (product >> 3))]
                with m.If(step == 3):
                    m.d.sync += state.eq(_State.DECIDE)
            with m.Case(_State.DECIDE):
                m.d.sync += [state.eq(_State.STORE), write.eq(1), again.eq(0), leaves.eq(0)]
                with m.If(differs):
                    # Without an address nothing can be sent.
                    m.d.sync += [
                        again.eq(1), old.eq(entry.member),
                        leaves.eq((entry.member != 0) & (self.address != 0)),
                        entry.member.eq(group), entry.pending.eq(group != 0), entry.timer.eq(0),
                        entry.further.eq(_REPORTS - 1),
                    ]
                with m.Elif(entry.pending & due):
                    m.d.sync += [state.eq(_State.REPORT), write.eq(0)]
                with m.Elif(asking & (entry.member != 0) & (ask_all | matches)
                            & (~entry.pending | later)):
                    m.d.sync += [entry.pending.eq(1), entry.timer.eq(delay)]
                with m.Elif(ticking & entry.pending):
                    m.d.sync += entry.timer.eq(entry.timer - 1)
            with m.Case(_State.REPORT), m.If(taken):
                m.d.sync += [
                    entry.pending.eq(entry.further != 0), entry.timer.eq(self._report_ms),
                    entry.further.eq(Mux(entry.further == 0, 0, entry.further - 1)),
                    state.eq(_State.STORE), write.eq(1),
                ]
            with m.Case(_State.STORE):
                with m.If(leaves):
                    m.d.sync += [state.eq(_State.COMPARE), look.eq(0), kept.eq(0), step.eq(0)]
                with m.Elif(again):
                    read()
                with m.Elif(at == self._groups - 1):
                    m.d.sync += [at.eq(0), look.eq(0), step.eq(0), state.eq(_State.GATHER)]
                with m.Else():
                    m.d.sync += [at.eq(at + 1), look.eq(at + 1)]
                    read()
            with m.Case(_State.COMPARE), m.If(step == 3):
                m.d.sync += [kept.eq(kept | same), look.eq(look + 1)]
                with m.If(look == self._groups - 1):
                    m.d.sync += [look.eq(at), state.eq(_State.LEAVE)]
                    with m.If(kept | same):
                        read()
            with m.Case(_State.LEAVE), m.If(taken):
                read()
