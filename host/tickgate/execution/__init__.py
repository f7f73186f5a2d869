"""Execution: what an order is, which states it goes through, and what its client is told.

Here: the state table, orders and their chains, the answers to client requests and to what gate and
venue say. Pure state: no sockets, no clock, no card. Not here: FIX text (``tickgate.fix``),
positions (``tickgate.positions``), who carries requests and reports (``tickgate.engine``).
"""
