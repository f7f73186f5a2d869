"""Joining streams, and the checker of their contract.

Amaranth's ``wiring.connect`` compares widths only, so that two different structs of one width join
in silence; :func:`connect_streams` compares the layouts. The contract itself (``valid`` and
``payload`` hold until the transfer) is watched by :class:`StreamCheck`.
"""

from amaranth import Assert, Cat, Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

__all__ = ["StreamCheck", "check_stream", "connect_streams"]


def connect_streams(m, source, sink):
    """Drive ``sink`` from ``source`` and ``source.ready`` from ``sink``, combinationally.

    Either may be a port of the component being elaborated or of a submodule: nothing has to be
    flipped.

    Raises TypeError when the payload shapes differ, even if they have one width.
    """
    has, wants = source.payload.shape(), sink.payload.shape()
    if has != wants:
        raise TypeError(f"streams must have the same payload shape, not {has!r} and {wants!r}")
    m.d.comb += [
        sink.payload.eq(source.payload),
        sink.valid.eq(source.valid),
        source.ready.eq(sink.ready),
    ]


class StreamCheck(wiring.Component):
    """Assert that a stream keeps its promises: once offered, an item stays until it is taken.

    It observes only. In a simulator a broken promise ends the run; synthesis ignores it.
    Source: Amaranth 0.5, ``amaranth.lib.stream``, data transfer rules.

    Members
    -------
    valid, ready : :py:`In(1)`
        The stream's handshake.
    payload : :py:`In(width)`
        The stream's payload as plain bits.
    """

    def __init__(self, width, label):
        self._label = label
        super().__init__({"valid": In(1), "ready": In(1), "payload": In(width)})

    def elaborate(self, platform):
        m = Module()
        pending = Signal()
        offered = Signal.like(self.payload)
        waits = self.valid & ~self.ready
        m.d.sync += pending.eq(waits)
        with m.If(waits):  # only then, since it is wide and costs a simulator time
            m.d.sync += offered.eq(self.payload)
        with m.If(pending):
            m.d.sync += [
                Assert(self.valid, f"{self._label}: valid fell before the transfer"),
                Assert(
                    self.payload == offered,
                    f"{self._label}: payload changed before the transfer",
                ),
            ]
        return m


def check_stream(m, name, stream):
    """Put a :class:`StreamCheck` on ``stream``, as submodule ``check_<name>`` of ``m``."""
    payload = Value.cast(stream.payload)
    check = StreamCheck(Shape.cast(payload.shape()).width, name)
    m.submodules[f"check_{name}"] = check
    m.d.comb += [
        check.valid.eq(stream.valid),
        check.ready.eq(stream.ready),
        check.payload.eq(Cat(payload)),
    ]
