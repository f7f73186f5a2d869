"""The whole card: ``Card`` joins the blocks, ``verilog`` writes it for simulators and synthesis.

Not here: what a block does. A new block is instanced and wired in ``card``; its registers find
their ports by name (``registers``).
"""
