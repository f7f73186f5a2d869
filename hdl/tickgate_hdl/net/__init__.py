"""From Ethernet frames to datagrams: what is checked and stripped before a protocol of ours begins.

Here: Ethernet, 802.1Q, IPv4 and UDP reception. Not here: what is in the payload (``feed``), order
entry's byte stream (``entry``).
"""

from tickgate_hdl.net.layouts import PayloadBeat
from tickgate_hdl.net.udp import UdpReceive

__all__ = ["PayloadBeat", "UdpReceive"]
