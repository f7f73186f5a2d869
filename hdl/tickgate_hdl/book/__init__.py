"""The limit order book in the card: exact best bid and offer of each tracked symbol.

Here: symbols by text and locate, the order table, price levels, and the sequence that applies a
command. Not here: where commands come from (``feed``), what is done with the best bid and offer
(``risk``, rings).
"""

from tickgate_hdl.book.book import Book
from tickgate_hdl.book.layouts import BookCommand

__all__ = ["Book", "BookCommand"]
