"""The register bank, built from the generated map ``tickgate.card.registers``."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["CsrBank", "CsrBus"]


class CsrBus(wiring.Signature):
    """A 32-bit register bus without wait states; one access a cycle.

    Members
    -------
    address : :py:`Out(16)`
        Byte offset in the BAR; bits 1:0 are zero.
    write, read : :py:`Out(1)`
        Strobes of an access; never both.
    data, strobe : :py:`Out(32)`, :py:`Out(4)`
        Word to write and its byte enables.
    read_data : :py:`In(32)`
        The word read, in the cycle after ``read``; 0 where the target has no register.
    """

    def __init__(self):
        super().__init__({
            "address": Out(16),
            "write": Out(1),
            "read": Out(1),
            "data": Out(32),
            "strobe": Out(4),
            "read_data": In(32),
        })


def _ports(registers):
    ports = {"bus": In(CsrBus())}
    for register in registers:
        for field in register.fields:
            name = f"{register.name}__{field.name}"
            if field.hardware == "w":
                ports[name] = In(field.width)
            elif field.hardware != "na":
                ports[name] = Out(field.width)
            if field.hardware == "rw":
                ports[f"{name}__next"] = In(field.width)
                ports[f"{name}__next__we"] = In(1)
            if field.swmod:
                ports[f"{name}__we"] = Out(1)
            if field.swacc:
                ports[f"{name}__acc"] = Out(1)
    return ports


class CsrBank(wiring.Component):
    """Hold the registers that software writes and show those that the gateware writes.

    A port per field, named ``<register>__<field>``: an output for what the gateware reads (a
    ``singlepulse`` field is 1 for one cycle, the cycle after the write), an input for what it
    writes. With it, where the declaration says so: ``__we`` (``swmod``), one cycle after each
    write of any byte of the field, with the new value; ``__next`` and ``__next__we`` (hardware
    may write too; a write by software in the same cycle wins); ``__acc`` (``swacc``), in the cycle
    of the read. A read of a ``swacc`` register ``X_low`` latches what ``X_high`` shows.

    Parameters
    ----------
    registers : tuple of ``tickgate.card.regmap.Register``
        What to build.
    """

    def __init__(self, registers):
        self._registers = registers
        super().__init__(_ports(registers))

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        lanes = Cat(bit.replicate(8) for bit in bus.strobe)
        latched = self._latched_words(m)
        shown = Signal(32)
        with m.Switch(bus.address[2:]):
            for register in self._registers:
                with m.Case(register.offset >> 2):
                    m.d.comb += shown.eq(latched.get(register.name, self._shown(register)))
        m.d.sync += bus.read_data.eq(Mux(bus.read, shown, 0))
        for register in self._registers:
            selected = self._selects(register)
            for field in register.fields:
                if "w" in field.access:
                    self._store(m, register, field, selected & bus.write, lanes)
                if field.swacc:
                    acc = getattr(self, f"{register.name}__{field.name}__acc")
                    m.d.comb += acc.eq(selected & bus.read)
        return m

    def _selects(self, register):
        """Return whether a register is addressed.

        As a comparison: of a signal that each case of one switch sets, the Verilog has the whole
        switch, once for each register, and Verilator takes a minute and a half over them.
        """
        return self.bus.address[2:] == register.offset >> 2

    def _store(self, m, register, field, writing, lanes):
        """Give a field that software writes its flip-flops."""
        name = f"{register.name}__{field.name}"
        port = getattr(self, name)
        bits = slice(field.lsb, field.lsb + field.width)
        data, mask = self.bus.data[bits], lanes[bits]
        value = Signal(field.width, init=field.reset, name=f"{name}__stored")
        m.d.comb += port.eq(value)
        if field.pulse:
            m.d.sync += value.eq(Mux(writing, data & mask, 0))
            return
        if field.hardware == "rw":
            with m.If(getattr(self, f"{name}__next__we")):
                m.d.sync += value.eq(getattr(self, f"{name}__next"))
        with m.If(writing):
            m.d.sync += value.eq((value & ~mask) | (data & mask))
        if field.swmod:
            strobe = Signal(name=f"{name}__written")
            m.d.sync += strobe.eq(writing & mask.any())
            m.d.comb += getattr(self, f"{name}__we").eq(strobe)

    def _shown(self, register):
        """Value that software reads: the fields in their places, 0 elsewhere."""
        parts, at = [], 0
        for field in sorted(register.fields, key=lambda field: field.lsb):
            parts.append(Const(0, field.lsb - at))
            if field.pulse or "r" not in field.access:
                parts.append(Const(0, field.width))
            elif field.hardware == "na":
                parts.append(Const(field.reset, field.width))
            else:
                parts.append(getattr(self, f"{register.name}__{field.name}"))
            at = field.lsb + field.width
        return Cat(parts)

    def _latched_words(self, m):
        """High words that are frozen by a read of their low words, by register name."""
        by_name = {register.name: register for register in self._registers}
        latched = {}
        for register in self._registers:
            if any(field.swacc for field in register.fields):
                high = by_name[register.name.removesuffix("_low") + "_high"]
                word = Signal(32, name=f"{high.name}__latched")
                with m.If(self.bus.read & self._selects(register)):
                    m.d.sync += word.eq(self._shown(high))
                latched[high.name] = word
        return latched
