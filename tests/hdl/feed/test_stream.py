# amaranth: UnusedElaboratable=no
"""Streams are joined only when their layouts agree; the checker fires when a promise is broken."""

import pytest
from amaranth import Module
from amaranth.hdl import Signal
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.sim import BrokenTrigger, Simulator
from tickgate_hdl.lib.stream import StreamCheck, connect_streams

ONE = StructLayout({"a": 4, "b": 4})
OTHER = StructLayout({"a": 2, "b": 6})


def test_streams_of_one_shape_are_joined():
    m = Module()
    source, sink = (stream.Signature(ONE).create() for _ in range(2))
    connect_streams(m, source, sink)
    m.d.sync += Signal().eq(1)

    async def bench(ctx):
        ctx.set(source.payload, {"a": 3, "b": 9})
        ctx.set(source.valid, 1)
        ctx.set(sink.ready, 1)
        assert ctx.get(sink.payload).b == 9
        assert ctx.get(sink.valid) == ctx.get(source.ready) == 1

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("shape", [OTHER, 8, 9])
def test_streams_of_two_shapes_are_refused(shape):
    with pytest.raises(TypeError, match="streams must have the same payload shape"):
        connect_streams(Module(), stream.Signature(ONE).create(), stream.Signature(shape).create())


def check(steps):
    """Run (valid, ready, payload) triples, one a cycle, past a checker."""
    dut = StreamCheck(8, "test")

    async def bench(ctx):
        for valid, ready, payload in steps:
            ctx.set(dut.valid, valid)
            ctx.set(dut.ready, ready)
            ctx.set(dut.payload, payload)
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_the_checker_is_silent_on_a_good_stream():
    check([(0, 0, 1), (1, 0, 2), (1, 0, 2), (1, 1, 2), (1, 1, 3), (0, 1, 4), (0, 0, 0)])


def test_the_checker_sees_valid_fall():
    with pytest.raises((AssertionError, BrokenTrigger), match="valid fell"):
        check([(1, 0, 2), (0, 0, 2), (0, 0, 0)])


def test_the_checker_sees_the_payload_change():
    with pytest.raises((AssertionError, BrokenTrigger), match="payload changed"):
        check([(1, 0, 2), (1, 0, 3), (0, 0, 0), (0, 0, 0)])
