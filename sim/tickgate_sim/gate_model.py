"""The gate alone in Verilator, under a module of ``tickgate_sim.tb``: ``run_gate``."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tickgate_hdl.risk.gate import Gate
from tickgate_hdl.top.config import CardConfig

from tickgate_sim.runner import run_verilog, to_verilog

__all__ = ["SMALL", "run_gate"]

SMALL = {"symbols": 4, "accounts": 2, "groups": 2, "clearing_firms": 2, "open_orders": 16,
         "recent_orders": 16, "own_prices": 2}
"""Small tables: rows, slots and limits are shared by many orders, where faults would show."""
_TOTALS = [("*total_*", "memory")]
"""Used credit of groups and firms, which the host cannot read."""


def run_gate(
    config: CardConfig, tb: str, *, environment: Mapping[str, str] | None = None, **options: Any
) -> Path:
    """Run the cocotb tests of ``tickgate_sim.tb.<tb>`` on a gate whose memories start random.

    They get its sizes and its profile in the environment. All runs of a configuration share one
    model. Other options, errors and what is returned are those of ``tickgate_sim.runner.run``.
    """
    sizes = {f"GATE_{name.upper()}": str(getattr(config, name)) for name in SMALL}
    return run_verilog(
        _verilog(config), name="gate", tb=f"tickgate_sim.tb.{tb}", random_memories=True,
        internals=_TOTALS,
        environment={**sizes, "GATE_REGISTERED": str(int(config.registered)),
                     **(environment or {})},
        **options,
    )  # fmt: skip


@cache
def _verilog(config: CardConfig) -> str:
    return to_verilog(Gate(config), "gate", random_memories=True)
