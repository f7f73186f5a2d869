"""Long comparisons behind ``make soak``: what takes minutes and would hold up ``make test``.

Here: a million messages through the gateware against the golden model and peers that nobody here
wrote; a million orders through the gate against its golden model. Not here: what ``make test`` runs
on smaller input (``tests/``), timings (``bench``).
"""
