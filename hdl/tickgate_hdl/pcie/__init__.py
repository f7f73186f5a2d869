"""The card's side of PCIe: the UltraScale+ hard block's streams, the BAR, the rings, interrupts.

Here: completer (BAR accesses), requester (DMA), the three rings and the MSI-X table. Not here: what
the registers mean (``tickgate_hdl.top``) and the register bank (``tickgate_hdl.lib.csr``).
"""
