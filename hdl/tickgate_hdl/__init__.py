"""The card of Tickgate: gateware in Amaranth, one folder a block.

Here: what is synthesised. Not here: golden models, benches and the Verilated card
(``tickgate_sim``).
"""
