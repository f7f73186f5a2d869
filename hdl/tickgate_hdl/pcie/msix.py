"""The MSI-X table and pending bits in the BAR, and the hard block's external interrupt mode."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.csr import CsrBus

__all__ = ["MsixPort", "MsixTable"]

_Entry = StructLayout({"address": 64, "data": 32, "control": 32})
_MASK = 1
_CONTROL_BYTE = 12


class MsixPort(wiring.Signature):
    """The hard block's ``cfg_interrupt_msix_*`` signals, seen from the card.

    Source: AMD PG213, v1.3, "MSI-X Interrupt External Interface".

    Members
    -------
    enable, mask : In(4)
        MSI-X enabled, function masked, for each function; the card is function 0.
    address, data, int : Out
        Message of the interrupt to send, and the strobe to send it.
    sent, fail : In(1)
        Strobes: the interrupt was sent, could not be sent.
    """

    def __init__(self):
        super().__init__({
            "enable": In(4), "mask": In(4), "address": Out(64), "data": Out(32), "int": Out(1),
            "sent": In(1), "fail": In(1),
        })


class MsixTable(wiring.Component):
    """Keep the MSI-X table of the card's vectors and send interrupts.

    A request that may not be sent now (vector or function masked) stays pending and is sent when
    it may be; further requests of the vector join it. One that the hard block could not send is
    sent again. Without MSI-X enabled requests are dropped. All vectors are masked after reset.

    Parameters
    ----------
    vectors : int
        Number of vectors.

    Members
    -------
    table, pending : ``CsrBus``
        Accesses to the table (16 bytes a vector) and to the pending bits; addresses count from
        their starts.
    request : In(vectors)
        Strobes.
    port : ``MsixPort``
        The hard block.
    busy : Out(1)
        An interrupt is being sent.
    """

    def __init__(self, vectors):
        self._vectors = vectors
        super().__init__({
            "table": In(CsrBus()), "pending": In(CsrBus()), "request": In(vectors),
            "port": Out(MsixPort()), "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        entries = Signal(ArrayLayout(_Entry, self._vectors),
                         init=[{"control": _MASK}] * self._vectors)
        pending = Signal(self._vectors)

        bus = self.table
        lanes = Cat(bit.replicate(8) for bit in bus.strobe)
        word = Signal(32)
        for number in range(self._vectors):
            for offset in range(0, 16, 4):
                place = entries.as_value()[8 * (16 * number + offset):][:32]
                implemented = _MASK if offset == _CONTROL_BYTE else 0xFFFF_FFFF
                with m.If(bus.address[2:] == (16 * number + offset) >> 2):
                    m.d.comb += word.eq(place)
                    with m.If(bus.write):
                        m.d.sync += place.eq(
                            ((place & ~lanes) | (bus.data & lanes)) & implemented)
        m.d.sync += [bus.read_data.eq(0), self.pending.read_data.eq(0)]
        with m.If(bus.read):
            m.d.sync += bus.read_data.eq(word)
        with m.If(self.pending.read & (self.pending.address[2:] == 0)):
            m.d.sync += self.pending.read_data.eq(pending)

        port = self.port
        allowed, chosen = Signal(self._vectors), Signal(range(self._vectors))
        sending, cleared, failed = (Signal(self._vectors if n != "sending" else 1, name=n)
                                    for n in ("sending", "cleared", "failed"))
        m.d.comb += self.busy.eq(sending | allowed.any())
        for number in reversed(range(self._vectors)):
            masked = entries[number].control[0] | port.mask[0]
            m.d.comb += allowed[number].eq(pending[number] & ~masked & port.enable[0])
            with m.If(allowed[number]):
                m.d.comb += chosen.eq(number)
        m.d.sync += port.int.eq(0)
        current = Signal(range(self._vectors))
        with m.If(sending):
            with m.If(port.fail):
                m.d.comb += failed.eq(1 << current)
            with m.If(port.fail | port.sent):
                m.d.sync += sending.eq(0)
        with m.Elif(allowed.any()):
            m.d.comb += cleared.eq(1 << chosen)
            m.d.sync += [
                sending.eq(1),
                current.eq(chosen),
                port.int.eq(1),
                port.address.eq(entries[chosen].address),
                port.data.eq(entries[chosen].data),
            ]
        with m.If(port.enable[0]):
            m.d.sync += pending.eq((pending & ~cleared) | failed | self.request)
        with m.Else():
            m.d.sync += pending.eq(0)
        return m
