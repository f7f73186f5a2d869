"""A window between the lines, told a story beside its golden model."""

from tickgate.records import schema
from tickgate_hdl.feed.arbiter import COUNTERS, Window
from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.lib.records import record_layout
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.models.window import WindowEvent, WindowModel

SESSION, OTHER = b"TICKGATE01", b"TICKGATE02"
NEVER = 2**32 - 1
STATES = ("started", "ended", "missing", "gap_open", "suspect", "rebuilding", "stale")


async def swept(ctx, window):
    """Wait until the window's memories are empty."""
    while ctx.get(window.busy):
        await ctx.tick()


class WindowBench(Bench):
    """A window and its model, between which every step is compared once it has come to rest."""

    def __init__(self, *, window=16, stall=0.0, seed=1, registered=False):
        super().__init__(Window(window=window, registered=registered), seed=seed)
        self.model = WindowModel(window)
        self.delivered = self.sink(self.dut.o, stall=stall)
        self.told = self.sink(self.dut.events, stall=stall)
        self.stall = stall

    def play(self, story, *, limit=100_000):
        """Run ``story(self, ctx)``, then compare what came out."""

        async def run(ctx):
            ctx.set(self.dut.reorder_cycles, NEVER)
            await swept(ctx, self.dut)
            await story(self, ctx)

        self.process(run)
        self.run(limit=limit)
        got = [FeedItem.from_bits(word) for word in self.delivered]
        assert [
            (None if item.length == 255 else item.sequence, item.data.to_bytes(50, "little")[:8])
            for item in got
        ] == self.model.out
        assert [event(word) for word in self.told] == self.model.events

    async def quiet(self, ctx):
        """Wait until nothing changes."""
        await ctx.tick().repeat(4)
        for _ in range(10_000):
            # What is missing keeps the window active until it has been told.
            if not ctx.get(self.dut.active) or (
                    ctx.get(self.dut.missing) and not ctx.get(self.dut.o.valid)
                    and not ctx.get(self.dut.events.valid)):
                break
            await ctx.tick()
        else:
            raise AssertionError("the window does not come to rest")
        await ctx.tick().repeat(4)

    async def rest(self, ctx):
        """Wait until nothing changes, and compare."""
        await self.quiet(ctx)
        model = self.model
        # With back-pressure it depends on time whether what comes was missing, early or replaced.
        timed = {f"count_{name}" for name in (
            "window_filled", "window_reordered", "mold_duplicates")} if self.stall else set()
        counters = [name for name in COUNTERS if name not in timed]
        names = ("expected", "highest", *STATES, *counters)
        wanted = {
            **{name: getattr(model, name) for name in ("expected", "highest", *STATES)},
            **{name: model.counts[name.removeprefix("count_")] for name in counters},
        }
        assert {name: ctx.get(getattr(self.dut, name)) for name in names} == wanted
        if not self.stall:
            assert ctx.get(self.dut.high_water) == model.high_water

    async def strobe(self, ctx, port):
        ctx.set(port, 1)
        await ctx.tick()
        ctx.set(port, 0)

    async def packet(self, ctx, line, sequence, *, session=SESSION, end=False):
        """A packet's header on a line."""
        foreign = self.model.listens_to not in (None, session)
        self.model.packet(line, session, sequence, foreign=foreign, end=end)
        port = getattr(self.dut, f"packet_{line}")
        ctx.set(port.session, int.from_bytes(session, "little"))
        ctx.set(port.sequence, sequence)
        ctx.set(port.end, end)
        ctx.set(getattr(self.dut, f"foreign_{line}"), foreign)
        await self.strobe(ctx, port.valid)

    async def offer(self, ctx, line, sequence, *, data=None, snapshot=False):
        """Offer a message and wait until it is taken; not to the model."""
        port = getattr(self.dut, line)
        ctx.set(port.payload.sequence, sequence)
        ctx.set(port.payload.length, 255 if snapshot else 8)
        ctx.set(port.payload.data, int.from_bytes(data or content(sequence), "little"))
        if line == "r":
            ctx.set(self.dut.snapshot, snapshot)
        ctx.set(port.valid, 1)
        await ctx.tick().until(port.ready)
        ctx.set(port.valid, 0)

    async def item(self, ctx, line, sequence):
        """A message of a line or the host."""
        self.model.item(line, sequence, content(sequence))
        await self.offer(ctx, line, sequence)

    async def snapshot(self, ctx, data, sequence=1):
        """A message of a snapshot; ``sequence`` is what its packet says."""
        self.model.snapshot(data)
        await self.offer(ctx, "r", sequence, data=data, snapshot=True)

    async def bad(self, ctx, line):
        self.model.frame_bad(line)
        await ctx.tick().repeat(3)  # a frame is judged five cycles after its end
        if self.stall:
            await self.quiet(ctx)  # event B tells what has been delivered by then
        await self.strobe(ctx, getattr(self.dut, f"frame_bad_{line}"))

    async def timeout(self, ctx):
        """Let the wait for what is missing be over."""
        self.model.timeout()
        ctx.set(self.dut.reorder_cycles, 0)
        await ctx.tick().repeat(12)
        ctx.set(self.dut.reorder_cycles, NEVER)

    async def rebuild(self, ctx):
        self.model.rebuild()
        await self.strobe(ctx, self.dut.rebuild)

    async def resume(self, ctx, sequence):
        self.model.resume(sequence)
        ctx.set(self.dut.resume_sequence, sequence)
        await self.strobe(ctx, self.dut.resume)

    async def forget(self, ctx):
        self.model.forget()
        await self.strobe(ctx, self.dut.forget)


def content(sequence):
    """Data of a message, by its number."""
    return ((sequence * 0x9E3779B97F4A7C15) % 2**64).to_bytes(8, "little")


def event(word):
    record = RecordBody.from_bits(word)
    body = record_layout(schema.FEED_EVENT).from_bits(record.body)
    kind = chr(body.kind)
    assert record.template == schema.FEED_EVENT.template
    assert (chr(body.code), body.symbol) == (" ", 0xFFFF)
    if kind == "C":
        return WindowEvent(kind)
    return WindowEvent(kind, body.expected if kind in "GB" else 0, body.sequence)


async def open_up_to(bench, ctx, sequence=1):
    await bench.packet(ctx, "a", sequence)
    await bench.packet(ctx, "b", sequence)
