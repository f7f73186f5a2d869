"""The card's network: how its frames and its order-entry stream reach ordinary sockets.

Here: the broker that hands the card its descriptors (``broker``), the two ways to an exchange in
another process (``namespace``: a TAP in a network namespace; ``relay``: multicast on loopback made
into frames), the sockets that the host needs at an exchange in a namespace (``sockets``), building
of frames (``frames``) and recording them (``pcap``). Not here: the exchange, and what frames mean.
"""
