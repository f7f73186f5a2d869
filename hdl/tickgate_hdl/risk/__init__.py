"""The risk gate: limits image, checks, exposure, kill switches, watchdog; one operation at a time.

Here: what decides about an order and what the decision stands on. Not here: wire formats and the
venue session (``tickgate_hdl.entry``), rings and registers (``tickgate_hdl.pcie``, ``lib.csr``).
"""
