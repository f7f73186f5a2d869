"""Joins the register bank with the blocks: ports of one name belong together."""

from amaranth.lib.wiring import In

__all__ = ["connect_registers"]


def connect_registers(m, bank, blocks, values):
    """Drive every register port of ``bank``'s inputs and hand its outputs to whoever has that port.

    An output goes to each of ``blocks`` with an input of its name. An input comes from the one
    block with an output of its name, or from ``values`` (a dict of names and values).

    Raises ValueError for an input that nobody or more than one drives, and for a name in ``values``
    that is no input: a register that is forgotten must not read 0 in silence.
    """
    unused = set(values)
    for name, member in bank.signature.members.items():
        if name == "bus":
            continue
        port = getattr(bank, name)
        owners = [block for block in blocks if name in block.signature.members]
        if member.flow is not In:
            for block in owners:
                if block.signature.members[name].flow is not In:
                    raise ValueError(f"{name} is an output of the register bank and of a block")
                m.d.comb += getattr(block, name).eq(port)
            continue
        drivers = [getattr(block, name) for block in owners]
        if name in values:
            drivers.append(values[name])
            unused.discard(name)
        if len(drivers) != 1:
            raise ValueError(f"{name} must have one driver, not {len(drivers)}")
        m.d.comb += port.eq(drivers[0])
    if unused:
        raise ValueError(f"no register field is called {', '.join(sorted(unused))}")
