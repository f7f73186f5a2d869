"""The host of Tickgate: everything that runs on the server beside the card.

Here: protocols, FIX, execution, journal, positions, risk limits, the card's driver, the engine and
the console.
Not here: gateware (``tickgate_hdl``) and anything that simulates (``tickgate_sim``); the host
imports neither.
"""
