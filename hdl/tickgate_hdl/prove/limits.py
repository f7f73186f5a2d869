"""A commit is atomic: properties of ``risk.limits.LimitsImage``, with small tables."""

from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Cat, Const, Module, Signal, Value

from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.prove.mutation import Mutation
from tickgate_hdl.prove.opened import Opened
from tickgate_hdl.prove.proof import Proof
from tickgate_hdl.top.config import CardConfig

__all__ = ["PROOFS"]


def _make(table, registered):
    return lambda m: _commit(m, table, registered)


def _commit(m: Module, table: str, registered: bool) -> list:
    from tickgate_hdl.risk.limits import LimitsImage

    dut = LimitsImage(CardConfig(
        symbols=2, accounts=2, groups=2, clearing_firms=2, open_orders=2, registered=registered))
    opened = Opened(dut)
    bank = opened["bank"]
    account, symbol, group, clearing_firm = (AnyConst(1) for _ in range(4))
    session, strategy = AnyConst(5), AnyConst(5)
    index = {"account": account, "symbol": symbol, "position": Cat(symbol, account),
             "firm": Const(0, 0), "group": group, "clearing_firm": clearing_firm,
             "session": session, "strategy": strategy}[table]
    rows = []
    for half in (bank, ~bank):
        port, peeks = opened.peek(table, Cat(index, half))
        m.d.comb += peeks
        rows.append(port.data)
    in_force, shadow = rows
    m.submodules.dut = opened.module

    def before(value, name):
        return delayed(m, Value.cast(value), f"spec_before_{name}")

    started = delayed(m, 1, "spec_started")
    quiet = started & ~before(dut.busy, "busy")
    swaps = started & (bank != before(bank, "bank"))
    state, names = opened.state("fsm")

    def is_in(*states):
        return Cat(state == names[name] for name in states if name in names).any()

    # Registered, what was written just before the commit lands before the first word is read.
    checking = before(dut.limit_status__busy & ~is_in("Land", "Landed"), "checking")
    asked = Const(1)
    for name, row in (("account", account), ("symbol", symbol), ("group", group),
                      ("clearing_firm", clearing_firm), ("session", session),
                      ("strategy", strategy)):
        asked &= before(getattr(dut, name), name) == row
    begins = (state == names["Quiet"]) & dut.limit_commit__commit & ~dut.busy
    wanted, generation = Signal(32, name="spec_wanted"), Signal(32, name="spec_generation")
    with m.If(begins):
        m.d.sync += [wanted.eq(dut.limit_crc__value), generation.eq(dut.limit_generation__value)]
    agreed = is_in("Keep", "Kept", "Shown", "Asked", "Told", "Swap")
    m.d.comb += [
        # The banks change places only with the right CRC, and the generation with them.
        Assert(~swaps | (dut.limit_computed_crc__value == wanted)),
        Assert(~swaps | ((dut.generation == generation) & (generation != 0))),
        Assert(~swaps | dut.limit_status__committed),
        Assert(~started | swaps | (dut.generation == before(dut.generation, "generation"))),
        # For the induction: what the commit keeps is what it was asked for.
        Assert(~dut.limit_status__busy | (opened.register_of(dut.limit_crc__value) == wanted)),
        Assert(~dut.limit_status__busy | (
            opened.register_of(dut.limit_generation__value) == generation)),
        Assert(~agreed | ((dut.limit_computed_crc__value == wanted) & (generation != 0))),
        Assert((state == names["Quiet"]) | (state == names["Finish"]) | dut.limit_status__busy),
    ]
    if registered:
        # What was found of the sum is true of it when it counts.
        same = opened.port("crc.crc") == wanted
        m.d.comb += Assert(~is_in("Compare") | (opened["same"] == same))
    kept, checked = before(in_force, "kept"), before(shadow, "checked")
    m.d.comb += [
        Assert(~quiet | swaps | (in_force == kept)),
        Assert(~(quiet & checking) | swaps | (shadow == checked)),
        Assert(~(quiet & swaps) | (in_force == checked)),
        Assert(~(quiet & asked) | (Value.cast(getattr(dut, f"{table}_row")) == kept)),
    ]
    for name in ("group", "clearing_firm"):
        # Where an account belongs does not change once it is known.
        port, peeks = opened.peek(f"{name}_of.members", account)
        m.d.comb += [peeks, Assert(
            ~quiet | ~before(port.data.known, f"{name}_known")
            | (Value.cast(port.data) == before(port.data, f"{name}_member")))]
    return opened.inputs()


def _fault(name, old, new):
    return Mutation(name, "risk.limits", old, new)


_CLAIM = (
    "no row in force changes but by a swap of the banks; they swap only when the CRC that was "
    "computed is the one asked for and the generation is not 0, and generation and every row "
    "change in that one cycle; nothing in the shadow bank changes while it is checked; the row "
    "that an order reads is of the bank in force, the same bank for all tables; the group and "
    "clearing firm of an account do not change once they are known")

_OF_TABLE = (
    _fault("the host writes the bank in force", "place.eq(Cat(row[:row_bits], ~bank))",
           "place.eq(Cat(row[:row_bits], bank))"),
    _fault("an order reads the shadow bank", "read.addr.eq(Cat(index, bank))",
           "read.addr.eq(Cat(index, ~bank))"),
)
_OF_ALL = (
    _fault("writes go on while the bank is checked",
           "self.limit_data__value__we & ~checking & ~sweeping",
           "self.limit_data__value__we & ~sweeping"),
    _fault("a wrong CRC swaps", 'staged(check.crc == wanted, "same") & ', ""),
    _fault("a generation of 0 swaps", ' & staged(generation != 0, "given")', ""),
    _fault("the generation in force is another one",
           "self.generation.eq(generation),", "self.generation.eq(generation + 1),"),
    Mutation("an account is moved by an image", "risk.membership",
             "says & keep & ~kept.data.known", "says & keep"),
)
"""Planted in one proof: they are nowhere but in what all tables have in common."""

_OF_REGISTERED = (
    _fault("the check begins before the last word has landed", 'wait("Land", "Landed", "Walk")',
           'wait("Land", "Walk"), wait("Landed", "Walk")'),
    _fault("what is compared is the sum before the last word",
           '*(("Summed", "Weighed") if registered else ()), ', ""),
)
"""Planted where there are registers between."""

PROOFS = tuple(
    Proof(
        name=f"limits.{table}.{profile}", claim=_CLAIM,
        of="LimitsImage, 2 accounts, symbols, groups and clearing firms, fields at full width, the "
        f"table {table}, {profile}",
        assumes="", make=_make(table, profile == "ecp5"), depth=4,
        mutations=_OF_TABLE + (
            (_OF_ALL + (_OF_REGISTERED if profile == "ecp5" else ())) if table == "account"
            else ()))
    for table in ("account", "symbol", "position", "firm", "group", "clearing_firm", "session",
                  "strategy")
    for profile in ("latency", "ecp5"))
