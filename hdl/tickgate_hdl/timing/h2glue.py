from amaranth.hdl import Module, Signal, Value, Cat
from amaranth.lib.wiring import Out
from tickgate_hdl.risk.gate import Gate
def stub(component, source):
    m = Module()
    last = source
    for path, member, port in component.signature.flatten(component):
        value = Value.cast(port); n = "_".join(map(str, path))
        if not len(value): continue
        if member.flow is Out:
            r = Signal(len(value), name=f"from_{n}", reset_less=True)
            m.d.sync += r.eq(Cat(last, r)[:len(value)]); m.d.comb += value.eq(r); last = r[-1]
        else:
            q = Signal(len(value), name=f"to_{n}", reset_less=True, attrs={"keep": 1})
            m.d.sync += q.eq(value)
    return m
class Glue(Gate):
    def __init__(self, config, keep=("judge", "orders")):
        self._keep = keep
        super().__init__(config)
    def elaborate(self, platform):
        m = super().elaborate(platform); m._flush()
        for name, (inner, loc) in list(m._named_submodules.items()):
            if name not in self._keep: m._named_submodules[name] = (stub(inner, self.ms_tick), loc)
        return m
