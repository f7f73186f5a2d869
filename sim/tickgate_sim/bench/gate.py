"""The gate's cycles in both build profiles, measured on the gateware in Verilator."""

import json
from dataclasses import dataclass
from pathlib import Path

from tickgate.risk.checks import CHECKS
from tickgate_hdl.top.config import PROFILES, CardConfig

from tickgate_sim.gate_model import SMALL, run_gate
from tickgate_sim.tb.gate_figures import WINDOW

__all__ = ["GateFigures", "figures", "measure", "table"]


@dataclass(frozen=True, slots=True)
class GateFigures:
    """What was measured of a gate; its tables are small, which no cycle depends on."""

    profile: str
    cycles: int
    """From an order's arrival to its verdict, the same for passes and refusals."""
    orders: int
    """Orders that entered in 10,000 cycles."""
    kill: int
    """Cycles from the kill register's new value to the first verdict that it refuses."""


def measure(folder: Path) -> list[GateFigures]:
    """Measure each profile; logs and figures of the runs go into ``folder``."""
    found = []
    for profile, make in PROFILES.items():
        path = (folder / f"gate-{profile}.json").resolve()
        path.unlink(missing_ok=True)
        run_gate(CardConfig(**SMALL, registered=make().registered), "gate_figures",
                 environment={"GATE_FIGURES": str(path)}, log=path.with_suffix(".log"))
        found.append(GateFigures(profile, **json.loads(path.read_text())))
    return found


def figures(measured: list[GateFigures]) -> dict[str, float]:
    """Figures by name."""
    named: dict[str, float] = {"gate.checks": len(CHECKS)}
    for gate in measured:
        named[f"gate.cycles.{gate.profile}_profile"] = gate.cycles
        named[f"gate.orders_in_10000_cycles.{gate.profile}_profile"] = gate.orders
        named[f"kill.register_to_shut_cycles.{gate.profile}_profile"] = gate.kill
    named["kill.register_to_shut_cycles"] = max(gate.kill for gate in measured)
    return named


def table(measured: list[GateFigures]) -> list[str]:
    """Lines for a reader."""
    return [
        f"Gate: {len(CHECKS)} checks, cycles the same for passes and refusals",
        f"  {'profile':12} {'arrival to verdict':>18} {f'orders in {WINDOW:,} cycles':>24} "
        f"{'kill register to shut':>22}",
        *(f"  {gate.profile:12} {gate.cycles:18} {gate.orders:24,} {gate.kill:22}"
          for gate in measured),
    ]
