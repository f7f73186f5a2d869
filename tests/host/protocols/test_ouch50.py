"""OUCH 5.0: golden bytes of every type and option, the written tables, captures, hostile input."""

import copy
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.protocols import ouch50, soupbintcp
from tickgate.protocols.ouch50 import Option, Tag
from tickgate.protocols.wire import UnknownMessage, WireError

# Per class: struct format after the type byte, field names, values as they are on the wire.
ID14 = b"ORDER-0000001 "
INBOUND: dict[str, tuple[bytes, str, str, list[Any]]] = {
    "EnterOrder": (
        b"O",
        "IcI8sQccccc14s",
        "user_ref_num side quantity symbol price time_in_force display capacity "
        "intermarket_sweep_eligibility cross_type clordid",
        [1, b"B", 100, b"AAPL    ", 3236600, b"0", b"Y", b"A", b"N", b"N", ID14],
    ),
    "ReplaceOrder": (
        b"U",
        "IIIQccc14s",
        "orig_user_ref_num user_ref_num quantity price time_in_force display "
        "intermarket_sweep_eligibility clordid",
        [1, 2, 300, 3236700, b"3", b"N", b"Y", ID14],
    ),
    "CancelOrder": (b"X", "II", "user_ref_num quantity", [2, 0]),
    "ModifyOrder": (b"M", "IcI", "user_ref_num side quantity", [2, b"E", 50]),
    "MassCancel": (b"C", "I4s8s", "user_ref_num firm symbol", [3, b"TGTE", b"        "]),
    "DisableOrderEntry": (b"D", "I4s", "user_ref_num firm", [4, b"TG  "]),
    "EnableOrderEntry": (b"E", "I4s", "user_ref_num firm", [5, b"TGTE"]),
    "AccountQuery": (b"Q", "", "", []),
}
OUTBOUND: dict[str, tuple[bytes, str, str, list[Any]]] = {
    "SystemEvent": (b"S", "c", "event_code", [b"S"]),
    "OrderAccepted": (
        b"A",
        "IcI8sQccQcccc14s",
        "user_ref_num side quantity symbol price time_in_force display order_reference_number "
        "capacity intermarket_sweep_eligibility cross_type order_state clordid",
        [1, b"T", 7, b"MSFT    ", 9, b"0", b"Z", 2**64 - 1, b"P", b"N", b"N", b"L", ID14],
    ),
    "OrderReplaced": (
        b"U",
        "IIcI8sQccQcccc14s",
        "orig_user_ref_num user_ref_num side quantity symbol price time_in_force display "
        "order_reference_number capacity intermarket_sweep_eligibility cross_type order_state "
        "clordid",
        [1, 2, b"S", 7, b"MSFT    ", 9, b"5", b"A", 8, b"R", b"Y", b"C", b"D", ID14],
    ),
    "OrderCanceled": (b"C", "IIc", "user_ref_num quantity reason", [1, 100, b"U"]),
    "AiqCanceled": (
        b"D",
        "IIcIQcc",
        "user_ref_num decrement_shares reason quantity_prevented_from_trading execution_price "
        "liquidity_flag aiq_strategy",
        [1, 2, b"Q", 3, 4, b"A", b"S"],
    ),
    "OrderExecuted": (
        b"E",
        "IIQcQ",
        "user_ref_num quantity price liquidity_flag match_number",
        [1, 40, 3236600, b"R", 255547],
    ),
    "BrokenTrade": (b"B", "IQc14s", "user_ref_num match_number reason clordid", [1, 2, b"E", ID14]),
    "Rejected": (b"J", "IH14s", "user_ref_num reason clordid", [1, 0x0126, ID14]),
    "CancelPending": (b"P", "I", "user_ref_num", [1]),
    "CancelReject": (b"I", "I", "user_ref_num", [1]),
    "OrderPriorityUpdate": (
        b"T",
        "IQcQ",
        "user_ref_num price display order_reference_number",
        [1, 2, b"N", 3],
    ),
    "OrderModified": (b"M", "IcI", "user_ref_num side quantity", [1, b"S", 2]),
    "OrderRestated": (b"R", "Ic", "user_ref_num reason", [1, b"R"]),
    "MassCancelResponse": (b"X", "I4s8s", "user_ref_num firm symbol", [1, b"TGTE", b"AAPL    "]),
    "DisableOrderEntryResponse": (b"G", "I4s", "user_ref_num firm", [1, b"TGTE"]),
    "EnableOrderEntryResponse": (b"K", "I4s", "user_ref_num firm", [1, b"TGTE"]),
    "AccountQueryResponse": (b"Q", "I", "next_user_ref_num", [77]),
}
TAILS_OPTIONAL = {
    *("CancelOrder", "ModifyOrder", "AccountQuery", "OrderCanceled", "AiqCanceled", "BrokenTrade"),
    *("Rejected", "CancelPending", "CancelReject", "OrderPriorityUpdate", "OrderModified"),
    "AccountQueryResponse",
}
OPTION_BYTES = [
    (Option(Tag.SECONDARY_ORD_REF_NUM, 258), "09 01 0000000000000102"),
    (Option(Tag.FIRM, "LIME"), "05 02 4c494d45"),
    (Option(Tag.MIN_QTY, 100), "05 03 00000064"),
    (Option(Tag.CUSTOMER_TYPE, "R"), "02 04 52"),
    (Option(Tag.MAX_FLOOR, 200), "05 05 000000c8"),
    (Option(Tag.PRICE_TYPE, "m"), "02 06 6d"),
    (Option(Tag.PEG_OFFSET, -100), "05 07 ffffff9c"),
    (Option(Tag.DISCRETION_PRICE, 3236600), "09 09 00000000003162f8"),
    (Option(Tag.DISCRETION_PRICE_TYPE, "P"), "02 0a 50"),
    (Option(Tag.DISCRETION_PEG_OFFSET, 100), "05 0b 00000064"),
    (Option(Tag.POST_ONLY, "P"), "02 0c 50"),
    (Option(Tag.RANDOM_RESERVES, 1), "05 0d 00000001"),
    (Option(Tag.ROUTE, "STGY"), "05 0e 53544759"),
    (Option(Tag.EXPIRE_TIME, 60), "05 0f 0000003c"),
    (Option(Tag.TRADE_NOW, "Y"), "02 10 59"),
    (Option(Tag.HANDLE_INST, " "), "02 11 20"),
    (Option(Tag.BBO_WEIGHT_INDICATOR, "0"), "02 12 30"),
    (Option(Tag.DISPLAY_QUANTITY, 5), "05 16 00000005"),
    (Option(Tag.DISPLAY_PRICE, 5), "09 17 0000000000000005"),
    (Option(Tag.GROUP_ID, 513), "03 18 0201"),
    (Option(Tag.SHARES_LOCATED, "N"), "02 19 4e"),
    (Option(Tag.LOCATE_BROKER, "AB"), "05 1a 41422020"),
    (Option(Tag.SIDE, "E"), "02 1b 45"),
    (Option(Tag.USER_REF_IDX, 255), "02 1c ff"),
]
MESSAGES = [(ouch50.INBOUND, n, *v) for n, v in INBOUND.items()]
MESSAGES += [(ouch50.OUTBOUND, n, *v) for n, v in OUTBOUND.items()]


def decode(cls: Any, data: bytes) -> Any:
    inbound = cls in ouch50.INBOUND.values()
    return ouch50.decode_inbound(data) if inbound else ouch50.decode_outbound(data)


@pytest.mark.parametrize(
    ("table", "name", "kind", "body", "names", "wire_values"), MESSAGES, ids=lambda x: str(x)[:30]
)
def test_golden_bytes(table, name, kind, body, names, wire_values) -> None:
    cls = table[kind.decode()]
    assert cls.__name__ == name
    values = {
        key: (value.decode() if len(value) == 1 else value.decode().rstrip(" "))
        if isinstance(value, bytes)
        else value
        for key, value in zip(names.split(), wire_values, strict=True)
    }
    data = kind
    if table is ouch50.OUTBOUND:
        values["timestamp"] = 34_200_000_000_001
        data += struct.pack(">Q", 34_200_000_000_001)
    data += struct.pack(">" + body, *wire_values)
    assert len(data) == cls.LENGTH
    if name == "SystemEvent":
        assert cls(**values).encode() == data
        assert decode(cls, data) == cls(**values)
        return
    channel = Option(Tag.USER_REF_IDX, 3)
    forms = {(): b"\x00\x00", (channel,): b"\x00\x03\x02\x1c\x03"}
    for appendage, tail in forms.items():
        message = cls(**values, appendage=appendage)
        assert message.encode() == data + tail
        assert decode(cls, data + tail) == message
        assert cls.decode(memoryview(data + tail)) == message
    assert cls(**values).appendage == ()
    if name in TAILS_OPTIONAL:
        message = cls(**values, appendage=None)
        assert message.encode() == data
        assert decode(cls, data) == message
        assert message.option(Tag.USER_REF_IDX) is None
    else:
        with pytest.raises(WireError, match=f"{name}.appendage must be a tuple, not None"):
            cls(**values, appendage=None).encode()
        with pytest.raises(WireError, match=f"is at least {len(data) + 2} bytes long"):
            decode(cls, data)


def test_every_type_has_a_golden_vector() -> None:
    assert {cls.__name__ for cls in ouch50.INBOUND.values()} == set(INBOUND)
    assert {cls.__name__ for cls in ouch50.OUTBOUND.values()} == set(OUTBOUND)


@pytest.mark.parametrize(("option", "data"), OPTION_BYTES, ids=lambda x: str(x)[:12])
def test_golden_bytes_of_options(option: Option, data: str) -> None:
    raw = bytes.fromhex(data)
    assert option.encode() == raw
    message = ouch50.CancelOrder(user_ref_num=1, quantity=0, appendage=(option,))
    assert message.encode()[9:] == len(raw).to_bytes(2, "big") + raw
    assert ouch50.decode_inbound(message.encode()) == message
    assert message.option(option.tag) == option.value


def test_every_option_has_a_golden_vector() -> None:
    assert [option.tag for option, _ in OPTION_BYTES] == sorted(ouch50.OPTIONS) == sorted(Tag)


def test_tables_are_those_of_the_written_specification(spec_tables, shared_data: Path) -> None:
    checked = 0
    for heading, rows in spec_tables("ouch50").items():
        match = re.match(r"(Inbound|Outbound) (\S): ", heading)
        if match is None:
            continue
        cls = (ouch50.INBOUND if match[1] == "Inbound" else ouch50.OUTBOUND)[match[2]]
        wanted = [row for row in rows if row[2] != "appendage_length"]
        assert [(f.offset, f.length, f.name, f.kind.name) for f in cls.FIELDS] == wanted
        tail = re.search(r"tail (\w+)\)", heading)
        assert tail is not None
        assert tail[1] == cls.TAIL
        checked += 1
    assert checked == len(INBOUND) + len(OUTBOUND)

    text = (shared_data.parent / "specs" / "ouch50.md").read_text()
    options = re.findall(r"^\| (\d+) \| (\w+) \| (\d+) \| ([\w ]+?) \|", text, re.MULTILINE)
    ours = [(str(t), o.name, str(o.kind.length), o.kind.name) for t, o in ouch50.OPTIONS.items()]
    assert ours == [row for row in options if row[1][0].isupper()]
    listed = re.findall(r"^Options: ([\d,]+)", text, re.MULTILINE)
    tables = [*ouch50.INBOUND.values(), *ouch50.OUTBOUND.values()]
    ours = [",".join(map(str, sorted(cls.TAGS))) for cls in tables if cls.TAIL != "none"]
    assert ours == listed


def test_code_tables_have_the_codes_of_the_specification() -> None:
    assert "".join(sorted(ouch50.CANCEL_REASONS)) == "".join(sorted("UITSDQZEFGHKXe"))
    assert list(ouch50.REJECT_REASONS) == list(range(1, 52))
    assert set(ouch50.LIQUIDITY_FLAGS) == set("ARJkmuOMCLHKiNn078ej1rtpq")
    assert ouch50.REJECT_REASONS[38] == "risk: fat finger"


def options() -> st.SearchStrategy[tuple[Option, ...]]:
    known = st.sampled_from([option for option, _ in OPTION_BYTES])
    tags = st.integers(0, 255).filter(lambda tag: tag not in ouch50.OPTIONS)
    unknown = st.builds(Option, tags, st.binary(max_size=254))
    return st.lists(known | unknown, max_size=5).map(tuple)


@given(data=st.data())
def test_round_trip(data, values_of) -> None:
    cls = data.draw(st.sampled_from([*ouch50.INBOUND.values(), *ouch50.OUTBOUND.values()]))
    values = data.draw(values_of(cls))
    if cls.TAIL != "none":
        values["appendage"] = data.draw(options())
    if cls.TAIL == "optional" and data.draw(st.booleans()):
        values["appendage"] = None
    message = cls(**values)
    assert decode(cls, message.encode()) == message
    assert pickle.loads(pickle.dumps(message)) == copy.deepcopy(message) == message


@given(st.sampled_from(MESSAGES), st.binary(max_size=90))
def test_any_bytes_decode_or_raise_one_error(row, body: bytes) -> None:
    cls = row[0][row[2].decode()]
    try:
        message = decode(cls, row[2] + body)
    except WireError:
        return
    assert decode(cls, message.encode()) == message


@given(options(), st.data())
def test_every_cut_is_malformed(appendage: tuple[Option, ...], data) -> None:
    whole = ouch50.OrderExecuted(
        timestamp=1,
        user_ref_num=1,
        quantity=1,
        price=1,
        liquidity_flag="A",
        match_number=1,
        appendage=appendage,
    ).encode()
    with pytest.raises(WireError):
        ouch50.decode_outbound(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(WireError):
        ouch50.decode_outbound(whole + b"\x00")


CANCEL = b"X" + bytes(8)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (CANCEL[:-1], "CancelOrder is at least 11 bytes long, was 8"),
        (CANCEL + b"\x00", "CancelOrder is at least 11 bytes long, was 10"),
        (CANCEL + b"\x00\x01", "CancelOrder with this appendage is 12 bytes long, was 11"),
        (CANCEL + b"\x00\x00x", "CancelOrder with this appendage is 11 bytes long, was 12"),
        (CANCEL + b"\xff\xff\x02\x1c\x01", "this appendage is 65546 bytes long, was 14"),
        (CANCEL + b"\x00\x01\x00", "CancelOrder: option at byte 0 of the appendage has no tag"),
        (CANCEL + b"\x00\x03\x03\x1c\x01", "at byte 0 of the appendage is 3 bytes long, was 2"),
        (CANCEL + b"\x00\x04\x02\x1c\x01\x09", "at byte 3 of the appendage is 9 bytes long, was 0"),
        (CANCEL + b"\x00\x04\x03\x1c\x01\x02", r"option 28 \(UserRefIdx\) is 1 bytes long, was 2"),
        (CANCEL + b"\x00\x02\x01\x1c", r"option 28 \(UserRefIdx\) is 1 bytes long, was 0"),
        (CANCEL + b"\x00\x06\x05\x02LIM\xff", r"option 2 \(Firm\) must be ASCII"),
    ],
)
def test_malformed(data: bytes, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        ouch50.decode_inbound(data)


def test_unknown_tags_are_kept() -> None:
    elements = b"\x01\xc8" + b"\x03\x08ab" + b"\x01\x13"
    message = ouch50.decode_inbound(CANCEL + b"\x00\x08" + elements)
    assert message.appendage == (Option(200, b""), Option(8, b"ab"), Option(19, b""))


def test_unknown_type_and_no_bytes() -> None:
    with pytest.raises(UnknownMessage, match=r"OUCH 5\.0 inbound has no message type b'A'"):
        ouch50.decode_inbound(b"A" + bytes(63))
    with pytest.raises(UnknownMessage, match=r"OUCH 5\.0 outbound has no message type b'O'"):
        ouch50.decode_outbound(b"O" + bytes(46))
    for decoder in (ouch50.decode_inbound, ouch50.decode_outbound):
        with pytest.raises(WireError, match="at least 1 byte long, was 0"):
            decoder(b"")


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        (Option(2, "TOOLONG"), r"option 2 \(Firm\) must be ASCII <= 4 bytes, not 'TOOLONG'"),
        (Option(28, 256), r"option 28 \(UserRefIdx\) must be an integer in 0 .. 255, not 256"),
        (Option(7, 1 << 31), r"option 7 \(PegOffset\) must be an integer in -2147483648 .. 2147"),
        (Option(3, "1"), r"option 3 \(MinQty\) must be an integer"),
        (Option(256, b""), "option tag must be in 0 .. 255, not 256"),
        (Option(99, 1), "option 99 is unknown: its value must be <= 254 bytes, not 1"),
        (Option(99, bytes(255)), "option 99 is unknown"),
    ],
)
def test_encode_checks_options(option: Option, problem: str) -> None:
    message = ouch50.CancelOrder(user_ref_num=1, quantity=0, appendage=(option,))
    with pytest.raises(WireError, match=problem):
        message.encode()


def test_encode_checks_the_whole_appendage() -> None:
    appendage = (Option(99, bytes(254)),) * 256  # 256 bytes each
    with pytest.raises(WireError, match="at most 65535 bytes long, was 65536"):
        ouch50.CancelOrder(user_ref_num=1, quantity=0, appendage=appendage).encode()
    event = ouch50.SystemEvent(timestamp=1, event_code="S", appendage=(Option(28, 1),))
    with pytest.raises(WireError, match="SystemEvent has no appendage"):
        event.encode()
    with pytest.raises(WireError, match="SystemEvent is 10 bytes long, was 12"):
        ouch50.decode_outbound(b"S" + bytes(8) + b"S\x00\x00")


def test_encode_checks_fields() -> None:
    with pytest.raises(WireError, match=r"CancelOrder\.quantity must be an integer in 0 .. 429496"):
        ouch50.CancelOrder(user_ref_num=1, quantity=1 << 32).encode()


def captured(path: Path, tcp_payloads: Callable[[Path], list[bytes]]) -> Any:
    (payload,) = tcp_payloads(path)
    (packet,) = soupbintcp.PacketReader().feed(payload)
    assert packet.encode() == payload
    return packet


def test_captured_orders(shared_data: Path, tcp_payloads: Callable[[Path], list[bytes]]) -> None:
    folder = shared_data / "ouch"
    enter = captured(folder / "nasdaq-ouch50__EnterOrderMessage.pcap", tcp_payloads)
    assert isinstance(enter, soupbintcp.UnsequencedData)
    order = ouch50.decode_inbound(enter.payload)
    assert order.encode() == enter.payload
    assert order == ouch50.EnterOrder(
        user_ref_num=113,
        side="T",
        quantity=225,
        symbol="CVLT",
        price=630200,
        time_in_force="0",
        display="Y",
        capacity="A",
        intermarket_sweep_eligibility="N",
        cross_type="N",
        clordid="H8FUB8IV",
        appendage=(Option(Tag.FIRM, "LIME"),),
    )
    cancel = captured(folder / "nasdaq-ouch50__CancelOrderMessage.pcap", tcp_payloads)
    assert ouch50.decode_inbound(cancel.payload) == ouch50.CancelOrder(
        user_ref_num=7679601, quantity=0, appendage=None
    )


def test_captured_heartbeats(
    shared_data: Path, tcp_payloads: Callable[[Path], list[bytes]]
) -> None:
    folder = shared_data / "ouch"
    client = captured(folder / "nasdaq-ouch50__ClientHeartbeatPacket.pcap", tcp_payloads)
    server = captured(folder / "nasdaq-ouch50__ServerHeartbeatPacket.pcap", tcp_payloads)
    assert client == soupbintcp.ClientHeartbeat()
    assert server == soupbintcp.ServerHeartbeat()
