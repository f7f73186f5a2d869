"""Gateware layouts of the ring records, derived from ``tickgate.records.schema``."""

from functools import cache

from amaranth.hdl import signed, unsigned
from amaranth.lib.data import StructLayout
from tickgate.records.schema import WIDTHS, Record

__all__ = ["record_layout"]


@cache
def record_layout(record: Record) -> StructLayout:
    """Return the layout of a record's body: 384 bits, byte 8 of the slot in bits 7:0.

    Members have the names of the schema, in its order. Integers are little-endian, so they are
    plain numbers here (``i32`` signed); characters keep character 0 in the low bits.
    """
    shapes = {
        field.name: (signed if field.kind.startswith("i") else unsigned)(8 * WIDTHS[field.kind])
        for field in record.fields
    }
    return StructLayout(shapes)
