"""The flow behind ``make prove``: what is proved of the gate, for every input and for all time.

Here: the properties (``accumulator``, ``limits``, ``gate_claims``, ...), the table of them
(``catalogue``), reaching what is inside a component (``opened``), planting faults
(``mutation``), induction with Yosys and Yices (``induction``), the table and
``build/prove.json``. Not here: gateware of the card. See ``docs/proofs.md``.
"""
