"""Layouts that leave the network side."""

from amaranth.lib.data import StructLayout

__all__ = ["Arrival", "PayloadBeat", "StoredFrame"]

Arrival = StructLayout({"low": 32, "high": 32, "split": 4})
"""When the bytes of a payload beat came in: cycle stamps of the frame beats that they were in.

Bytes below number ``split`` came in a frame beat at cycle ``low``, the others in the next one, at
``high``. With it the latency of a message counts from the very beat that carried its last byte.
"""

PayloadBeat = StructLayout(
    {"data": 64, "keep": 8, "first": 1, "last": 1, "time_ns": 64, "arrival": Arrival}
)
"""Eight bytes of a datagram's payload; its first byte is in bits 7:0 of the first beat.

``keep`` is contiguous from bit 0, all ones except on ``last``; an empty datagram is one beat with
``keep`` 0. ``time_ns`` is the card's UTC clock at the frame's first beat, in ns.
"""

StoredFrame = StructLayout({"start": 16, "end": 16, "offset": 16, "length": 16, "time_ns": 64})
"""A frame that is stored and known to be good: beats ``start`` up to, not including, ``end``.

The payload is ``length`` bytes from byte ``offset`` of the frame.
"""
