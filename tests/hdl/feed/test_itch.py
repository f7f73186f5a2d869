"""The ITCH decoder against its golden model and against the host's codec."""

import random

import pytest
from tickgate.protocols import itch50
from tickgate_hdl.book.layouts import BookCommand
from tickgate_hdl.feed.itch import ItchDecode
from tickgate_hdl.feed.layouts import END_OF_SESSION, GAP, MESSAGE, NEW_SESSION, MoldItem
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.models.itch import LENGTHS, Command, ItchModel
from tickgate_sim.models.mold import Item
from tickgate_sim.traffic import itch

KIND = {"M": MESSAGE, "G": GAP, "N": NEW_SESSION, "Z": END_OF_SESSION}


def play(items, *, stall=0.0):
    """Send items through gateware and model, compare; return the commands and the model."""
    bench = Bench(ItchDecode())
    got = bench.sink(bench.dut.o, stall=stall)
    model = ItchModel()
    wanted = [command for item in items if (command := model.item(item, 77)) is not None]
    words = [
        MoldItem.const(
            {
                "kind": KIND[item.kind],
                "sequence": item.sequence,
                "expected": item.expected,
                "time_ns": 77,
                "length": len(item.data),
                "data": int.from_bytes(item.data[:50], "little"),
            }
        )
        .as_value()
        .value
        for item in items
    ]
    state, types, sent = {}, {}, []

    async def finish(ctx):
        while len(sent) < len(words):
            await ctx.tick()
        await ctx.tick().repeat(4)
        for name in model.counts:
            state[name] = ctx.get(getattr(bench.dut, f"count_{name}"))
        for letter in [*LENGTHS, "?", "s"]:
            ctx.set(bench.dut.itch_type_select, ord(letter))
            types[letter] = ctx.get(bench.dut.itch_type_count)

    bench.source(bench.dut.i, words, sent=sent.append)
    bench.process(finish)
    bench.run(limit=20_000)
    commands = [_command(word) for word in got]
    assert commands == wanted
    assert state == model.counts
    assert {letter: count for letter, count in types.items() if count} == dict(model.by_type)
    return commands, model


def _command(word):
    """What a command says, without what its kind leaves open."""
    bits = BookCommand.from_bits(word)
    kind = chr(bits.kind)
    if kind in "GNZ":
        expected = bits.expected if kind == "G" else 0
        assert bits.locate == bits.itch_time == 0
        return Command(kind, bits.sequence, bits.time_ns, expected)
    command = Command(kind, bits.sequence, bits.time_ns, 0, bits.itch_time, bits.locate)
    if kind in "SH":
        command = command._replace(code=chr(bits.code))
    if kind in "ARH":
        command = command._replace(stock=bits.stock.to_bytes(8, "little"))
    if kind in "AXDU":
        command = command._replace(reference=bits.reference)
    if kind in "AXU":
        command = command._replace(shares=bits.shares)
    if kind in "AU":
        command = command._replace(price=bits.price)
    if kind == "A":
        command = command._replace(side="S" if bits.sell else "B")
    if kind == "U":
        command = command._replace(new_reference=bits.new_reference)
    return command


def messages(*data):
    return [Item("M", number, data=one) for number, one in enumerate(data, start=1)]


@pytest.mark.parametrize("letter", sorted(LENGTHS))
def test_every_type_as_the_host_encodes_it(letter):
    """Random values of every field, encoded by the host's codec."""
    rng = random.Random(letter)
    cls = itch50.MESSAGES[letter]
    encoded = []
    for _ in range(5):
        values = {}
        for field in cls.FIELDS[1:]:
            if field.kind.is_text:
                values[field.name] = "".join(rng.choice("ABCQ") for _ in range(field.length))
            else:
                values[field.name] = rng.getrandbits(8 * field.length)
            if field.name == "buy_sell_indicator":
                values[field.name] = rng.choice("BS")
        encoded.append(cls(**values).encode())
    _, model = play(messages(*encoded))
    assert model.by_type == {letter: 5}


def test_wrong_lengths_and_values_are_malformed():
    cut = [bytes([ord(letter)]) + bytes(length - 2) for letter, length in LENGTHS.items()]
    longer = [bytes([ord(letter)]) + bytes(length) for letter, length in LENGTHS.items()]
    side = itch.add(1, b"AAPL    ", 1, b"X", 1, 1)
    commands, model = play(messages(*cut, *longer, side, b""))
    assert commands == []
    assert model.counts["itch_malformed"] == 2 * 23 + 2


def test_unknown_types_are_counted():
    unknown = [bytes([code]) + bytes(30) for code in range(256) if chr(code) not in LENGTHS]
    commands, model = play(messages(*unknown))
    assert commands == []
    assert model.counts["itch_unknown"] == 256 - 23


def test_events_keep_their_place():
    add = itch.add(1, b"AAPL    ", 1, b"B", 100, 10_000)
    items = [
        Item("N", 1),
        *messages(add),
        Item("G", 9, expected=2),
        *messages(add),
        Item("Z", 10),
    ]
    commands, _ = play(items, stall=0.7)
    assert "".join(command.kind for command in commands) == "NAGAZ"


@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_a_random_day_equals_the_model(stall):
    play(messages(*itch.random_day(3, 500, oddities=0.4)), stall=stall)
