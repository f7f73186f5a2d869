"""What a proof is."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.hdl import Module

from tickgate_hdl.prove.mutation import Mutation

__all__ = ["Proof"]


@dataclass(frozen=True)
class Proof:
    """A claim about a component, and what it stands on."""

    name: str
    """Short, for options, files and the table."""
    claim: str
    """What holds in every cycle, whatever the inputs."""
    of: str
    """Component and sizes."""
    assumes: str
    """What must hold for it, and who sees to that; empty: nothing but no reset after the start."""
    make: Callable[[Module], list]
    """Puts component, assumptions and assertions into a module; returns the free inputs."""
    mutations: tuple[Mutation, ...]
    """Faults with which it must fail."""
    depth: int = 10
    """Cycles that the induction looks back, and that are tried from reset."""
    search: int = 0
    """Cycles from reset in which a fault is looked for, where those are not enough."""
