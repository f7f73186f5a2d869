"""Both halves of the MAC under one top, so that one model serves all tests."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from tickgate_hdl.lib.layouts import FrameBeat
from tickgate_hdl.lib.stream import check_stream, connect_streams
from tickgate_hdl.net import mac_receive, mac_transmit

__all__ = ["MacTop"]


class MacTop(wiring.Component):
    """A receiver and a sender that have nothing to do with each other."""

    def __init__(self):
        super().__init__({
            "rx_data": In(64), "rx_control": In(8), "time_ns": In(64), "frame_time_ns": Out(64),
            "rx": Out(stream.Signature(FrameBeat)),
            "tx": In(stream.Signature(FrameBeat)), "tx_data": Out(64), "tx_control": Out(8),
            **{f"rx_{name}": Out(32) for name in mac_receive.COUNTERS},
            **{f"tx_{name}": Out(32) for name in mac_transmit.COUNTERS},
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.receive = receive = mac_receive.MacReceive()
        m.submodules.transmit = transmit = mac_transmit.MacTransmit()
        connect_streams(m, receive.o, self.rx)
        connect_streams(m, self.tx, transmit.i)
        check_stream(m, "rx", receive.o)
        m.d.comb += [
            receive.xgmii_data.eq(self.rx_data), receive.xgmii_control.eq(self.rx_control),
            receive.time_ns.eq(self.time_ns), self.frame_time_ns.eq(receive.frame_time_ns),
            self.tx_data.eq(transmit.xgmii_data), self.tx_control.eq(transmit.xgmii_control),
            *(getattr(self, f"rx_{name}").eq(getattr(receive, name))
              for name in mac_receive.COUNTERS),
            *(getattr(self, f"tx_{name}").eq(getattr(transmit, name))
              for name in mac_transmit.COUNTERS),
        ]
        return m
