"""The card on a modelled PCIe bus: cocotbext-pcie's root complex and UltraScale+ hard block."""

import logging

from cocotbext.axi import AxiStreamBus
from cocotbext.pcie.core import RootComplex
from cocotbext.pcie.xilinx.us import UltraScalePlusPcieDevice
from tickgate_hdl.pcie.block import MSIX_PENDING, MSIX_TABLE

__all__ = ["CardBus"]

_BAR_BYTES = 1 << 16
_REGION_BYTES = 1 << 18


class CardBus:
    """Enumerates the card, reaches its registers and gives it host memory.

    ``memory`` is host memory that the card may reach, from bus address ``base`` on.
    """

    def __init__(self, dut):
        self.root = RootComplex()
        self.device = UltraScalePlusPcieDevice(
            pcie_generation=3, pcie_link_width=8, user_clk_frequency=250e6, alignment="dword",
            pf0_msix_enable=True, pf0_msix_table_size=1, pf0_msix_table_bir=0,
            pf0_msix_table_offset=MSIX_TABLE, pf0_msix_pba_bir=0, pf0_msix_pba_offset=MSIX_PENDING,
            user_clk=dut.clk,
            **{f"{name}_bus": AxiStreamBus.from_prefix(dut, f"{name}_")
               for name in ("cq", "cc", "rq", "rc")},
            **{f"cfg_interrupt_msix_{name}": getattr(dut, f"cfg_interrupt_msix_{name}")
               for name in ("enable", "mask", "address", "data", "int", "sent", "fail")},
        )
        self._quieten()
        self.device.functions[0].configure_bar(0, _BAR_BYTES)
        self.root.make_port().connect(self.device)
        self.memory = self.root.mem_pool.alloc_region(_REGION_BYTES)
        self.base = self.memory.get_absolute_address(0)
        self.interrupts = [0, 0]
        self.function = None

    def _quieten(self):
        """Log text of every packet is most of a run's time."""
        device = self.device
        for part in (device, *device.functions, device.cq_source, device.cc_sink, device.rq_sink,
                     device.rc_source):
            part.log.setLevel(logging.ERROR)
        self.root.log.setLevel(logging.ERROR)
        logging.getLogger("cocotb.pcie").setLevel(logging.ERROR)

    async def enumerate(self):
        """Find the card, map its BAR, let it master the bus, give it two interrupts."""
        await self.root.enumerate()
        self.function = self.root.find_device(self.device.functions[0].pcie_id)
        await self.function.enable_device()
        await self.function.set_master()
        assert await self.function.alloc_irq_vectors(2, 2) == 2
        for vector in range(2):
            self.function.request_irq(vector, self._count(vector))

    def _count(self, vector):
        async def handler():
            self.interrupts[vector] += 1
        return handler

    @property
    def bar(self):
        """Window of BAR 0."""
        return self.function.bar_window[0]

    async def read(self, register):
        """Read a register."""
        return await self.bar.read_dword(register.offset)

    async def write(self, register, value):
        """Write a register; posted."""
        await self.bar.write_dword(register.offset, value)

    def pause(self, generators):
        """Pause the streams by cocotbext's generators, by name; None lets one run."""
        ends = {"cq": self.device.cq_source, "cc": self.device.cc_sink,
                "rq": self.device.rq_sink, "rc": self.device.rc_source}
        for name, end in ends.items():
            generator = generators.get(name)
            if generator is None:
                end.clear_pause_generator()
                end.pause = False
            else:
                end.set_pause_generator(generator)
