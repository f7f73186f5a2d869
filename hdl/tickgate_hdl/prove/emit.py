"""Writes the RTLIL of one proof: ``python -m tickgate_hdl.prove.emit NAME FAULT FILE``.

``FAULT`` is the number of a planted fault, -1 = none. A process of its own, because a module with
a fault in it must not be seen by other proofs.
"""

import re
import sys
import warnings
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Assume, Module, ResetSignal, UnusedElaboratable, Value

from tickgate_hdl.prove.catalogue import PROOFS
from tickgate_hdl.prove.mutation import plant

__all__ = ["rtlil_of"]

_READ = re.compile(r"cell \$memrd_v2.*?\n  end\n", re.DOTALL)
_OTHER = str.maketrans("01", "10")


def rtlil_of(proof):
    """Return the RTLIL of component and property, top module ``top``."""
    m = Module()
    inputs = proof.make(m)
    m.d.comb += Assume(~ResetSignal())
    ports = [value for value in map(Value.cast, inputs) if len(value)]
    text = rtlil.convert(m, name="top", ports=ports, emit_src=False)
    return _READ.sub(_collides, text)


def _collides(read):
    """Let a row that is written while it is read give anything, as ``-no-rw-check`` lets it."""
    if "CLK_ENABLE 1" not in read[0]:
        return read[0]
    transparent = re.search(r"TRANSPARENCY_MASK \d+'([01]*)", read[0])[1]
    return re.sub(r"(COLLISION_X_MASK \d+')[01]*",
                  lambda mask: mask[1] + transparent.translate(_OTHER), read[0])


if __name__ == "__main__":
    name, fault, path = sys.argv[1:]
    warnings.simplefilter("ignore", UnusedElaboratable)  # what ``Opened.cut`` replaces
    proof = PROOFS[name]
    if int(fault) >= 0:
        plant(proof.mutations[int(fault)])
    Path(path).write_text(rtlil_of(proof))
