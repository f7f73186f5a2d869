"""Prices, quantities and times between FIX text and integers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.fix.values import (
    FieldError,
    SessionRejectReason,
    integer,
    price_to_int,
    price_to_text,
    quantity_to_int,
    timestamp_to_ns,
    timestamp_to_text,
)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("10.25", 102_500),
        ("0", 0),
        ("1", 10_000),
        ("0.0001", 1),
        ("10.", 100_000),
        (".5", 5_000),
        ("10.25000000", 102_500),
        ("00012.3", 123_000),
        ("922337203685477.5807", 2**63 - 1),
    ],
)
def test_price(text: str, price: int) -> None:
    assert price_to_int(text) == price


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", SessionRejectReason.INCORRECT_FORMAT),
        (".", SessionRejectReason.INCORRECT_FORMAT),
        ("-", SessionRejectReason.INCORRECT_FORMAT),
        ("+1", SessionRejectReason.INCORRECT_FORMAT),
        ("1e3", SessionRejectReason.INCORRECT_FORMAT),
        ("1,5", SessionRejectReason.INCORRECT_FORMAT),
        (" 1", SessionRejectReason.INCORRECT_FORMAT),
        ("nan", SessionRejectReason.INCORRECT_FORMAT),
        ("1.2.3", SessionRejectReason.INCORRECT_FORMAT),
        ("²", SessionRejectReason.INCORRECT_FORMAT),
        ("1\n", SessionRejectReason.INCORRECT_FORMAT),
        ("-1", SessionRejectReason.VALUE_INCORRECT),
        ("0.00001", SessionRejectReason.VALUE_INCORRECT),
        ("10.12345", SessionRejectReason.VALUE_INCORRECT),
        ("922337203685477.5808", SessionRejectReason.VALUE_INCORRECT),
        ("9" * 5000, SessionRejectReason.VALUE_INCORRECT),
    ],
)
def test_price_refused(text: str, reason: SessionRejectReason) -> None:
    with pytest.raises(FieldError) as caught:
        price_to_int(text, 99)
    assert caught.value.reason is reason
    assert caught.value.tag == 99


@given(st.integers(0, 2**63 - 1))
def test_price_round_trip(price: int) -> None:
    assert price_to_int(price_to_text(price)) == price


@given(st.decimals(min_value=0, max_value=10**12, places=4, allow_nan=False))
def test_price_agrees_with_decimal(value: Decimal) -> None:
    assert price_to_int(f"{abs(value):f}") == abs(value) * 10_000


@pytest.mark.parametrize(
    ("price", "text"),
    [(102_500, "10.25"), (0, "0.00"), (1, "0.0001"), (-15_000, "-1.50"), (100_010, "10.001")],
)
def test_price_text(price: int, text: str) -> None:
    assert price_to_text(price) == text


@pytest.mark.parametrize(("text", "quantity"), [("0", 0), ("100", 100), ("0100", 100), ("7.0", 7)])
def test_quantity(text: str, quantity: int) -> None:
    assert quantity_to_int(text) == quantity


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.5", "1e2", "ten", "²", " 1", "1" * 19])
def test_quantity_refused(text: str) -> None:
    with pytest.raises(FieldError) as caught:
        quantity_to_int(text)
    assert caught.value.reason is SessionRejectReason.INCORRECT_FORMAT
    assert caught.value.tag == 38


@given(st.text(max_size=20))
def test_any_text_gives_a_value_or_a_field_error(text: str) -> None:
    for convert in (price_to_int, quantity_to_int, integer, timestamp_to_ns):
        try:
            outcome = convert(text, 1)
        except FieldError as error:
            outcome = error.tag
        assert isinstance(outcome, int)


def test_timestamp_golden() -> None:
    assert timestamp_to_ns("19700101-00:00:00", 52) == 0
    assert timestamp_to_ns("20231114-22:13:20.123", 52) == 1_700_000_000_123_000_000
    assert timestamp_to_ns("20231114-22:13:20.123456789", 52) == 1_700_000_000_123_456_789
    assert timestamp_to_ns("20161231-23:59:60", 52) == timestamp_to_ns("20170101-00:00:00", 52)
    assert timestamp_to_text(1_700_000_000_123_999_999) == "20231114-22:13:20.123"


@pytest.mark.parametrize(
    "text",
    ["", "20231114", "20231332-00:00:00", "20230229-00:00:00", "20230228-24:00:00",
     "20230228-00:60:00", "20230228-00:00:61", "20230228-00:00:00.", "19691231-23:59:59",
     "20230228 00:00:00", "2023-02-28-00:00:00", "20230228-00:00:00Z"],
)  # fmt: skip
def test_timestamp_refused(text: str) -> None:
    with pytest.raises(FieldError):
        timestamp_to_ns(text, 52)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))
def test_timestamp_agrees_with_datetime(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    ns = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    text = timestamp_to_text(ns)
    assert text == f"{moment:%Y%m%d-%H:%M:%S}.{moment.microsecond // 1000:03d}"
    assert timestamp_to_ns(text, 52) == ns
