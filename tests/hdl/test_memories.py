"""How memories are written: what the context managers leave as the public way has it."""

from amaranth.back import rtlil
from amaranth.hdl import Module
from amaranth.lib.memory import Memory
from tickgate_hdl.lib.memories import collisions_undefined


def _text():
    m = Module()
    m.submodules.rows = rows = Memory(shape=8, depth=4, init=[1, 2, 3, 4])
    write = rows.write_port()
    plain, transparent, at_once = (
        rows.read_port(), rows.read_port(transparent_for=(write,)), rows.read_port(domain="comb"))
    ports = [write.addr, write.data, write.en]
    for port in (plain, transparent, at_once):
        ports += [port.addr, port.data]
    return rtlil.convert(m, name="top", ports=ports, emit_src=False)


def test_only_what_may_collide_is_undefined():
    public = _text()
    with collisions_undefined():
        text = _text()
    assert _text() == public, "it ends with the context"
    lines = zip(public.splitlines(), text.splitlines(), strict=True)
    changed, = (pair for pair in lines if pair[0] != pair[1])
    assert [line.split()[1:] for line in changed] == [
        ["\\COLLISION_X_MASK", "1'0"], ["\\COLLISION_X_MASK", "1'1"]]
