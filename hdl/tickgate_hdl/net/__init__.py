"""The card's Ethernet edge: frames in and out, and which of them are datagrams of the feed.

Here: the 10G MAC; Ethernet, 802.1Q, IPv4 and UDP reception, cut-through; ARP and IGMP. Not here:
what is in the payload (``feed``), order entry's byte stream (``entry``).
"""
