"""Trading clients that speak FIX to the gateway over real sockets, and a stand-in to test them on.

In here: a small FIX 4.4 initiator with session logic of its own (so that the acceptor is not
tested against itself), traders with seeded behaviour that keep their own books, and an acceptor
that answers orders by itself. Not in here: anything that knows the engine's or the card's inside.
"""
