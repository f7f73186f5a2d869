"""BAR accesses, packet by packet, against descriptors written from PG213."""

import pytest
from tickgate_hdl.pcie.completer import Completer

READ, WRITE, IO_READ, FETCH_ADD, MESSAGE = 0, 1, 2, 4, 12


def request(kind, offset, *, dwords=1, data=(), first=0xF, last=0, bar=0, tag=0x5A, cut=False):
    """Beats of a CQ packet as (tdata, tkeep, tuser, tlast)."""
    words = [0xE000_0000 + offset, 0, dwords | kind << 11 | 0xBEEF << 16,
             tag | 7 << 8 | bar << 16 | 16 << 19 | 0b101 << 25 | 0b011 << 28, *data]
    enables = [0] * 4 + [0xF] * len(data)
    if data:
        enables[4] = first
    if len(data) > 1:
        enables[-1] = last
    beats = []
    for at in range(0, len(words), 8):
        chunk, lanes = words[at:at + 8], enables[at:at + 8]
        user = sum(nibble << 8 + 4 * n for n, nibble in enumerate(lanes))
        if at == 0:
            user |= first | last << 4 | 1 << 40
        user |= cut << 41
        tdata = sum(word << 32 * n for n, word in enumerate(chunk))
        beats.append((tdata, (1 << len(chunk)) - 1, user, at + 8 >= len(words)))
    return beats


class Host:
    """Sends packets, answers the bus as memory, and keeps what comes back."""

    def __init__(self, dut):
        self.dut = dut
        self.writes = []
        self.reads = []
        self.completions = []

    async def send(self, ctx, beats):
        cq = self.dut.cq
        for data, keep, user, last in beats:
            ctx.set(cq.tdata, data)
            ctx.set(cq.tkeep, keep)
            ctx.set(cq.tuser, user)
            ctx.set(cq.tlast, last)
            ctx.set(cq.tvalid, 1)
            await ctx.tick().until(cq.tready)
        ctx.set(cq.tvalid, 0)

    async def bus(self, ctx):
        bus = self.dut.bus
        async for _, _, write, read, address, data, strobe in ctx.tick().sample(
            bus.write, bus.read, bus.address, bus.data, bus.strobe
        ):
            assert not (write and read)
            if write:
                self.writes.append((address, data, strobe))
            if read:
                self.reads.append(address)
            ctx.set(bus.read_data, 0xC0DE_0000 | address if read else 0)

    async def cc(self, ctx):
        cc = self.dut.cc
        ctx.set(cc.tready, 1)
        async for _, _, valid, data, keep, last in ctx.tick().sample(
            cc.tvalid, cc.tdata, cc.tkeep, cc.tlast
        ):
            if valid:
                assert last
                words = [data >> 32 * n & 0xFFFF_FFFF for n in range(8) if keep >> n & 1]
                self.completions.append(words)


@pytest.fixture
def run(simulate):
    def go(*packets, wait=20):
        dut = Completer()
        host = Host(dut)

        async def bench(ctx):
            for packet in packets:
                await host.send(ctx, packet)
            await ctx.tick().repeat(wait)

        simulate(dut, bench, host.bus, host.cc)
        return host

    return go


def test_a_dword_is_written_with_its_byte_enables(run):
    host = run(request(WRITE, 0x70, data=[0x11223344]),
               request(WRITE, 0x8004, data=[0xAABBCCDD], first=0b0110))
    assert host.writes == [(0x70, 0x11223344, 0xF), (0x8004, 0xAABBCCDD, 0b0110)]
    assert host.completions == host.reads == []


def test_a_long_write_is_taken_dword_by_dword(run):
    words = [0x1000 + n for n in range(23)]
    host = run(request(WRITE, 0x100, dwords=23, data=words, first=0b1000, last=0b0001), wait=60)
    enables = [0b1000] + [0xF] * 21 + [0b0001]
    assert host.writes == [(0x100 + 4 * n, word, enables[n]) for n, word in enumerate(words)]


def test_a_read_is_answered_with_the_word_and_the_requests_identity(run):
    host = run(request(READ, 0x24))
    assert host.reads == [0x24]
    assert host.completions == [[
        0x24 | 4 << 16,                     # lower address, byte count
        1 | 0xBEEF << 16,                   # one dword, success, requester
        0x5A | 7 << 8 | 0b101 << 25 | 0b011 << 28,
        0xC0DE_0024,
    ]]


@pytest.mark.parametrize(("enables", "low", "count"), [
    (0b0001, 0, 1), (0b1000, 3, 1), (0b0110, 1, 2), (0b1110, 1, 3), (0b0000, 0, 1), (0b0101, 0, 3),
])
def test_a_read_of_part_of_a_dword_says_which_bytes(run, enables, low, count):
    [words] = run(request(READ, 0xFC, first=enables)).completions
    assert words[0] == (0xFC & 0x7F) + low | count << 16


@pytest.mark.parametrize("packet", [
    request(READ, 0x20, dwords=2, last=0xF),
    request(READ, 0x20, dwords=0),  # 1024 dwords
    request(READ, 0x20, bar=2),
    request(IO_READ, 0x20),
    request(FETCH_ADD, 0x20, dwords=8, data=range(8), last=0xF),
], ids=["two dwords", "4 KiB", "another BAR", "I/O", "atomic"])
def test_what_the_card_cannot_do_is_an_unsupported_request(run, packet):
    host = run(packet, request(READ, 0x04))
    refused, after = host.completions
    assert len(refused) == 3
    assert refused[1] == 1 << 11 | 0xBEEF << 16  # no data, status UR
    assert refused[2] & 0xFF == 0x5A
    assert after[3] == 0xC0DE_0004
    assert host.reads == [0x04]
    assert host.writes == []


@pytest.mark.parametrize("packet", [
    request(MESSAGE, 0),
    request(MESSAGE, 0, dwords=8, data=range(8), last=0xF),
    request(WRITE, 0x10, data=[1], bar=1),
    request(WRITE, 0x10, data=[1], cut=True),
    request(WRITE, 0x10, dwords=0),
], ids=["message", "long message", "another BAR", "cut off", "no data"])
def test_a_posted_packet_that_is_no_use_changes_nothing(run, packet):
    host = run(packet, request(READ, 0x08))
    assert host.writes == []
    assert [words[3] for words in host.completions] == [0xC0DE_0008]


def test_a_completion_waits_for_the_hard_block(simulate):
    dut = Completer()
    host = Host(dut)

    async def bench(ctx):
        await host.send(ctx, request(READ, 0x24))
        await ctx.tick().until(dut.cc.tvalid)
        first = ctx.get(dut.cc.tdata)
        for _ in range(10):
            await ctx.tick()
            assert ctx.get(dut.cc.tvalid)
            assert ctx.get(dut.cc.tdata) == first
            assert not ctx.get(dut.cq.tready)
        ctx.set(dut.cc.tready, 1)
        await ctx.tick()
        assert not ctx.get(dut.cc.tvalid)

    simulate(dut, bench, host.bus)
