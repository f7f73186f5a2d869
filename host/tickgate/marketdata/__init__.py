"""Market data on the host: the latest top of book, and its publication to other processes.

Here: the view that the engine keeps and the memory-mapped file that it publishes. Not here: how a
book is built (the card does that) and the wire formats (``tickgate.protocols``).
"""
