"""Risk: the table of checks, the limit model, its compile to the card's limits image and its
upload.

Here: what a limit means and how it reaches the card. Not here: the gate itself (gateware,
``tickgate_hdl.risk``), registers and transports (``tickgate.card``), order state
(``tickgate.execution``).
"""
