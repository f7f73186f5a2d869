"""Feed, book and gate as a library that runs whole buffers, much faster than the whole card.

Here: the C++ harness (``harness/``), its build (``build``), frames as timed beats (``beats``) and
the runs (``feed``). Not here: registers, rings and order entry, which only the card has
(``tickgate_sim.card``). The interface is described in README.md.
"""

from tickgate_sim.fast.beats import BEAT, Beats, beats, wire_cycles
from tickgate_sim.fast.feed import (
    EVENT,
    ORDER,
    TOP,
    FastError,
    FastFeed,
    LineResult,
    Result,
    inject_beats,
)

__all__ = [
    "BEAT",
    "EVENT",
    "ORDER",
    "TOP",
    "Beats",
    "FastError",
    "FastFeed",
    "LineResult",
    "Result",
    "beats",
    "inject_beats",
    "wire_cycles",
]
