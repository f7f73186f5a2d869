"""The MSI-X table and the hard block's external interrupt mode."""

from tickgate_hdl.pcie.msix import MsixTable

ADDRESS, DATA = 0xFEE0_1000, 0x41


class Host:
    def __init__(self):
        self.dut = MsixTable(2)
        self.sent = []
        self.fails = 0

    async def write(self, ctx, offset, data, strobe=0xF):
        table = self.dut.table
        ctx.set(table.address, offset)
        ctx.set(table.data, data)
        ctx.set(table.strobe, strobe)
        ctx.set(table.write, 1)
        await ctx.tick()
        ctx.set(table.write, 0)

    async def read(self, ctx, offset, bus=None):
        bus = self.dut.table if bus is None else bus
        ctx.set(bus.address, offset)
        ctx.set(bus.read, 1)
        await ctx.tick()
        ctx.set(bus.read, 0)
        return ctx.get(bus.read_data)

    async def program(self, ctx):
        for vector in range(2):
            for word, data in enumerate((ADDRESS + 4 * vector, 1, DATA + vector, 0)):
                await self.write(ctx, 16 * vector + 4 * word, data)

    async def request(self, ctx, vectors):
        ctx.set(self.dut.request, vectors)
        await ctx.tick()
        ctx.set(self.dut.request, 0)

    async def hard_block(self, ctx):
        """Answers each interrupt three cycles later; the first ``fails`` with a failure."""
        port = self.dut.port
        while True:
            _, _, fire, address, data = await ctx.tick().sample(
                port.int, port.address, port.data)
            ctx.set(port.sent, 0)
            ctx.set(port.fail, 0)
            if fire:
                await ctx.tick().repeat(2)
                if self.fails:
                    self.fails -= 1
                    ctx.set(port.fail, 1)
                else:
                    self.sent.append((address, data))
                    ctx.set(port.sent, 1)


FIRST, SECOND = ((1 << 32 | ADDRESS + 4 * n, DATA + n) for n in range(2))


def test_the_table_reads_back_and_is_masked_after_reset(simulate):
    host = Host()

    async def bench(ctx):
        assert [await host.read(ctx, 4 * n) for n in range(8)] == [0, 0, 0, 1] * 2
        for n in range(8):
            await host.write(ctx, 4 * n, 0xA5A5_0000 | n)
        assert [await host.read(ctx, 4 * n) for n in range(8)] == [
            0xA5A5_0000, 0xA5A5_0001, 0xA5A5_0002, 1, 0xA5A5_0004, 0xA5A5_0005, 0xA5A5_0006, 1,
        ], "of the control word there is only the mask"
        await host.write(ctx, 0, 0xFFFF_FFFF, strobe=0b0010)
        assert await host.read(ctx, 0) == 0xA5A5_FF00
        assert await host.read(ctx, 32) == 0

    simulate(host.dut, bench)


def test_each_request_sends_its_vectors_message(simulate):
    host = Host()

    async def bench(ctx):
        ctx.set(host.dut.port.enable, 1)
        await host.program(ctx)
        await host.request(ctx, 0b10)
        await ctx.tick().repeat(10)
        assert host.sent == [SECOND]
        await host.request(ctx, 0b11)
        await ctx.tick().repeat(20)
        assert host.sent == [SECOND, FIRST, SECOND]
        assert not ctx.get(host.dut.busy)

    simulate(host.dut, bench, host.hard_block)


def test_a_masked_request_stays_pending_and_is_sent_when_it_may_be(simulate):
    host = Host()

    async def bench(ctx):
        ctx.set(host.dut.port.enable, 1)
        await host.program(ctx)
        await host.write(ctx, 12, 1)
        ctx.set(host.dut.port.mask, 1)
        await host.request(ctx, 0b11)
        await host.request(ctx, 0b11)
        await ctx.tick().repeat(10)
        assert host.sent == []
        assert await host.read(ctx, 0, host.dut.pending) == 0b11
        ctx.set(host.dut.port.mask, 0)
        await ctx.tick().repeat(10)
        assert host.sent == [SECOND]
        await host.write(ctx, 12, 0)
        await ctx.tick().repeat(10)
        assert host.sent == [SECOND, FIRST]
        assert await host.read(ctx, 0, host.dut.pending) == 0

    simulate(host.dut, bench, host.hard_block)


def test_a_failed_interrupt_is_sent_again(simulate):
    host = Host()
    host.fails = 2

    async def bench(ctx):
        ctx.set(host.dut.port.enable, 1)
        await host.program(ctx)
        await host.request(ctx, 0b01)
        await ctx.tick().repeat(40)
        assert host.sent == [FIRST]
        assert host.fails == 0

    simulate(host.dut, bench, host.hard_block)


def test_without_msix_nothing_is_sent_nor_kept(simulate):
    host = Host()

    async def bench(ctx):
        await host.program(ctx)
        await host.request(ctx, 0b11)
        await ctx.tick().repeat(10)
        ctx.set(host.dut.port.enable, 1)
        await ctx.tick().repeat(20)
        assert host.sent == []

    simulate(host.dut, bench, host.hard_block)
