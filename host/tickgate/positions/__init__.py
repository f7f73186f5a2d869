"""Positions: shares, cost, cash and profit per account and symbol, in exact integers.

Here: the ledger of one account and symbol (first in first out, or average cost) and the book of
all ledgers. Not here: where fills come from (``tickgate.execution``) and what a position may be
(``tickgate.risk``).
"""
