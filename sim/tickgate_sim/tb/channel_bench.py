"""A channel of the feed in Verilator, and its golden model."""

from collections.abc import Sequence

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from tickgate_hdl.feed.channel import COUNTERS, STATES
from tickgate_hdl.feed.items import FeedItem, InjectBeat

from tickgate_sim.bfm import StreamSink, StreamSource
from tickgate_sim.models.channel import ChannelModel
from tickgate_sim.models.window import WindowEvent, WindowModel
from tickgate_sim.tb.channel_config import CONFIG
from tickgate_sim.tb.feed_book_records import record_of
from tickgate_sim.traffic import frames

__all__ = ["GROUPS", "NEVER", "PORTS", "ChannelBench"]

NEVER = 2**32 - 1
GROUPS = {"a": frames.GROUP, "b": frames.GROUP + 1}
PORTS = {"a": frames.PORT, "b": frames.PORT + 1}
_PERIOD_NS = 6.4
_SETTLE_CYCLES = 24


class ChannelBench:
    """The channel, its model, and what it delivered.

    The model has no time: it is compared where one thing comes after the other has settled
    (:meth:`frame`, :meth:`inject`, :meth:`compare`).
    """

    def __init__(self, dut, *, groups=GROUPS, ports=PORTS):
        self.dut, self.groups, self.ports = dut, groups, ports
        cocotb.start_soon(Clock(dut.clk, _PERIOD_NS, unit="ns").start())
        self.lines = {name: StreamSource(dut, name) for name in "ab"}
        self.host = StreamSource(dut, "inject")
        self.out = StreamSink(dut, "o")
        self.told = StreamSink(dut, "events")
        self.delivered: list[tuple[int, bytes]] = []
        self.events: list[WindowEvent] = []
        self.cycle = 0
        self.silent = 0  # cycles in which the channel was not stale
        self._new_model()
        cocotb.start_soon(self._watch())

    def _new_model(self):
        self.model = ChannelModel(
            WindowModel(CONFIG.window), tuple((self.groups[n], self.ports[n]) for n in "ab"))

    async def _watch(self):
        """Count cycles; whatever is known to exist is delivered, or the channel stale."""
        dut = self.dut
        while True:
            await RisingEdge(dut.clk)
            self.cycle += 1
            dut.cycles.value = self.cycle & 0xFFFFFFFF
            for clock in (dut.time_ns, dut.time_ns_a, dut.time_ns_b):
                clock.value = self.cycle * 10
            if not dut.rst.value and not dut.stale.value:
                self.silent += 1
                expected, highest = dut.expected.value, dut.highest.value
                assert highest.to_unsigned() <= expected.to_unsigned(), "silent about a gap"

    async def cycles(self, count):
        for _ in range(count):
            await RisingEdge(self.dut.clk)

    async def reset(self):
        """Reset, in the middle of whatever goes on, and wait for the sweep."""
        dut = self.dut
        dut.rst.value = 1
        for name in ("rebuild", "resume", "forget", "resume_sequence", "time_ns", "time_ns_a",
                     "time_ns_b"):
            getattr(dut, name).value = 0
        dut.reorder_cycles.value = NEVER
        for name in "ab":
            getattr(dut, f"group_{name}").value = self.groups[name]
            getattr(dut, f"port_{name}").value = self.ports[name]
        for source in (*self.lines.values(), self.host):
            source.clear()
        await self.cycles(4)
        while not all(source.idle() for source in (*self.lines.values(), self.host)):
            await self.cycles(1)
        dut.rst.value = 0
        await self.cycles(2)
        assert dut.busy.value
        assert dut.stale.value
        assert not any(getattr(dut, name).value for name in COUNTERS)
        while dut.busy.value:
            await self.cycles(1)
        self.out.clear()
        self.told.clear()
        self.delivered, self.events = [], []
        self._new_model()

    def collect(self):
        """Take what has come out into ``delivered`` and ``events``."""
        for word in self.out.recv_all():
            item = FeedItem.from_bits(word)
            self.delivered.append(
                (item.sequence, item.data.to_bytes(50, "little")[: item.length]))
        for word in self.told.recv_all():
            record = record_of(word)
            kind = record.kind
            self.events.append(
                WindowEvent(kind) if kind == "C" else
                WindowEvent(kind, record.expected if kind in "GB" else 0, record.sequence))

    # ---- one after the other, as the model has it ----

    async def frame(self, name, frame, error=False):
        """Send a frame through line and model; compare."""
        self.model.frame(name, frame, error)
        self.lines[name].send_nowait(*frames.beats(frame, error))
        await self.settle(self.lines[name], len(frame))
        self.check_state()

    async def inject(self, payload, *, snapshot=False):
        """Hand a packet to the channel and the model; compare."""
        self.model.inject(payload, snapshot=snapshot)
        self.host.send_nowait(*inject_beats(payload, snapshot=snapshot))
        await self.settle(self.host, len(payload))
        self.check_state()

    async def settle(self, source, size):
        """Wait until ``size`` bytes of a source have had their effect.

        Each two of them are a message at most, which takes a cycle.
        """
        await source.wait()
        await self.cycles(4)
        for _ in range(size // 2):
            if not self.dut.active.value:
                break
            await self.cycles(1)
        await self.cycles(_SETTLE_CYCLES)

    async def strobe(self, name):
        getattr(self.dut, name).value = 1
        await self.cycles(1)
        getattr(self.dut, name).value = 0
        await self.cycles(_SETTLE_CYCLES)

    async def rebuild(self):
        self.model.window.rebuild()
        await self.strobe("rebuild")

    async def resume(self, sequence):
        self.model.window.resume(sequence)
        self.dut.resume_sequence.value = sequence
        await self.strobe("resume")
        await self.cycles(CONFIG.window)

    async def forget(self):
        self.model.window.forget()
        await self.strobe("forget")

    async def timeout(self):
        """Let the wait for what is missing be over."""
        self.model.window.timeout()
        self.dut.reorder_cycles.value = 0
        await self.cycles(4)
        self.dut.reorder_cycles.value = NEVER
        await self.cycles(4)

    def check_state(self):
        """Compare state and counters with the model's."""
        window = self.model.window
        names = ("expected", "highest", *STATES)
        state = {name: int(getattr(self.dut, name).value) for name in names}
        wanted = {name: int(getattr(window, name)) for name in names}
        assert state == wanted, f"state was {state}, must be {wanted}"
        counts, wanted = self.counts(), self.model.counts()
        assert counts == wanted, f"counters were {counts}, must be {wanted}"

    def counts(self):
        """All counters, by their registers' names without ``count_``."""
        return {
            name.removeprefix("count_"): int(getattr(self.dut, name).value)
            for name in COUNTERS
        }

    def compare(self):
        """Compare all that came out with the model's."""
        self.collect()
        window = self.model.window
        assert len(self.delivered) == len(window.out)
        for (sequence, data), (number, wanted) in zip(self.delivered, window.out, strict=True):
            assert data == wanted
            assert number in (None, sequence)
        for number, (event, wanted) in enumerate(zip(self.events, window.events, strict=False)):
            assert event == wanted, f"event {number}: was {event}, must be {wanted}"
        rest = self.events[len(window.events):], window.events[len(self.events):]
        assert not any(rest), f"events not to be, and that lack: {rest}"
        assert self.dut.high_water_window.value.to_unsigned() == window.high_water

    # ---- both lines at once ----

    def start(self, name, sequence: Sequence[tuple[bytes, int]]):
        """Send frames on a line, each after so many idle cycles, beside all else; the line's own
        model is told. Returns the task.
        """

        async def run():
            for frame, idle in sequence:
                await self.cycles(idle)
                self.model.lines[name].frame(frame)
                await self.lines[name].send(*frames.beats(frame))

        return cocotb.start_soon(run())

    def inject_nowait(self, payload, *, snapshot=False):
        """Hand a packet to the channel alone."""
        self.host.send_nowait(*inject_beats(payload, snapshot=snapshot))


def inject_beats(payload, *, snapshot=False):
    """A packet as payloads of an InjectBeat stream."""
    parts = [payload[at : at + 8] for at in range(0, max(len(payload), 1), 8)]
    return [
        InjectBeat.const({
            "data": int.from_bytes(part, "little"), "keep": (1 << len(part)) - 1,
            "first": number == 0, "last": number == len(parts) - 1, "snapshot": snapshot,
        }).as_value().value
        for number, part in enumerate(parts)
    ]  # fmt: skip
