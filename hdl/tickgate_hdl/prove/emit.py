"""Writes the RTLIL of one proof: ``python -m tickgate_hdl.prove.emit NAME FAULT FILE``.

``FAULT`` is the number of a planted fault, -1 = none. A process of its own, because a module with
a fault in it must not be seen by other proofs.
"""

import sys
import warnings
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Assume, Module, ResetSignal, UnusedElaboratable, Value

from tickgate_hdl.lib.memories import collisions_undefined
from tickgate_hdl.prove.catalogue import PROOFS
from tickgate_hdl.prove.mutation import plant

__all__ = ["rtlil_of"]

def rtlil_of(proof):
    """Return the RTLIL of component and property, top module ``top``."""
    m = Module()
    inputs = proof.make(m)
    m.d.comb += Assume(~ResetSignal())
    ports = [value for value in map(Value.cast, inputs) if len(value)]
    with collisions_undefined():
        return rtlil.convert(m, name="top", ports=ports, emit_src=False)


if __name__ == "__main__":
    name, fault, path = sys.argv[1:]
    warnings.simplefilter("ignore", UnusedElaboratable)  # what ``Opened.cut`` replaces
    proof = PROOFS[name]
    if int(fault) >= 0:
        plant(proof.mutations[int(fault)])
    Path(path).write_text(rtlil_of(proof))
