"""The simulated exchange: a deterministic venue that speaks real wire protocols.

In here, from the inside out:

- ``events``, ``orderbook``, ``matching``: price-time matching, no I/O, no clock, no randomness;
- ``feed``, ``mold``: engine events to ITCH 5.0 messages, messages to MoldUDP64 packets;
- ``ports``, ``desk``, ``records``: what a client account owns, OUCH 5.0 in and out, and the
  exchange's own books about each account;
- ``background``: seeded order flow that keeps the books alive;
- ``status``: which status messages are in force;
- ``core``: all of the above joined, still without I/O (time is an argument); ``record`` runs it in
  virtual time into a file;
- ``impairment``: what a bad network does to a line of the feed, decided by a seed;
- ``multicast``, ``lines``: the feed's way out; ``rerequest``: lost messages again;
- ``soup``: a SoupBinTCP server, on which ``gateway`` (OUCH) and ``glimpse`` (snapshots) stand;
- ``config``, ``admin``, ``server``: the asyncio process around it.

Not in here: anything that knows about the card, the host engine or their limits. The exchange
must stay a fair counterparty, so it shares only the wire tables (``tickgate.protocols``) with
the product.
"""
