"""FIX order entry as a sans-IO library: bytes and the time go in, bytes and events come out.

In here: the codec, the session layer of an acceptor, its message stores, the table of the protocol
version, and the order messages as typed values. Nothing here opens a socket, reads a clock or
starts a thread, so the same input always gives the same output; the engine owns all three.
Not in here: what an order means (``tickgate.execution``) and whether it may pass (the card).
"""
