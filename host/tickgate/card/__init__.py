"""The host's side of the card: registers, rings and the driver that joins them.

Here: the register file's declaration (``tickgate_card.rdl``) and the map generated from it
(``registers``), what the driver needs of a bus (``protocols``), the driver (``driver``, with
``rings`` and ``limits``), and the bus of the simulated card (``simulated``, ``mailbox``). Not here:
what an order means, which limits are wise (``tickgate.risk``), and anything that makes a simulated
card run (``tickgate_sim.card``).
"""
