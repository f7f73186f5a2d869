"""The flow behind ``make timing``: how fast the gateware can be clocked, and how deep its logic is.

Here: which designs are measured (``designs``), the harness that a block is placed in, running
Yosys and nextpnr with a cache of their results, counting LUT levels, the table and
``build/timing.json``. Not here: gateware of the card, or what the card or its simulation needs.
"""
