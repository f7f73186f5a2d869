"""Replay: an ITCH 5.0 file through the Verilated gateware, and what that makes of it.

Here: reading and scanning the file (``source``), packets and frames (``packets``), what they run on
(``engines``), the runs (``passes``), the result (``report``) and the command (``cli``). Not here:
any book or decoder of its own; the numbers are the gateware's.
"""

from tickgate_sim.replay.passes import ReplayError, replay
from tickgate_sim.replay.report import Report
from tickgate_sim.replay.source import SourceError

__all__ = ["ReplayError", "Report", "SourceError", "replay"]
