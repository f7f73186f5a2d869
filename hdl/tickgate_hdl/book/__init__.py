"""The limit order book in the card: exact best bid and offer of each tracked symbol.

Here: decoding of ITCH messages, symbols by text and locate, the order table, price levels, status
flags, and the pipeline that applies messages. Not here: where messages come from (``feed``), what
is done with the best bid and offer (``risk``, rings).
"""
