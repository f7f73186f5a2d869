"""How memories are written when gateware is converted.

There are no options for it. The methods replaced are not public: pyproject.toml pins Amaranth, and
tests compare the results with what the public way gives.
"""

from contextlib import contextmanager

from amaranth.back import rtlil
from amaranth.hdl import Const

__all__ = ["collisions_undefined", "zeros_left_out"]


@contextmanager
def _replaced(name, method):
    """Let Amaranth emit modules with ``method(before)`` in place of the method before."""
    before = getattr(rtlil.ModuleEmitter, name)
    setattr(rtlil.ModuleEmitter, name, method(before))
    try:
        yield
    finally:
        setattr(rtlil.ModuleEmitter, name, before)


def zeros_left_out():
    """Let Amaranth write no initial content for memories in which every row is zero.

    Text of 20 million zeros takes a minute to write and to remove.
    """
    def method(emit):
        def emit_unless_zero(self, index, cell):
            if any(cell.init):
                emit(self, index, cell)
        return emit_unless_zero

    return _replaced("emit_memory", method)


def collisions_undefined():
    """Let a row that is written while it is read give anything, as block RAM may.

    Amaranth's memories give the row as it was, for which an FPGA needs comparators, and
    multiplexers behind the memory. The gateware does not rely on it.
    """
    def method(emit):
        def emit_undefined(self, index, cell):
            emit(self, index, cell)
            parameters = next(reversed(self.builder.contents.values())).parameters
            if parameters["CLK_ENABLE"]:
                transparent = parameters["TRANSPARENCY_MASK"]
                ports = len(transparent)
                parameters["COLLISION_X_MASK"] = Const(
                    transparent.value ^ ((1 << ports) - 1), ports)
        return emit_undefined

    return _replaced("emit_read_port", method)
