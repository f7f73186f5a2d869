"""An order sees references whole and of their age: properties of ``risk.references.References``."""

from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Cat, Module, Signal, Value

from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.prove.mutation import Mutation
from tickgate_hdl.prove.opened import Opened
from tickgate_hdl.prove.proof import Proof

__all__ = ["PROOFS"]

_PRICES = ("national_bid", "band_low", "band_high", "window")


def _make(registered):
    return lambda m: _referred(m, registered)


def _referred(m: Module, registered: bool) -> list:
    from tickgate_hdl.risk.references import References

    dut = References(4, registered=registered)
    opened = Opened(dut)
    symbol = AnyConst(2)
    port, peeks = opened.peek("rows", symbol)
    m.submodules.dut = opened.module
    row, seen = port.data, dut.reference

    # What the host uploaded last for the symbol, counted apart, and how long ago.
    uploaded, age = Signal(), Signal(len(dut.now))
    prices = Signal(32 * len(_PRICES))
    staged = Cat(getattr(dut, f"reference_{price}__value") for price in _PRICES)
    uploads = (dut.reference_symbol__value__we & ~dut.sweep
               & (dut.reference_symbol__value == symbol))
    m.d.comb += peeks
    with m.If(uploads):
        m.d.sync += [uploaded.eq(1), prices.eq(staged), age.eq(dut.ms_tick)]
    with m.Elif(dut.sweep & (dut.sweep_row == symbol)):
        m.d.sync += uploaded.eq(0)
    with m.Else():
        m.d.sync += age.eq(age + dut.ms_tick)

    asked = delayed(m, (dut.symbol == symbol) & ~dut.sweep, "spec_asked")

    def is_known(reference):
        given = Cat(reference[price] for price in _PRICES)
        return (reference.uploaded == uploaded) & (~uploaded | (
            (given == prices) & ((dut.now - reference.stamp)[:len(dut.now)] == age)))

    m.d.comb += [
        Assert(~asked | is_known(seen)),
        # For the induction: the table is what was uploaded, and the memory's port the table.
        Assert(is_known(row)),
        Assert(~asked | (Value.cast(seen) == Value.cast(row))),
    ]
    return opened.inputs()


def _fault(name, old, new):
    return Mutation(name, "risk.references", old, new)


PROOFS = tuple(
    Proof(
        name=f"references.{profile}",
        claim="an order that looks a symbol up sees the four prices that were uploaded last for "
        "it, all of one upload, if any was since the sweep, and how many milliseconds ended since "
        "then; one that looks in the cycle of an upload sees that one",
        of=f"References, 4 symbols, fields at full width, {profile}", assumes="",
        make=_make(profile == "ecp5"), depth=3,
        mutations=(
            _fault("a symbol that the card has not is another one",
                   "(self.reference_symbol__value < self._symbols)", "1"),
            _fault("a row that is read while it is written is relied on",
                   "collides.eq(takes & (write.addr == read.addr))", "collides.eq(0)"),
            _fault("what was written for another symbol is seen",
                   "collides.eq(takes & (write.addr == read.addr))", "collides.eq(takes)"),
            _fault("a row is in force before it is whole", "write.en.eq(takes)",
                   "write.en.eq(1)"),
            _fault("references are of the next millisecond", "write.data.stamp.eq(self.now)",
                   "write.data.stamp.eq(self.now + 1)"),
            _fault("the sweep forgets nothing", "write.data.eq(0)",
                   "write.data.eq(0), write.data.uploaded.eq(1)"),
            _fault("the clock stands still", "self.now + self.ms_tick", "self.now"),
        ))
    for profile in ("latency", "ecp5"))
