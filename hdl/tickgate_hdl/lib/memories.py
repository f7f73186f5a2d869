"""How memories are written when gateware is converted."""

from contextlib import contextmanager

from amaranth.back import rtlil

__all__ = ["zeros_left_out"]


@contextmanager
def zeros_left_out():
    """Let Amaranth write no initial content for memories in which every row is zero.

    There is no option for it, and text of 20 million zeros takes a minute to write and to remove.
    The method replaced is not public: pyproject.toml pins Amaranth, a test compares the result with
    what the public way gives.
    """
    emit = rtlil.ModuleEmitter.emit_memory

    def emit_unless_zero(self, index, cell):
        if any(cell.init):
            emit(self, index, cell)

    rtlil.ModuleEmitter.emit_memory = emit_unless_zero
    try:
        yield
    finally:
        rtlil.ModuleEmitter.emit_memory = emit
