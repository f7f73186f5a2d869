"""Counts LUT levels: the most LUTs in a row between registers, memories and ports of a netlist.

Walks the netlist that Yosys mapped to UltraScale+ cells. What counts as a level:

- each LUT1 to LUT6 and each INV (which a real tool makes a LUT or absorbs) on the way: 1 level;
- reading a memory made of LUTs, or the tap of a shift register made of LUTs, by an address that
  comes from logic: 1 level;
- carry cells, wide multiplexers (MUXF7 to MUXF9) and multipliers without registers: no LUT level.
  They are counted apart, in ``others``.

A path starts at a flip-flop, a block or ultra RAM, a memory of LUTs written before, or an input
port; it ends at any input of such a cell but its clock (data, enable, reset, address), or at an
output port.
"""

import re
from dataclasses import dataclass

__all__ = ["LevelsError", "Path", "deepest_paths"]

_LUT = re.compile(r"LUT[1-6]|INV")
_CARRY = re.compile(r"CARRY[48]")
_MUX = re.compile(r"MUXF[789]")
_REGISTER = re.compile(r"FD[CPRS]E|RAMB(18|36)E2|URAM288|LDCE|LDPE")
_SHIFT = re.compile(r"SRL16E|SRLC16E|SRLC32E")
_LUT_RAM = re.compile(r"RAM\d+(X\d+[DS]\d*|M\d*|X16DR8|X8SW)")
_CLOCKS = re.compile(r"C|G|W?CLK|CLKARDCLK|CLKBWRCLK")


class LevelsError(Exception):
    """A netlist cannot be walked: a cell of unknown type, or a loop without a register."""


@dataclass(frozen=True)
class Path:
    """A path between two registers, memories or ports."""

    luts: int
    """LUTs in a row."""
    others: int
    """Carry cells, wide multiplexers and multipliers in that row."""
    start: str
    """The net that it starts at; of a memory, with its type."""
    end: str
    """The register, memory or port that it ends at, and at which input."""
    nets: tuple[str, ...]
    """What lies between: the named nets, in order."""


def _bits(connection):
    return [bit for bit in connection if isinstance(bit, int)]


def _inputs(cell, wanted=lambda port: True):
    return [bit for port, connection in cell["connections"].items()
            if cell["port_directions"][port] == "input" and wanted(port)
            for bit in _bits(connection)]


def _outputs(cell):
    return [(port, bit) for port, connection in cell["connections"].items()
            if cell["port_directions"][port] == "output" for bit in _bits(connection)]


def _carry_arcs(cell):
    """Yield each output of a carry cell with the inputs that reach it: those below it."""
    pins = cell["connections"]
    for port, reach in (("O", 0), ("CO", 1)):
        for index, bit in enumerate(pins.get(port, [])):
            if isinstance(bit, int):
                below = [*pins["S"][:index + 1], *pins["DI"][:index + reach]]
                for carry_in in ("CI", "CI_TOP", "CYINIT"):
                    below += pins.get(carry_in, [])
                yield bit, _bits(below)


def _lut_ram_arcs(cell):
    """Yield each output of a memory made of LUTs with the address that it is read by."""
    for port, bit in _outputs(cell):
        if port.startswith("DO"):
            address = rf"ADDR{port[2:]}"
        elif port == "DPO":
            address = r"DPRA\d*"
        else:
            address = r"A\d*"
        yield bit, _inputs(cell, lambda name, address=address: re.fullmatch(address, name))


def _multiplier_arcs(cell):
    """Yield the outputs of a DSP48E2 with the inputs that reach them past no register."""
    def registered(name):
        return int(cell["parameters"].get(name, "1"), 2) != 0

    if registered("PREG"):
        return
    open_ports = [port for port, register in (("A", "AREG"), ("B", "BREG"), ("D", "DREG"))
                  if not registered(register) and not registered("MREG")]
    if not registered("CREG"):
        open_ports.append("C")
    open_ports += ["PCIN", "ACIN", "BCIN"]
    inputs = _inputs(cell, lambda name: name in open_ports)
    for _, bit in _outputs(cell):
        yield bit, inputs


def _arcs(name, cell):
    """Return the combinational arcs of a cell, and whether one is a LUT level."""
    kind = cell["type"]
    if _LUT.fullmatch(kind):
        return [(bit, _inputs(cell)) for _, bit in _outputs(cell)], 1
    if _MUX.fullmatch(kind):
        return [(bit, _inputs(cell)) for _, bit in _outputs(cell)], 0
    if _CARRY.fullmatch(kind):
        return list(_carry_arcs(cell)), 0
    if _SHIFT.fullmatch(kind):
        tap = _inputs(cell, lambda port: re.fullmatch(r"A\d?", port))
        return [(bit, tap) for port, bit in _outputs(cell) if port == "Q" and tap], 1
    if _LUT_RAM.fullmatch(kind):
        return list(_lut_ram_arcs(cell)), 1
    if kind == "DSP48E2":
        return list(_multiplier_arcs(cell)), 0
    if _REGISTER.fullmatch(kind) or kind == "$scopeinfo":
        return [], 0
    raise LevelsError(f"cell {name} must be of a type with known paths, was {kind}")


class _Walk:
    """The arcs of a netlist, and the deepest way to each net."""

    def __init__(self, netlist):
        self._driver = {}
        for name, cell in netlist["cells"].items():
            arcs, level = _arcs(name, cell)
            for bit, inputs in arcs:
                self._driver[bit] = (inputs, level)
        self._depth = {}
        self._before = {}
        self._names = {}
        for name, net in sorted(netlist["netnames"].items(), key=lambda item: len(item[0])):
            if not net.get("hide_name"):
                for index, bit in enumerate(net["bits"]):
                    label = name if len(net["bits"]) == 1 else f"{name}[{index}]"
                    self._names.setdefault(bit, label)

    def name(self, bit):
        """Return the shortest name of a net that the source gave it, or None."""
        return self._names.get(bit)

    def depth(self, bit):
        """Return (LUTs, other cells) of the deepest path to a net."""
        stack, entered = [bit], set()
        while stack:
            top = stack[-1]
            if top in self._depth:
                stack.pop()
                continue
            inputs, level = self._driver.get(top, ((), 0))
            waiting = [one for one in inputs if one not in self._depth]
            if waiting:
                if top in entered:
                    where = self._names.get(top, top)
                    raise LevelsError(f"net {where} must not depend on itself without a register")
                entered.add(top)
                stack += waiting
                continue
            if inputs:
                before = max(inputs, key=self._depth.__getitem__)
                luts, others = self._depth[before]
                self._before[top] = before
                self._depth[top] = (luts + level, others + 1 - level)
            else:
                self._depth[top] = (0, 0)
            stack.pop()
        return self._depth[bit]

    def way(self, bit):
        """Return the nets of the deepest path to ``bit``, first its start."""
        self.depth(bit)
        way = [bit]
        while way[-1] in self._before:
            way.append(self._before[way[-1]])
        return way[::-1]


def _ends(netlist, walk):
    """Yield each end of a path: net, name of where it ends."""
    for name, port in netlist["ports"].items():
        if port["direction"] == "output":
            for index, bit in enumerate(port["bits"]):
                if isinstance(bit, int):
                    yield bit, f"{name}[{index}] (port)"
    for name, cell in netlist["cells"].items():
        kind = cell["type"]
        if _LUT.fullmatch(kind) or _MUX.fullmatch(kind) or _CARRY.fullmatch(kind):
            continue
        through = set()
        if kind == "DSP48E2":
            through = {bit for _, inputs in _multiplier_arcs(cell) for bit in inputs}
        label = next((walk.name(bit) for _, bit in _outputs(cell) if walk.name(bit)), None) or name
        for port, connection in cell["connections"].items():
            if cell["port_directions"][port] == "input" and not _CLOCKS.fullmatch(port):
                for bit in _bits(connection):
                    if bit not in through:
                        yield bit, f"{label} ({kind} {port})"


def deepest_paths(netlist, count=1):
    """Return the paths with the most LUTs in a row, deepest first, one per end point.

    ``netlist`` is the flat module of Yosys' JSON. Bits of one vector count as one end point. No
    path at all gives an empty list.

    Raises LevelsError for a cell of unknown type or a combinational loop.
    """
    walk = _Walk(netlist)
    source = {bit: (name, cell["type"])
              for name, cell in netlist["cells"].items() for _, bit in _outputs(cell)}
    deepest = {}
    for bit, end in _ends(netlist, walk):
        vector = re.sub(r"\[\d+\]", "", end)
        depth = walk.depth(bit)
        if vector not in deepest or depth > deepest[vector][0]:
            deepest[vector] = (depth, bit, end)
    paths = []
    for (luts, others), bit, end in sorted(
            deepest.values(), key=lambda item: (item[0], item[2]), reverse=True)[:count]:
        way = walk.way(bit)
        cell, kind = source.get(way[0], (None, "port"))
        start = walk.name(way[0]) or cell or "unnamed"
        paths.append(Path(
            luts, others, start if kind.startswith("FD") else f"{start} ({kind})", end,
            tuple(walk.name(one) for one in way[1:] if walk.name(one))))
    return paths
