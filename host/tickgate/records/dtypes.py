"""Numpy dtypes of the ring records: a ring's memory is an array of slots, read in place."""

import numpy as np

from tickgate.records.schema import BY_TEMPLATE, RECORDS, SLOT_BYTES, WIDTHS, Record

__all__ = ["BY_RECORD", "BY_TEMPLATE_DTYPE", "HEADER", "SLOT", "record_dtype"]

_CODES = {"u8": "u1", "u16": "<u2", "u32": "<u4", "u64": "<u8", "i32": "<i4"}

_HEADER_FIELDS = [
    ("block_length", "<u2"),
    ("template", "<u2"),
    ("schema", "<u2"),
    ("version", "<u2"),
]

HEADER = np.dtype(_HEADER_FIELDS)
"""The SBE message header at the start of every slot."""

SLOT = np.dtype([*_HEADER_FIELDS, ("body", "V48"), ("ring_sequence", "<u8")])
"""A slot whose template is not known yet."""


def _text_or_bytes(kind: str) -> str:
    return f"{'V' if kind.startswith('data') else 'S'}{WIDTHS[kind]}"


def record_dtype(record: Record) -> np.dtype[np.void]:
    """Return the dtype of a whole slot of ``record``: header fields, body fields, ring_sequence."""
    body = [(f.name, _CODES.get(f.kind) or _text_or_bytes(f.kind)) for f in record.fields]
    dtype = np.dtype([*_HEADER_FIELDS, *body, ("ring_sequence", "<u8")])
    if dtype.itemsize != SLOT_BYTES:
        raise ValueError(f"a slot is {SLOT_BYTES} bytes long, {record.name} has {dtype.itemsize}")
    return dtype


BY_RECORD = {record.name: record_dtype(record) for record in RECORDS}
"""Dtype of each record's slot by the record's name."""

BY_TEMPLATE_DTYPE = {template: BY_RECORD[record.name] for template, record in BY_TEMPLATE.items()}
"""Dtype of each record's slot by its template number."""
