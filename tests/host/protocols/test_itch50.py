"""ITCH 5.0: golden bytes of every type, the written tables, real files, an independent decoder."""

import contextlib
import re
import struct
from pathlib import Path

import itchcpp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.protocols import binaryfile, itch50
from tickgate.protocols.wire import UnknownMessage, WireError

# Body after the 11 bytes of header: struct format and values written from the specification.
# Text is given as it is on the wire.
GOLDEN = {
    "SystemEvent": (b"S", "c", {"event_code": b"Q"}),
    "StockDirectory": (
        b"R",
        "8sccIcc2scccccIc",
        {
            "stock": b"AAPL    ",
            "market_category": b"Q",
            "financial_status_indicator": b"N",
            "round_lot_size": 100,
            "round_lots_only": b"N",
            "issue_classification": b"C",
            "issue_sub_type": b"Z ",
            "authenticity": b"P",
            "short_sale_threshold_indicator": b" ",
            "ipo_flag": b"Z",
            "luld_reference_price_tier": b"1",
            "etp_flag": b"Y",
            "etp_leverage_factor": 3,
            "inverse_indicator": b"Y",
        },
    ),
    "StockTradingAction": (
        b"H",
        "8scc4s",
        {"stock": b"MSFT    ", "trading_state": b"T", "reserved": b" ", "reason": b"T1  "},
    ),
    "RegShoRestriction": (b"Y", "8sc", {"stock": b"ZVZZT   ", "reg_sho_action": b"2"}),
    "MarketParticipantPosition": (
        b"L",
        "4s8sccc",
        {
            "mpid": b"MAXM",
            "stock": b"FGMC    ",
            "primary_market_maker": b"Y",
            "market_maker_mode": b"N",
            "market_participant_state": b"A",
        },
    ),
    "MwcbDeclineLevel": (
        b"V",
        "QQQ",
        {"level_1": 397800000000, "level_2": 371100000000, "level_3": 2**64 - 1},
    ),
    "MwcbStatus": (b"W", "c", {"breached_level": b"3"}),
    "IpoQuotingPeriodUpdate": (
        b"K",
        "8sIcI",
        {
            "stock": b"NEWCO   ",
            "ipo_quotation_release_time": 34200,
            "ipo_quotation_release_qualifier": b"A",
            "ipo_price": 170000,
        },
    ),
    "LuldAuctionCollar": (
        b"J",
        "8sIIII",
        {
            "stock": b"HALTED  ",
            "auction_collar_reference_price": 1000000,
            "upper_auction_collar_price": 1050000,
            "lower_auction_collar_price": 950000,
            "auction_collar_extension": 2,
        },
    ),
    "OperationalHalt": (
        b"h",
        "8scc",
        {"stock": b"GOOG    ", "market_code": b"X", "operational_halt_action": b"H"},
    ),
    "AddOrder": (
        b"A",
        "QcI8sI",
        {
            "order_reference_number": 0x0102030405060708,
            "buy_sell_indicator": b"B",
            "shares": 100,
            "stock": b"AAPL    ",
            "price": 3236600,
        },
    ),
    "AddOrderMpid": (
        b"F",
        "QcI8sI4s",
        {
            "order_reference_number": 7,
            "buy_sell_indicator": b"S",
            "shares": 2**32 - 1,
            "stock": b"BRK.A   ",
            "price": 2000000000,
            "attribution": b"GSCO",
        },
    ),
    "OrderExecuted": (
        b"E",
        "QIQ",
        {"order_reference_number": 7, "executed_shares": 25, "match_number": 255547},
    ),
    "OrderExecutedWithPrice": (
        b"C",
        "QIQcI",
        {
            "order_reference_number": 8,
            "executed_shares": 1,
            "match_number": 2,
            "printable": b"N",
            "execution_price": 12345,
        },
    ),
    "OrderCancel": (b"X", "QI", {"order_reference_number": 9, "cancelled_shares": 50}),
    "OrderDelete": (b"D", "Q", {"order_reference_number": 2**64 - 1}),
    "OrderReplace": (
        b"U",
        "QQII",
        {
            "original_order_reference_number": 10,
            "new_order_reference_number": 11,
            "shares": 100,
            "price": 1062600,
        },
    ),
    "Trade": (
        b"P",
        "QcI8sIQ",
        {
            "order_reference_number": 0,
            "buy_sell_indicator": b"B",
            "shares": 3,
            "stock": b"AMC     ",
            "price": 45000,
            "match_number": 99,
        },
    ),
    "CrossTrade": (
        b"Q",
        "Q8sIQc",
        {
            "shares": 123456789012,
            "stock": b"NMDC    ",
            "cross_price": 100000,
            "match_number": 100,
            "cross_type": b"O",
        },
    ),
    "BrokenTrade": (b"B", "Q", {"match_number": 101}),
    "NetOrderImbalance": (
        b"I",
        "QQc8sIIIcc",
        {
            "paired_shares": 1,
            "imbalance_shares": 2**40,
            "imbalance_direction": b"N",
            "stock": b"NMDC    ",
            "far_price": 1,
            "near_price": 2,
            "current_reference_price": 3,
            "cross_type": b"C",
            "price_variation_indicator": b" ",
        },
    ),
    "RetailPriceImprovement": (b"N", "8sc", {"stock": b"QQQ     ", "interest_flag": b"A"}),
    "DirectListingCapitalRaise": (
        b"O",
        "8scIIIQII",
        {
            "stock": b"DLCR    ",
            "open_eligibility_status": b"Y",
            "minimum_allowable_price": 1,
            "maximum_allowable_price": 2,
            "near_execution_price": 3,
            "near_execution_time": 34200 * 10**9,
            "lower_price_range_collar": 4,
            "upper_price_range_collar": 5,
        },
    ),
}

LENGTHS = {
    **{"S": 12, "R": 39, "H": 25, "Y": 20, "L": 26, "V": 35, "W": 12, "K": 28, "J": 35, "h": 21},
    **{"A": 36, "F": 40, "E": 31, "C": 36, "X": 23, "D": 19, "U": 35, "P": 44, "Q": 40, "B": 19},
    **{"I": 50, "N": 20, "O": 48},
}

FILES = ("aapl-20200130-premarket-first2500", "itchcpp-testvalues-23types", "simulated-ritch-12012")


def test_lengths_of_all_types() -> None:
    assert {key: cls.LENGTH for key, cls in itch50.MESSAGES.items()} == LENGTHS


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_bytes(name: str) -> None:
    kind, body, wire_values = GOLDEN[name]
    timestamp = 0x0A1B_2C3D_4E5F
    # 48 bits of time as 16 + 32
    header = struct.pack(">cHHHI", kind, 0x1598, 0x0203, timestamp >> 32, timestamp & 0xFFFFFFFF)
    data = header + struct.pack(">" + body, *wire_values.values())
    values = {
        key: value
        if isinstance(value, int)
        else (value.decode() if len(value) == 1 else value.decode().rstrip(" "))
        for key, value in wire_values.items()
    }
    cls = getattr(itch50, name)
    message = cls(stock_locate=0x1598, tracking_number=0x0203, timestamp=timestamp, **values)
    assert message.encode() == data
    assert itch50.decode(data) == message
    assert cls.decode(memoryview(data)) == message
    assert cls.TYPE == message.message_type == kind.decode()


def test_every_type_has_a_golden_vector() -> None:
    assert {cls.__name__ for cls in itch50.MESSAGES.values()} == set(GOLDEN)


def test_the_bytes_of_a_captured_add_order() -> None:
    data = bytes.fromhex(
        "41 1598 0000 1f1aced85306 0000000166b53e42 42 00000640 49564f4f20202020 000d55ac"
    )
    assert itch50.decode(data) == itch50.AddOrder(
        stock_locate=5528,
        tracking_number=0,
        timestamp=0x1F1ACED85306,
        order_reference_number=0x166B53E42,
        buy_sell_indicator="B",
        shares=1600,
        stock="IVOO",
        price=873900,
    )


def test_tables_are_those_of_the_written_specification(spec_tables) -> None:
    tables = spec_tables("itch50")
    header = tables["Common"]
    checked = set()
    for heading, rows in tables.items():
        match = re.match(r"Common (\S): .*\((\d+) bytes\)", heading)
        if match is None:
            continue
        cls = itch50.MESSAGES[match[1]]
        assert [(f.offset, f.length, f.name, f.kind.name) for f in cls.FIELDS] == header + rows
        assert int(match[2]) == cls.LENGTH
        checked.add(match[1])
    assert checked == set(LENGTHS)


@given(data=st.data())
def test_round_trip(data, values_of) -> None:
    cls = data.draw(st.sampled_from(list(itch50.MESSAGES.values())))
    message = cls(**data.draw(values_of(cls)))
    encoded = message.encode()
    assert len(encoded) == cls.LENGTH
    assert itch50.decode(encoded) == message


@given(st.binary(max_size=60))
def test_any_bytes_decode_or_raise_one_error(data: bytes) -> None:
    try:
        message = itch50.decode(data)
    except WireError:
        return
    # Only padding may differ: what was decoded says the same again.
    assert itch50.decode(message.encode()) == message


@given(st.sampled_from(sorted(LENGTHS)), st.binary(min_size=49, max_size=49))
def test_any_body_of_the_right_length_decodes_or_raises(kind: str, body: bytes) -> None:
    data = kind.encode() + body[: LENGTHS[kind] - 1]
    if data.isascii():
        message = itch50.decode(data)
        assert itch50.decode(message.encode()) == message
    else:  # a byte above 127 is an error in text, and part of a number elsewhere
        with contextlib.suppress(WireError):
            itch50.decode(data)


@pytest.mark.parametrize("kind", LENGTHS)
@pytest.mark.parametrize("change", [-1, 1])
def test_wrong_length(kind: str, change: int) -> None:
    name = itch50.MESSAGES[kind].__name__
    right, wrong = LENGTHS[kind], LENGTHS[kind] + change
    with pytest.raises(WireError, match=f"^{name} is {right} bytes long, was {wrong}$"):
        itch50.decode(kind.encode() + bytes(wrong - 1))


def test_unknown_type_and_no_bytes() -> None:
    with pytest.raises(UnknownMessage, match=r"no message type b'z' \(5 bytes\)"):
        itch50.decode(b"z1234")
    with pytest.raises(WireError, match="at least 1 byte long, was 0"):
        itch50.decode(b"")


def test_the_class_refuses_another_type() -> None:
    with pytest.raises(WireError, match=r"BrokenTrade\.message_type must be b'B', was b'D'"):
        itch50.BrokenTrade.decode(b"D" + bytes(18))


def test_text_that_is_not_ascii() -> None:
    with pytest.raises(WireError, match=r"StockTradingAction\.stock must be ASCII, was b'A\\xff"):
        itch50.decode(b"H" + bytes(10) + b"A\xff      T T1  ")


@pytest.mark.parametrize(
    ("field", "value", "required"),
    [
        ("stock_locate", 65536, "0 .. 65535"),
        ("timestamp", 1 << 48, "0 .. 281474976710655"),
        ("timestamp", -1, "0 .. 281474976710655"),
        ("timestamp", "1", "0 .. 281474976710655"),
        ("shares", 1 << 32, "0 .. 4294967295"),
        ("shares", 1.0, "0 .. 4294967295"),
        ("order_reference_number", -1, "0 .. 18446744073709551615"),
        ("price", None, "0 .. 4294967295"),
        ("stock", "TOOLONGER", "ASCII <= 8 bytes"),
        ("stock", "\u00c4", "ASCII <= 8 bytes"),
        ("stock", b"AAPL", "ASCII <= 8 bytes"),
        ("buy_sell_indicator", "", "one ASCII character"),
        ("buy_sell_indicator", "BS", "one ASCII character"),
    ],
)
def test_encode_checks_every_value(field: str, value: object, required: str) -> None:
    good = {
        **{"stock_locate": 1, "tracking_number": 0, "timestamp": 0, "order_reference_number": 1},
        **{"buy_sell_indicator": "B", "shares": 1, "stock": "A", "price": 1},
    }
    itch50.AddOrder(**good).encode()
    with pytest.raises(WireError, match=re.escape(f"AddOrder.{field} must be ")) as raised:
        itch50.AddOrder(**{**good, field: value}).encode()
    assert required in str(raised.value)
    assert repr(value) in str(raised.value)


@pytest.mark.parametrize("name", FILES)
def test_files_decode_and_encode_to_the_same_bytes(name: str, shared_data: Path) -> None:
    raw = list(binaryfile.read(shared_data / "itch" / f"{name}.itch50"))
    assert [itch50.decode(message).encode() for message in raw] == raw


# Names that the independent decoder gives differently; 4-decimal prices are raw integers in both.
ITCHCPP_NAMES = {
    "level_1": "level1_price",
    "level_2": "level2_price",
    "level_3": "level3_price",
    "luld_reference_price_tier": "luld_ref",
    "ipo_quotation_release_time": "ipo_release_time",
    "ipo_quotation_release_qualifier": "ipo_release_qualifier",
    "auction_collar_extension": "auction_collar_extention",
    "original_order_reference_number": "order_reference_number",
    "price_variation_indicator": "variation_indicator",
}


@pytest.mark.parametrize("name", FILES)
def test_agrees_with_an_independent_decoder(name: str, shared_data: Path) -> None:
    parser = itchcpp.MessageParser()
    seen = set()
    for raw in binaryfile.read(shared_data / "itch" / f"{name}.itch50"):
        ours, theirs = itch50.decode(raw), parser.get_message_type(raw)
        for field in ours.FIELDS:
            value = getattr(theirs, ITCHCPP_NAMES.get(field.name, field.name))
            if isinstance(value, bytes):
                value = value.decode() if field.length == 1 else value.decode().rstrip(" \0")
            assert value == getattr(ours, field.name), (ours, field.name)
        seen.add(ours.TYPE)
    assert len(seen) >= 8
    assert name != "itchcpp-testvalues-23types" or len(seen) == 23
