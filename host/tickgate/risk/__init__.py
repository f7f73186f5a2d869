"""Risk: the tables of checks, the limit model, its compile to the card's limits image and its
upload, the host's own checks and the preview of the card's.

Here: what a limit means, how it reaches the card, what an account has used of it. Not here: the
gate itself (gateware, ``tickgate_hdl.risk``), registers and transports (``tickgate.card``), order
state (``tickgate.execution``).
"""
