"""The market data feed in the card: MoldUDP64 on two lines, arbitration and recovery, and the
whole way from frame to best bid and offer.

Here: what the feed's protocols mean. Not here: Ethernet to UDP (``net``), messages to orders and
levels (``book``).
"""
