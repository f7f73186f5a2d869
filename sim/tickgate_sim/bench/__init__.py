"""The figures behind ``make bench``: what feed, book and gate sustain, how long they take, how fast
they are simulated.

Here: traffic of given mixes, the measurements, the report. Not here: gateware, the harness
(``fast``), place and route (``tickgate_hdl.timing``).
"""
