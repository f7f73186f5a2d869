"""The codec: golden bytes, framing in any pieces, garbage, typed fields."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.fix.codec import FrameReader, Garbled, checksum, encode, parse
from tickgate.fix.values import FieldError, SessionRejectReason

# The sums were made with `sum(data) % 256`, apart from the code under test.
LOGON = b"8=FIX.4.4\x019=40\x0135=A\x0149=CLIENT\x0156=GATE\x0134=1\x0198=0\x01108=30\x0110=006\x01"


def reader_output(pieces: list[bytes], limit: int = 500) -> list[bytes | Garbled]:
    reader = FrameReader(limit)
    return [item for piece in pieces for item in reader.feed(piece)]


def test_encode_golden_bytes() -> None:
    fields = [(35, "A"), (49, "CLIENT"), (56, b"GATE"), (34, 1), (98, 0), (108, "30")]
    assert encode("FIX.4.4", fields) == LOGON


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ([], "MsgType"),
        ([(49, "X")], "MsgType"),
        ([(35, "D"), (58, "")], "58 must have a value"),
        ([(35, "D"), (58, "a\x01b")], "58 must not hold the separator"),
    ],
)
def test_encode_refuses(fields: list[tuple[int, str]], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        encode("FIX.4.4", fields)


def test_encode_replaces_what_latin_1_lacks() -> None:
    assert parse(encode("FIX.4.4", [(35, "0"), (58, "5 € é")])).get(58) == "5 ? é"


@given(st.binary(max_size=2000))
def test_checksum_is_the_sum(data: bytes) -> None:
    assert checksum(data) == sum(data) % 256


@given(
    st.lists(
        st.tuples(
            st.integers(1, 9999).filter(
                lambda tag: tag not in (8, 9, 10, 35, 90, 95, 212, 348, 350, 354)
            ),
            st.text(
                st.characters(min_codepoint=2, max_codepoint=255, exclude_characters="\x01"),
                min_size=1,
            ),
        )
    )
)
def test_round_trip(fields: list[tuple[int, str]]) -> None:
    raw = encode("FIX.4.4", [(35, "D"), *fields])
    assert FrameReader(100_000).feed(raw) == [raw]
    message = parse(raw)
    assert message.defect is None
    assert message.fields[3:-1] == fields
    assert message.msg_type == "D"


def test_data_field_may_hold_the_separator() -> None:
    raw = encode("FIX.4.4", [(35, "A"), (95, 9), (96, b"a\x0110=000\x01"), (98, 0)])
    assert FrameReader().feed(raw) == [raw]
    message = parse(raw)
    assert message.get(96) == "a\x0110=000\x01"
    assert message.get(98) == "0"
    assert message.get(10) == raw[-4:-1].decode()


STREAM_PARTS = st.sampled_from(
    [
        LOGON,
        encode("FIX.4.4", [(35, "0"), (34, 2)]),
        encode("FIX.4.4", [(35, "D"), (58, "x" * 600)]),
        encode("FIX.4.4", [(35, "D"), (58, "look 8=FIX.4.4 here")]),
        LOGON[:-4] + b"007\x01",
        LOGON[:30],
        LOGON.replace(b"9=40", b"9=41"),
        LOGON.replace(b"9=40", b"9=4x"),
        LOGON.replace(b"9=40", b"9=99999999"),
        b"8=FIX.4.4\x0135=0\x01",
        b"8=FIX.4.4.4.4.4.4.4.4.4.4\x01",
        b"8=FI",
        b"\x0110=111\x01",
        b"garbage",
    ]
)


@given(st.lists(STREAM_PARTS | st.binary(max_size=30), max_size=8), st.lists(st.integers(0, 3000)))
def test_any_split_gives_the_same_result(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(places)]
    whole = reader_output([stream])
    assert reader_output(pieces) == whole
    assert reader_output([stream[i : i + 1] for i in range(len(stream))]) == whole


@given(st.lists(st.binary(max_size=200)))
def test_garbage_never_raises_and_never_passes(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    for item in reader_output(pieces):
        if not isinstance(item, Garbled):
            assert item in stream
            assert checksum(item[:-7]) == int(item[-4:-1])


@given(st.binary(max_size=300), st.integers(0, 60), st.integers(0, 255))
def test_a_spoilt_message_never_hides_the_ones_after_it(
    garbage: bytes, place: int, value: int
) -> None:
    spoilt = bytearray(LOGON)
    spoilt[place % len(LOGON)] = value
    # A damaged length may make the reader wait for as much as the limit; so much must follow.
    follow = encode("FIX.4.4", [(35, "0"), (34, 2)])
    found = reader_output([garbage + bytes(spoilt) + follow * 40])
    assert found[-20:] == [follow] * 20


@given(st.binary(max_size=200))
def test_parse_never_raises(body: bytes) -> None:
    message = parse(b"8=FIX.4.4\x019=5\x01" + body)
    for tag, value in message.fields:
        assert tag > 0
        assert value


@pytest.mark.parametrize(
    ("stream", "reasons"),
    [
        (b"hello" + LOGON, ["no_begin"]),
        (LOGON[:-4] + b"007\x01" + LOGON, ["bad_checksum"]),
        (LOGON.replace(b"9=40", b"9=39") + LOGON, ["bad_length"]),
        (LOGON.replace(b"9=40", b"9=") + LOGON, ["bad_header"]),
        (LOGON.replace(b"\x019=40", b"") + LOGON, ["bad_header"]),
        (LOGON.replace(b"9=40", b"9=0501") + LOGON, ["too_long"]),
        (b"8=FIX.4.4\x019=5\x0134=1\x0110=163\x01" + LOGON, ["bad_order"]),
        (b"8=FIX." + b"4" * 20 + LOGON, ["bad_header"]),
    ],
)
def test_garbled_by_reason_then_the_next_message(stream: bytes, reasons: list[str]) -> None:
    *garbled, last = reader_output([stream])
    assert [item.reason for item in garbled if isinstance(item, Garbled)] == reasons
    assert last == LOGON


def test_memory_is_bounded() -> None:
    reader = FrameReader(500)
    for _ in range(100):
        reader.feed(b"x" * 1000)
    assert len(reader._buffer) < 10


@pytest.mark.parametrize(
    ("body", "tag", "reason"),
    [
        (b"34=1\x0138=\x01", 38, SessionRejectReason.TAG_WITHOUT_VALUE),
        (b"34\x01", 34, SessionRejectReason.INCORRECT_FORMAT),
        (b"x=1\x01", None, SessionRejectReason.INVALID_TAG_NUMBER),
        (b"034=1\x01", None, SessionRejectReason.INVALID_TAG_NUMBER),
        (b"-1=1\x01", None, SessionRejectReason.INVALID_TAG_NUMBER),
        (b"=1\x01", None, SessionRejectReason.INVALID_TAG_NUMBER),
        (b"\x01", None, SessionRejectReason.INVALID_TAG_NUMBER),
    ],
)
def test_defects(body: bytes, tag: int | None, reason: SessionRejectReason) -> None:
    defect = parse(b"8=FIX.4.4\x019=9\x0135=D\x01" + body + b"10=000\x01").defect
    assert defect is not None
    assert (defect.tag, defect.reason) == (tag, reason)


def test_getters_name_the_tag_and_the_reason() -> None:
    message = parse(encode("FIX.4.4", [(35, "D"), (11, "id"), (38, "x"), (43, "Z")]))
    cases = [
        (lambda: message.text(55), 55, SessionRejectReason.REQUIRED_TAG_MISSING),
        (lambda: message.text(11, 1), 11, SessionRejectReason.VALUE_INCORRECT),
        (lambda: message.choice(11, ("a", "b")), 11, SessionRejectReason.VALUE_INCORRECT),
        (lambda: message.integer(38), 38, SessionRejectReason.INCORRECT_FORMAT),
        (lambda: message.quantity(38), 38, SessionRejectReason.INCORRECT_FORMAT),
        (lambda: message.price(38), 38, SessionRejectReason.INCORRECT_FORMAT),
        (lambda: message.timestamp_ns(38), 38, SessionRejectReason.INCORRECT_FORMAT),
        (lambda: message.flag(43), 43, SessionRejectReason.VALUE_INCORRECT),
    ]
    for call, tag, reason in cases:
        with pytest.raises(FieldError) as caught:
            call()
        assert (caught.value.tag, caught.value.reason) == (tag, reason)
    assert message.flag(97) is False
    assert 11 in message
    assert 55 not in message
