"""What of the totals the host can read, in registers that show one row."""

from amaranth.hdl import Cat, Mux
from tickgate.risk.image import STRATEGIES

from tickgate_hdl.lib.delay import delayed

__all__ = ["show_exposure", "show_throttles"]


def show_exposure(m, gate, config, settlement, totals):
    """Show position and open quantities; what settles reads the row that is loaded.

    ``totals`` are the accumulators by the names of their totals, here and below.
    """
    account, symbol = gate.position_address__account, gate.position_address__symbol
    row = Mux(settlement.view_wanted, Cat(settlement.view_symbol, settlement.view_account),
              Cat(symbol[:len(settlement.symbol)], account[:len(settlement.account)]))
    known = delayed(m, (account < config.accounts) & (symbol < config.symbols), "known")
    shown = [totals[name] for name in ("position", "long", "short")]
    position, long, short = (accumulator.view for accumulator in shown)
    m.d.comb += [
        *(accumulator.view_row.eq(row) for accumulator in shown),
        settlement.view_position.eq(position),
    ]
    with m.If(known):
        m.d.comb += [
            gate.position__value.eq(_clamped(position, -(1 << 31), (1 << 31) - 1)),
            gate.open_buy__value.eq(_clamped(long - position, 0, (1 << 32) - 1)),
            gate.open_sell__value.eq(_clamped(short + position, 0, (1 << 32) - 1)),
        ]


def show_throttles(m, gate, config, settlement, totals):
    """Show what throttles count, and have ``settlement`` set it to 0 when the host says so."""
    strategy, account = gate.throttle_address__strategy, gate.throttle_address__account
    for name, shown, clear, index, cleared, rows in (
            ("executions", gate.executions__count, settlement.clear_executions, strategy,
             settlement.clear_strategy, STRATEGIES),
            ("rejects", gate.rejects__count, settlement.clear_rejects, account,
             settlement.clear_account, config.accounts)):
        known = index < rows
        m.d.comb += [
            totals[name].view_row.eq(index), cleared.eq(index),
            clear.eq(getattr(gate, f"throttle_clear__{name}") & known),
        ]
        with m.If(delayed(m, known, f"{name}_known")):
            m.d.comb += shown.eq(totals[name].view)


def _clamped(value, low, high):
    return Mux(value > high, high, Mux(value < low, low, value))
