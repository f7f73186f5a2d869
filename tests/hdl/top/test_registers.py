# amaranth: UnusedElaboratable=no
"""Joining registers by name: what is forgotten or doubled is an error, not a zero."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from tickgate.card.regmap import Register, RegisterField
from tickgate_hdl.lib.csr import CsrBank
from tickgate_hdl.top.registers import connect_registers

BANK = (Register("one", 0, (RegisterField("shown", 0, 8, "r", "w", 0, ""),
                            RegisterField("kept", 8, 8, "rw", "r", 0, "")), ""),)


class Block(wiring.Component):
    def __init__(self, **members):
        super().__init__(members)


def join(blocks, values):
    connect_registers(Module(), CsrBank(BANK), blocks, values)


def test_one_driver_each_is_right():
    join([Block(one__shown=Out(8), one__kept=In(8)), Block(one__kept=In(8))], {})
    join([], {"one__shown": 3})


@pytest.mark.parametrize(("blocks", "values", "says"), [
    ([], {}, "one__shown must have one driver, not 0"),
    ([Block(one__shown=Out(8)), Block(one__shown=Out(8))], {}, "must have one driver, not 2"),
    ([Block(one__shown=Out(8))], {"one__shown": 1}, "must have one driver, not 2"),
    ([Block(one__shown=Out(8), one__kept=Out(8))], {}, "one__kept is an output of"),
    ([], {"one__shown": 1, "one__shwon": 1}, "no register field is called one__shwon"),
])
def test_anything_else_is_refused(blocks, values, says):
    with pytest.raises(ValueError, match=says):
        join(blocks, values)
