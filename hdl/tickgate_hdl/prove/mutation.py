"""Planted faults: a module of the gateware with one text in place of another."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutation", "MutationError", "plant"]


class MutationError(Exception):
    """The text that a fault replaces is not in the module, or more than once."""


@dataclass(frozen=True)
class Mutation:
    """A fault that a proof must find."""

    name: str
    """What is wrong with the gateware then."""
    module: str
    """Module of ``tickgate_hdl``, such as ``risk.gate``."""
    old: str
    """Text of its source, which is there once."""
    new: str


def plant(mutation):
    """Import the module of a fault with the fault in it. Nothing may have imported it before.

    For a process of its own. Raises MutationError.
    """
    name = f"tickgate_hdl.{mutation.module}"
    spec = importlib.util.find_spec(name)
    source = Path(spec.origin).read_text()
    if source.count(mutation.old) != 1:
        raise MutationError(
            f"{mutation.name}: {mutation.old!r} must be in {name} once, "
            f"was {source.count(mutation.old)} times")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    exec(compile(source.replace(mutation.old, mutation.new), spec.origin, "exec"), module.__dict__)
