"""The latencies that ``make bench`` reports of the MAC."""

from tickgate_hdl.net.mac_receive import MacReceive
from tickgate_hdl.net.mac_transmit import MacTransmit
from tickgate_sim.bench import mac


def test_the_mac_is_as_fast_as_it_says():
    assert mac.measure() == {
        "mac.rx_cycles": 4, "mac.rx_cycles.lane_0": 3, "mac.rx_cycles.lane_4": 4,
        "mac.tx_cycles": 1}
    assert (MacReceive.latency, MacTransmit.latency) == (3, 1)
