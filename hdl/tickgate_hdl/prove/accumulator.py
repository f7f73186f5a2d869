"""What is used of a limit is exact: properties of ``risk.accumulator.Accumulator``."""

from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Assume, Cat, Mux, Signal, signed
from amaranth.utils import ceil_log2

from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.prove.mutation import Mutation
from tickgate_hdl.prove.opened import Opened
from tickgate_hdl.prove.proof import Proof

__all__ = ["PROOFS"]

ROWS = 4


def make(width, floor, registered):
    def build(m):
        from tickgate_hdl.risk.accumulator import Accumulator

        dut = Accumulator(ROWS, width, floor=floor, registered=registered)
        opened = Opened(dut)
        row = AnyConst(ceil_log2(ROWS))
        port, peeks = opened.peek("memory", row)
        m.submodules.dut = opened.module
        verdict = dut.lead + 1

        # The operations, counted apart: what they are, with what amount, and which are of the row.
        looked, rows = [dut.looks], [dut.row]
        for cycle in range(1, verdict + 3):
            looked.append(delayed(m, looked[-1], f"spec_looked_{cycle}"))
            rows.append(delayed(m, rows[-1], f"spec_row_{cycle}"))
        mine = [looks & (each == row) for looks, each in zip(looked, rows, strict=True)]
        asked = delayed(m, dut.amount, "spec_asked", verdict - dut.given).as_signed()
        weighed = delayed(m, dut.weighed, "spec_weighed", verdict - dut.given).as_signed()
        forced = delayed(m, dut.forces, "spec_forced", verdict - dut.given)
        amount = Mux(
            forced, delayed(m, dut.moves, "spec_moves", verdict - dut.given).as_signed(), asked)
        limit = delayed(m, dut.limit, "spec_limit", verdict - dut.given)
        held = delayed(m, dut.held, "spec_held") if registered else 1

        # The ledger: what is used of the row, by every operation that had its verdict.
        used = Signal(signed(width))
        least, most = (0 if floor else -(1 << width - 1)), (1 << width - 1) - 1
        total, after, outside = Signal(signed(width + 2)), Signal(signed(width)), Signal()
        compared = Signal(signed(width + 2))
        commits = mine[verdict] & dut.commit
        m.d.comb += [
            peeks, total.eq(used + amount), compared.eq(used + weighed),
            outside.eq((total > most) | (total < least)),
            after.eq(Mux(total > most, most, Mux(total < least, least, total[:width].as_signed()))),
        ]
        with m.If(commits):
            m.d.sync += used.eq(after)
        with m.If(dut.sweep & (dut.sweep_row == row)):
            m.d.sync += used.eq(0)

        m.d.comb += [
            # How it is to be used.
            Assume(~dut.commit | looked[verdict]),
            Assume(~(dut.sweep & Cat(looked[:verdict + 2]).any())),
            Assume(~(commits & (outside | forced) & mine[verdict - 1])),
            # What is claimed.
            Assert(~mine[verdict] | forced | (dut.over == (held & (compared > limit)))),
            Assert(~(commits & ~forced & held & ~dut.over & (amount >= 0) & (amount == weighed)
                     & (after > limit))),
            Assert(used >= least),
            # The table is the ledger, but for the operation that is being written.
            Assert(used == Mux(opened["committed"] & mine[verdict + 1],
                               opened["result"], port.data)),
        ]
        same = _under_way(m, opened, dut, rows, looked, mine, used)
        (_staged if registered else _direct)(m, opened, dut, same, mine, used, amount)
        return opened.inputs()

    return build


def _under_way(m, opened, dut, rows, looked, mine, used):
    """Say of what is under way that it is the ledger, which makes the induction short.

    Return ``same`` of the gateware, of which it is said that it means what its name says.
    """
    lead, verdict = dut.lead, dut.lead + 1
    committed, result = opened["committed"], opened["result"]

    def same(before, cycle):
        chain = {0: [], 1: [f"same_{before}_at"]}.get(
            cycle - 1, [f"same_{before}_at_{at}" for at in range(cycle - 1)])
        for at, name in enumerate([f"same_{before}", *chain], 1):
            m.d.comb += Assert(opened[name] == (
                looked[before + at] & (rows[at] == rows[before + at])))
        return opened[[f"same_{before}", *chain][-1]]

    m.d.comb += [
        *(Assert(opened[f"looked_{at}"] == looked[at]) for at in range(1, lead + 3)),
        *(Assert(opened[f"row_{at}"] == rows[at]) for at in range(1, lead + 3)),
        Assert(~committed | looked[verdict + 1]),
        Assert(~mine[verdict + 1] | (result == used)),
        Assert(opened["added"].as_signed() == Mux(
            delayed(m, dut.forces, "spec_forces"),
            delayed(m, dut.moves, "spec_added_moves").as_signed(),
            delayed(m, dut.amount, "spec_added").as_signed())),
    ]
    same(1, lead)
    written = delayed(m, result, "spec_written").as_signed()
    stored = Mux(same(lead + 2, 1), written, opened.memory("memory")._read_ports[0].data)
    m.d.comb += Assert(~mine[1] | (Mux(same(lead + 1, 1), result, stored) == used))
    return same


def _direct(m, opened, dut, same, mine, used, amount):
    m.d.comb += Assert(~mine[dut.lead + 1] | (opened["used"] == used))


def _staged(m, opened, dut, same, mine, used, amount):
    committed, result = opened["committed"], opened["result"]
    room = (delayed(m, dut.limit, "spec_room")
            - delayed(m, dut.weighed, "spec_room_weighed").as_signed())
    m.d.comb += [
        *(Assert(opened[f"commits_{at}"] == committed) for at in range(2)),
        Assert(dut.over == Mux(committed, dut.over_if[1], dut.over_if[0])),
        Assert(opened["alone"].as_signed() == room),
        *(Assert(opened[f"after_{case}"].as_signed()
                 == opened[f"used_{case}"].as_signed() + amount) for case in range(2)),
        Assert(~mine[2] | (Mux(same(3, 2), result, opened["value"].as_signed()) == used)),
        Assert(~mine[3] | (opened["base"] == used)),
        Assert(~mine[4] | (opened["deciding"] == used)),
    ]


def _fault(name, old, new):
    return Mutation(name, "risk.accumulator", old, new)


_SHARED = (
    _fault("the result that is written while a row is read is not seen",
           "Mux(same(lead + 2, 1), written, read.data)", "read.data"),
    _fault("a result that comes while a row is there is not seen",
           "Mux(same(lead + 1, 1), result, stored)", "stored"),
    _fault("a refused amount is added",
           "committed.eq(self.commit)", "committed.eq(looked[lead + 1])"),
    _fault("what is forced is not what moves",
           "added.eq(Mux(self.forces, self.moves, self.amount))", "added.eq(self.amount)"),
)
_DIRECT = (
    _fault("the operation right before is not seen in the comparison",
           "over_second.eq(heaped > alone)", "over_second.eq(base > alone)"),
    _fault("the operation right before is not seen in what is used",
           "Mux(next_to, deciding, value)", "value"),
    _fault("at the limit is over it", "over_first.eq(base > alone)",
           "over_first.eq(base >= alone)"),
    _fault("what is used wraps", "Mux(committed, self._clamped(moved), kept)",
           "Mux(committed, moved, kept)"),
)
_STAGED = (
    _fault("the operation right before is not seen in the comparison",
           "over[1].eq(is_above(heaped, room))", "over[1].eq(is_above(base, room))"),
    _fault("the operation right before is not seen in what is used",
           "used[1].eq(heaped), after[1].eq(heaped + added)",
           "used[1].eq(base), after[1].eq(base + added)"),
    _fault("the operation two before is not seen",
           "coming[1].eq(Mux(same(2, 2), decided, newest))", "coming[1].eq(newest)"),
    _fault("the operation three before is not seen",
           "Mux(same(3, 2), result, value)", "Mux(same(3, 2) & 0, result, value)"),
    _fault("at the limit is over it", "over[0].eq(is_above(base, room))",
           "over[0].eq(is_above(base + 1, room))"),
    _fault("what is not held to the limit is over it", "free = alone[-1], ~self.held",
           "free = alone[-1], ~self.held & 0"),
    _fault("what is held to the limit is not", "free = alone[-1], ~self.held",
           "free = alone[-1], self.held | 1"),
    _fault("what is used wraps", "self._clamped(Mux(in_verdict, after[1], after[0]))",
           "Mux(in_verdict, after[1], after[0])"),
)

_CLAIM = ("what is used of a row is the sum of what was committed, for any operations in any order "
          "with any gaps, what is forced included; `over` is exactly used + weighed > limit, and "
          "in `ecp5` never said of what is not held to it; a commit of what was weighed that is "
          "held, not over and not forced stays within the limit; it never wraps")
_ASSUMES = ("commits only of operations that looked; none under way in a sweep; one that is forced "
            "or leaves the range is not followed by one of its row")

PROOFS = tuple(
    Proof(
        name=f"accumulator.{kind}.{profile}", claim=_CLAIM,
        of=f"Accumulator, {ROWS} rows of {width} bits, {profile}", assumes=_ASSUMES,
        make=make(width, kind in ("rate", "throttle"), profile == "ecp5"),
        mutations=_SHARED + (_STAGED if profile == "ecp5" else _DIRECT), depth=3, search=8)
    for profile in ("latency", "ecp5")
    for kind, width in (("exposure", 48), ("money", 64), ("rate", 28), ("throttle", 33)))
