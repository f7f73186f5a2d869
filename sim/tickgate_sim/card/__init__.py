"""The Verilated card: one C++ harness, built as a library and as a process.

Here: the harness (``harness/``: bus, streams, process), its build (``build``), the card as a
library whose clock the caller steps (``library``), and ``python -m tickgate_sim.card`` to build and
to run the live card. Not here: the host's side of the bus (``tickgate.card.simulated``) and the
network (``tickgate_sim.wire``).
"""
