"""Ring records against bytes written by hand, and every way a record can be wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.records import codec, schema
from tickgate.records.dtypes import BY_RECORD, HEADER, SLOT
from tickgate.records.messages import CLASSES, RECORD_OF, OrderRequest, TopOfBook

ORDER = {
    "user_ref_num": 0x01020304, "orig_user_ref_num": 0, "price": 1_234_500, "quantity": 300,
    "account": 2, "symbol": 7, "session": 1, "action": "O", "side": "B", "time_in_force": "0",
    "display": "Y", "capacity": "A", "intermarket_sweep": "N", "cross_type": "N",
    "clordid": "ORDER-1", "strategy": 31,
}
ORDER_SLOT = bytes.fromhex(
    "3800 0100 4754 0200"              # block length 56, template 1, schema 0x5447, version 1
    "04030201 00000000 44d61200 2c010000"
    "0200 0700 0100" "4f 42 30 59 41 4e 4e"
    "4f524445522d3120202020202020"     # ORDER-1, space padded to 14
    "1f 00000000"
    "0900000000000000"                 # ring sequence
)
BOOK_SLOT = bytes.fromhex(
    "3800 1400 4754 0200"
    "0300 54 01 10270000 74270000 64000000 c8000000 0200 0900"
    "04030201 0700 0800 00c0fe5c1c1f0000 ffffffffffffff7f"
    "ffffffffffffffff"
)


def test_order_request_has_the_bytes_of_the_document():
    body = codec.pack(schema.ORDER_REQUEST, **ORDER)
    assert codec.slot(schema.ORDER_REQUEST, body, 9) == ORDER_SLOT
    record, message = codec.unpack(ORDER_SLOT)
    assert record is schema.ORDER_REQUEST
    assert message == OrderRequest(**ORDER)
    assert codec.ring_sequence(ORDER_SLOT) == 9


def test_top_of_book_has_the_bytes_of_the_document():
    message = TopOfBook(
        symbol=3, trading_state="T", flags=1, bid=10_000, ask=10_100, bid_size=100, ask_size=200,
        merged=2, book_cycles=9, message=0x01020304, bid_orders=7,
        ask_orders=8, itch_time=0x1F1C5CFEC000,
        time_ns=(1 << 63) - 1,
    )
    assert codec.to_slot(message, (1 << 64) - 1) == BOOK_SLOT
    assert codec.unpack(memoryview(BOOK_SLOT)) == (schema.TOP_OF_BOOK, message)


def _text(kind):
    text = "x" * schema.WIDTHS[kind]
    return text.encode() if kind.startswith("data") else text


@pytest.mark.parametrize("record", schema.RECORDS, ids=lambda record: record.name)
def test_numpy_reads_what_the_codec_wrote(record):
    bounds = {"u8": 0xFE, "u16": 0xFEDC, "u32": 0xFEDCBA98, "u64": 0xFEDCBA9876543210, "i32": -5}
    values = {f.name: bounds.get(f.kind, _text(f.kind)) for f in record.fields}
    data = codec.slot(record, codec.pack(record, **values), 77)
    row = np.frombuffer(data, BY_RECORD[record.name])[0]
    assert (row["block_length"], row["template"], row["schema"], row["version"]) == (
        56, record.template, 0x5447, 2,
    )
    assert row["ring_sequence"] == 77
    for name, value in values.items():
        read = bytes(row[name]) if isinstance(value, bytes) else row[name]
        assert read == (value.encode() if isinstance(value, str) else value), name
        assert BY_RECORD[record.name].fields[name][1] == record.offset(name)


def test_a_slot_of_unknown_template_can_be_read_in_place():
    row = np.frombuffer(ORDER_SLOT, SLOT)[0]
    assert HEADER.itemsize == 8
    assert row["template"] == 1
    assert row["ring_sequence"] == 9


def test_every_template_has_a_class_of_its_declaration():
    assert {r.template for r in schema.RECORDS} == set(CLASSES)
    for template, cls in CLASSES.items():
        assert RECORD_OF[cls].template == template
        assert cls._fields == tuple(f.name for f in RECORD_OF[cls].fields)


@given(st.binary(min_size=48, max_size=48), st.sampled_from(schema.RECORDS))
def test_any_body_is_read_and_written_back(body, record):
    data = codec.slot(record, body, 1)
    _, message = codec.unpack(data)
    assert codec.to_slot(message, 1) == data


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"price": -1}, r"OrderRequest.price must be a u32, not -1"),
        ({"price": 1 << 32}, r"OrderRequest.price must be a u32"),
        ({"account": "x"}, r"OrderRequest.account must be a u16, not 'x'"),
        ({"side": "BB"}, r"OrderRequest.side must be one character, not 'BB'"),
        ({"side": ""}, r"OrderRequest.side must be one character"),
        ({"side": 66}, r"OrderRequest.side must be text, not 66"),
        ({"clordid": "fifteen letters"}, r"clordid must be at most 14 characters"),
        ({"clordid": "\u20ac"}, r"clordid must be Latin-1"),
        ({"colour": 1}, r"OrderRequest has no field colour"),
    ],
)
def test_a_value_that_does_not_fit_is_named(change, says):
    with pytest.raises(codec.RecordError, match=says):
        codec.pack(schema.ORDER_REQUEST, **(ORDER | change))


def test_a_missing_field_is_named():
    values = {name: value for name, value in ORDER.items() if name != "quantity"}
    with pytest.raises(codec.RecordError, match="OrderRequest needs a value for quantity"):
        codec.pack(schema.ORDER_REQUEST, **values)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (ORDER_SLOT[:-1], "64 bytes long, was 63"),
        (bytes(64), "header must have block length 56"),
        (b"\x38\x00\x63\x00" + ORDER_SLOT[4:], "template must be one of .* was 99"),
        (ORDER_SLOT[:4] + b"\x00\x00" + ORDER_SLOT[6:], "schema 0x5447"),
        (ORDER_SLOT[:6] + b"\x01\x00" + ORDER_SLOT[8:], "version 2; it had 56, 0x5447, 1"),
    ],
)
def test_bytes_that_are_no_record_are_refused(data, says):
    with pytest.raises(codec.RecordError, match=says):
        codec.unpack(data)


def test_slot_refuses_a_wrong_body_and_sequence():
    with pytest.raises(codec.RecordError, match="48 bytes long, was 47"):
        codec.slot(schema.ORDER_REQUEST, bytes(47), 1)
    with pytest.raises(codec.RecordError, match="ring_sequence must be a u64"):
        codec.slot(schema.ORDER_REQUEST, bytes(48), -1)
