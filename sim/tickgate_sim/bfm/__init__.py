"""Bus functional models for cocotb: what drives and watches the streams of a component under test.

Here: models of our own stream contract. Not here: models of foreign buses (cocotbext-*), checks of
meaning (those are in ``tickgate_sim.tb`` and ``tickgate_sim.models``).
"""

from tickgate_sim.bfm.stream import StreamMonitor, StreamSink, StreamSource, every, randomly

__all__ = ["StreamMonitor", "StreamSink", "StreamSource", "every", "randomly"]
