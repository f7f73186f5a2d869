"""Layouts from the host's classes: every field of every message, against the host's own bytes."""

import random

import pytest
from amaranth import Cat, Module, Signal, signed
from amaranth.sim import Simulator
from tickgate.protocols import itch50, moldudp64, ouch50, soupbintcp
from tickgate.protocols.wire import Message, SignedPrice, WireError, field
from tickgate_hdl.lib.wire import assemble, be, code, fields, wire_layout


class Signed(Message):
    """No message of the formats has a signed field in its fixed part; a card's own might."""

    before: itch50.U16 = field("something else")
    offset: SignedPrice = field("a signed price")


CLASSES = [
    *itch50.MESSAGES.values(),
    *ouch50.INBOUND.values(),
    *ouch50.OUTBOUND.values(),
    *(cls for cls in soupbintcp.PACKETS.values() if len(cls.FIELDS) > 2),
    moldudp64.Header,
    moldudp64.Block,
    moldudp64.Request,
    Signed,
]


def name_of(cls):
    return f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}"


def sample(cls, seed):
    """A message with random values."""
    rng = random.Random(seed)

    def value(kind):
        if kind.name == "digits":
            return rng.randrange(10 ** rng.randrange(1, kind.length))
        if kind.is_text:
            return "".join(chr(rng.randrange(0x21, 0x7F)) for _ in range(kind.length))
        bits = 8 * kind.length
        return rng.randrange(1 << bits) - (1 << bits - 1 if kind.signed else 0)

    return cls(**{row.name: value(row.kind) for row in cls.FIELDS if not row.is_constant})


def settle(statements, inputs, outputs):
    """Values of ``outputs`` with the combinational ``statements`` and the ``inputs`` applied."""
    m = Module()
    m.d.comb += statements
    got = []

    async def bench(ctx):
        for signal, value in inputs:
            ctx.set(signal, value)
        got.extend(ctx.get(output) for output in outputs)

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(got) == len(outputs), "the bench did not finish"
    return got


def host_order(cls, message):
    """What the gateware should see, worked out from the host's values alone."""
    expected = {}
    for row in cls.FIELDS:
        value = getattr(message, row.name)
        if row.kind.name == "digits":
            value = f"{value:d}".rjust(row.length)
        if isinstance(value, str):
            right = row.kind.name.endswith("right justified")
            padded = value.rjust(row.length) if right else value.ljust(row.length)
            value = sum(ord(char) << 8 * i for i, char in enumerate(reversed(padded)))
        expected[row.name] = value
    return expected


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_fields_of_a_captured_message(cls):
    message = sample(cls, seed=name_of(cls))
    raw = message.encode()[:cls.LENGTH]
    captured = Signal(8 * cls.LENGTH + 24)  # longer than the message, with rubbish behind it
    views = fields(cls, captured)
    assert [len(view) for view in views.values()] == [8 * row.length for row in cls.FIELDS]
    bits = int.from_bytes(raw + b"\xa5\x5a\xff", "little")
    got = settle([], [(captured, bits)], list(views.values()))
    assert dict(zip(views, got, strict=True)) == host_order(cls, message)


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_layout_has_the_offsets_of_the_host(cls):
    layout = wire_layout(cls)
    assert layout.size == 8 * cls.LENGTH
    assert [(key, layout[key].offset, layout[key].width) for key, _ in layout] == [
        (row.name, 8 * row.offset, 8 * row.length) for row in cls.FIELDS
    ]


def test_view_of_the_layout_with_be():
    message = sample(itch50.AddOrder, seed=1)
    captured = Signal(wire_layout(itch50.AddOrder))
    outputs = [be(captured.price), be(captured.order_reference_number), be(captured.timestamp)]
    bits = int.from_bytes(message.encode(), "little")
    got = settle([], [(captured.as_value(), bits)], outputs)
    assert got == [message.price, message.order_reference_number, message.timestamp]


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_assemble_gives_the_bytes_of_the_host(cls):
    message = sample(cls, seed=name_of(cls))
    expected = int.from_bytes(message.encode()[:cls.LENGTH], "little")
    varying = [row for row in cls.FIELDS if not row.is_constant]

    constants = assemble(cls, **{row.name: getattr(message, row.name) for row in varying})
    out = Signal(8 * cls.LENGTH)
    assert len(constants) == len(out)
    assert settle([out.eq(constants)], [], [out]) == [expected]

    inputs = {row.name: Signal(8 * row.length, name=row.name) for row in varying}
    driven = [(inputs[k], code(cls, k, getattr(message, k))) for k in inputs]
    assert settle([out.eq(assemble(cls, **inputs))], driven, [out]) == [expected]


def test_assemble_extends_narrow_values():
    narrow, minus = Signal(4), Signal(signed(4))
    out = Signal(8 * Signed.LENGTH)
    statements = [out.eq(assemble(Signed, before=narrow, offset=minus))]
    (got,) = settle(statements, [(narrow, 9), (minus, -3)], [out])
    assert got.to_bytes(Signed.LENGTH, "little") == Signed(before=9, offset=-3).encode()


def test_assemble_refuses_what_would_be_lost():
    good = {"stock_locate": 1, "tracking_number": 0, "timestamp": 0}
    with pytest.raises(ValueError, match="_reference_number is 64 bits wide, not 65"):
        assemble(itch50.OrderDelete, **good, order_reference_number=Signal(65))
    with pytest.raises(WireError, match=r"OrderDelete\.order_reference_number must be an integer"):
        assemble(itch50.OrderDelete, **good, order_reference_number=1 << 64)
    with pytest.raises(TypeError, match=r"check order_reference_number$"):
        assemble(itch50.OrderDelete, **good)
    with pytest.raises(TypeError, match=r"check message_type$"):
        assemble(itch50.OrderDelete, **good, order_reference_number=1, message_type="D")


def test_code_is_the_constant_to_compare_with():
    assert code(itch50.AddOrder, "message_type", "A") == ord("A")
    assert code(itch50.AddOrder, "stock", "AAPL") == 0x4141504C20202020
    assert code(itch50.AddOrder, "shares", 300) == 300
    assert code(Signed, "offset", -1) == 0xFFFFFFFF
    with pytest.raises(WireError, match=r"AddOrder\.stock must be ASCII <= 8 bytes"):
        code(itch50.AddOrder, "stock", "TOOLONGER")
    with pytest.raises(KeyError):
        code(itch50.AddOrder, "symbol", "AAPL")


def test_be_reverses_bytes_and_refuses_parts_of_them():
    value = Signal(24)
    assert settle([], [(value, 0x010203)], [be(value), be(be(value))]) == [0x030201, 0x010203]
    with pytest.raises(ValueError, match="whole bytes, not 12 bits"):
        be(Signal(12))


def test_a_message_does_not_fit_a_shorter_value():
    with pytest.raises(ValueError, match="OrderDelete needs 152 bits, not a value of 151"):
        fields(itch50.OrderDelete, Cat(Signal(151)))
