"""Reads the card's SystemRDL file into the types of ``tickgate.card.regmap``."""

from pathlib import Path

import tickgate.card
from systemrdl import RDLCompiler
from systemrdl.node import RegNode
from tickgate.card.regmap import Register, RegisterField

__all__ = ["RDL_FILE", "load"]

RDL_FILE = Path(tickgate.card.__file__).parent / "tickgate_card.rdl"
"""The declaration of the card's registers."""


def _field(node):
    access = node.get_property("sw").name.replace("w1", "w")
    return RegisterField(
        name=node.inst_name,
        lsb=node.lsb,
        width=node.width,
        access=access,
        hardware=node.get_property("hw").name,
        reset=int(node.get_property("reset") or 0),
        doc=node.get_property("desc"),
        pulse=bool(node.get_property("singlepulse")),
        swmod=bool(node.get_property("swmod")),
        swacc=bool(node.get_property("swacc")),
    )


def load(path=RDL_FILE):
    """Return the registers of ``path`` in order of offset; of an array ``x`` they are ``x_0`` on.

    Raises systemrdl's RDLCompileError for a file that is no SystemRDL, ValueError for a register
    that the card cannot have: not 32 bits wide, or not described.
    """
    compiler = RDLCompiler()
    compiler.compile_file(str(path))
    registers = []
    for node in compiler.elaborate().descendants(unroll=True):
        if not isinstance(node, RegNode):
            continue
        if node.get_property("regwidth") != 32 or node.absolute_address % 4:
            raise ValueError(f"{node.get_path()} must be 32 bits wide at a multiple of 4")
        fields = tuple(_field(field) for field in node.fields())
        doc = node.get_property("desc")
        if not doc or not all(field.doc for field in fields):
            raise ValueError(f"{node.get_path()} and its fields must have a desc")
        name = "_".join((node.inst_name, *map(str, node.current_idx or ())))
        registers.append(Register(name, node.absolute_address, fields, doc))
    return tuple(sorted(registers, key=lambda register: register.offset))
