"""The market data feed in the card: MoldUDP64, ITCH 5.0, and the whole way from frame to best bid
and offer.

Here: what the feed's protocols mean. Not here: Ethernet to UDP (``net``), orders and levels
(``book``).
"""

from tickgate_hdl.feed.feed import Feed
from tickgate_hdl.feed.feed_book import FeedBook

__all__ = ["Feed", "FeedBook"]
