"""Streams and descriptors of the UltraScale+ PCIe hard block, 256 bits wide.

Source: AMD PG213, "UltraScale+ Devices Integrated Block for PCI Express", v1.3: descriptor formats
and ``tuser`` of the CQ, CC, RQ and RC interfaces; dword-aligned mode, no straddling.
"""

from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import RecordBody

__all__ = [
    "CC_TUSER",
    "CQ_BYTE_ENABLES",
    "CQ_DISCONTINUE",
    "CQ_TUSER",
    "RC_DISCONTINUE",
    "RC_TUSER",
    "RQ_TUSER",
    "AxiStream",
    "CompleterCompletion",
    "CompleterRequest",
    "Post",
    "ReadRequest",
    "RequestType",
    "RequesterCompletion",
    "RequesterRequest",
    "Status",
]

CQ_TUSER, CC_TUSER, RQ_TUSER, RC_TUSER = 88, 33, 62, 75
"""Widths of ``tuser``."""

CQ_BYTE_ENABLES = 8
"""First bit in CQ's ``tuser`` of the byte enables, one for each byte of the beat."""

CQ_DISCONTINUE = 41
"""Bit in CQ's ``tuser``: the packet was cut off by an error."""

RC_DISCONTINUE = 42
"""Bit in RC's ``tuser``: the packet was cut off by an error."""


class AxiStream(wiring.Signature):
    """AXI4-Stream of eight dwords as the hard block has it, seen from the sender.

    Member names are those of the hard block, so that ports come out as ``cq__tdata`` and so on.
    ``tkeep`` has a bit for each dword.

    Parameters
    ----------
    user : int
        Width of ``tuser``.
    """

    def __init__(self, user):
        super().__init__({
            "tdata": Out(256),
            "tkeep": Out(8),
            "tlast": Out(1),
            "tuser": Out(user),
            "tvalid": Out(1),
            "tready": In(1),
        })


class RequestType:
    """``request_type`` of a request descriptor."""

    MEMORY_READ = 0
    MEMORY_WRITE = 1
    FIRST_MESSAGE = 12


class Status:
    """Completion status."""

    SUCCESS = 0
    UNSUPPORTED = 1


CompleterRequest = StructLayout({
    "address_type": 2, "address": 62, "dwords": 11, "request_type": 4, "reserved_a": 1,
    "requester": 16, "tag": 8, "function": 8, "bar": 3, "aperture": 6, "traffic_class": 3,
    "attributes": 3, "reserved_b": 1,
})
"""Descriptor of a CQ packet; ``address`` counts dwords."""

CompleterCompletion = StructLayout({
    "lower_address": 7, "reserved_a": 1, "address_type": 2, "reserved_b": 6, "bytes": 13,
    "locked": 1, "reserved_c": 2, "dwords": 11, "status": 3, "poisoned": 1, "reserved_d": 1,
    "requester": 16, "tag": 8, "completer": 16, "completer_enable": 1, "traffic_class": 3,
    "attributes": 3, "reserved_e": 1,
})
"""Descriptor of a CC packet."""

RequesterRequest = StructLayout({
    "address_type": 2, "address": 62, "dwords": 11, "request_type": 4, "poisoned": 1,
    "requester": 16, "tag": 8, "completer": 16, "requester_enable": 1, "traffic_class": 3,
    "attributes": 3, "force_ecrc": 1,
})
"""Descriptor of an RQ packet; ``address`` counts dwords."""

RequesterCompletion = StructLayout({
    "lower_address": 12, "error": 4, "bytes": 13, "locked": 1, "completed": 1, "reserved_a": 1,
    "dwords": 11, "status": 3, "poisoned": 1, "reserved_b": 1, "requester": 16, "tag": 8,
    "completer": 16, "reserved_c": 1, "traffic_class": 3, "attributes": 3, "reserved_d": 1,
})
"""Descriptor of an RC packet; ``completed`` marks the last one of a request."""

Post = StructLayout({"address": 64, "sequence": 64, "record": RecordBody})
"""One slot to write to host memory: its bus address, its ring sequence and the record."""

ReadRequest = StructLayout({"address": 64, "tag": 8})
"""One slot to read from host memory."""
