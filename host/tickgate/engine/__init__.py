"""The engine: the one process that takes orders in and owns all state.

Here: the deterministic core (``core``: journalled inputs to effects) and the shell around it that
does all input and output (FIX connections, the card, commands, timers). Not here: what an order or
a position is (``tickgate.execution``, ``tickgate.positions``), FIX itself (``tickgate.fix``), the
card's registers (``tickgate.card``), pages (``tickgate.console``).
"""
