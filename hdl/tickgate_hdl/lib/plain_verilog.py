"""A component as Verilog for simulators: ``plain_verilog``."""

import gc
from contextlib import contextmanager

from amaranth.back import verilog

from tickgate_hdl.lib.memories import zeros_left_out

__all__ = ["plain_verilog"]


def plain_verilog(component, name):
    """Return a component as Verilog module ``name``.

    Without places in the sources, which are paths of this machine, and without initial zeros of
    memories: what starts as 0 our gateware has to sweep itself.
    """
    with zeros_left_out(), _uncollected():
        return verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)


@contextmanager
def _uncollected():
    """Look for no garbage meanwhile.

    Amaranth makes millions of small objects that are all in use until the end, and looking through
    them again and again takes a quarter of the time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
