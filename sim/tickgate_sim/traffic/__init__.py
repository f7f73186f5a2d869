"""Seeded generators of input for tests: frames, packets and messages, well-formed and damaged.

Here: what goes into a block. Not here: what should come out (``models``), how it gets in (``bfm``).
"""
