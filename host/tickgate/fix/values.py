"""FIX field values to integers and back: prices, quantities, times, flags. No float anywhere.

Source: FIX 4.4 Volume 1, "FIX Field Data Types".
"""

import re
from datetime import date
from enum import IntEnum
from functools import lru_cache
from typing import Final

PRICE_SCALE: Final = 10_000
"""A price is an integer count of 1/10000 USD."""

NS_PER_S: Final = 1_000_000_000
_INT64_MAX: Final = 2**63 - 1
_DECIMAL: Final = re.compile(r"(-?)([0-9]*)(?:\.([0-9]*))?")
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_WHOLE: Final = re.compile(r"([0-9]+)(?:\.0*)?")
_TIMESTAMP: Final = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})-([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


class SessionRejectReason(IntEnum):
    """SessionRejectReason (373) of a session-level Reject."""

    INVALID_TAG_NUMBER = 0
    REQUIRED_TAG_MISSING = 1
    TAG_NOT_DEFINED_FOR_MESSAGE = 2
    UNDEFINED_TAG = 3
    TAG_WITHOUT_VALUE = 4
    VALUE_INCORRECT = 5
    INCORRECT_FORMAT = 6
    COMP_ID_PROBLEM = 9
    SENDING_TIME_ACCURACY = 10
    INVALID_MSG_TYPE = 11
    TAG_REPEATED = 13
    TAG_OUT_OF_ORDER = 14
    OTHER = 99


class FieldError(ValueError):
    """One field of a message is missing or wrong; becomes a session-level Reject.

    ``tag`` is None when no single field is to blame; ``text`` is for the counterparty to read.
    """

    def __init__(self, tag: int | None, reason: SessionRejectReason, text: str) -> None:
        super().__init__(text)
        self.tag = tag
        self.reason = reason
        self.text = text


def price_to_int(text: str, tag: int = 44) -> int:
    """Turn a FIX price into 1/10000 USD, exactly.

    Zeros after the fourth decimal are taken; anything else there raises, as do a sign, an empty
    number and a value beyond 63 bits (FieldError).
    """
    match = _DECIMAL.fullmatch(text)
    whole, fraction = (match[2], match[3] or "") if match else ("", "")
    if match is None or not (whole or fraction):
        raise FieldError(
            tag, SessionRejectReason.INCORRECT_FORMAT, f"{tag} must be a decimal number"
        )
    if match[1]:
        raise FieldError(tag, SessionRejectReason.VALUE_INCORRECT, f"{tag} must not be negative")
    if fraction[4:].strip("0"):
        raise FieldError(
            tag, SessionRejectReason.VALUE_INCORRECT, f"{tag} must have at most 4 decimals"
        )
    whole = whole.lstrip("0")
    value = int(whole + fraction[:4].ljust(4, "0")) if len(whole) <= 15 else _INT64_MAX + 1
    if value > _INT64_MAX:
        raise FieldError(tag, SessionRejectReason.VALUE_INCORRECT, f"{tag} is too large")
    return value


def price_to_text(price: int) -> str:
    """Write a price of 1/10000 USD as FIX text with as few decimals as are exact, at least two."""
    sign, price = ("-", -price) if price < 0 else ("", price)
    whole, fraction = divmod(price, PRICE_SCALE)
    decimals = f"{fraction:04d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"


def quantity_to_int(text: str, tag: int = 38) -> int:
    """Turn a FIX quantity into whole shares; a fraction, a sign or a letter raises FieldError."""
    match = _WHOLE.fullmatch(text)
    if match is None or len(match[1]) > 18:
        raise FieldError(
            tag,
            SessionRejectReason.INCORRECT_FORMAT,
            f"{tag} must be a whole number of shares, not negative",
        )
    return int(match[1])


def integer(text: str, tag: int) -> int:
    """Turn a FIX int (an optional minus sign and up to 18 digits) into an integer."""
    if _INTEGER.fullmatch(text) is None:
        raise FieldError(tag, SessionRejectReason.INCORRECT_FORMAT, f"{tag} must be an integer")
    return int(text)


def timestamp_to_ns(text: str, tag: int) -> int:
    """Turn a UTCTimestamp, to the second or up to nine decimals, into ns since 1970.

    A leap second (``:60``) counts as the first second of the next minute.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise FieldError(
            tag,
            SessionRejectReason.INCORRECT_FORMAT,
            f"{tag} must be a UTC time YYYYMMDD-HH:MM:SS[.sss]",
        )
    hour, minute, second = int(match[4]), int(match[5]), int(match[6])
    try:
        day = date(int(match[1]), int(match[2]), int(match[3])).toordinal() - _EPOCH_DAY
    except ValueError:
        day = -1
    if day < 0 or hour > 23 or minute > 59 or second > 60:
        raise FieldError(tag, SessionRejectReason.VALUE_INCORRECT, f"{tag} is no valid UTC time")
    seconds = ((day * 24 + hour) * 60 + minute) * 60 + second
    return seconds * NS_PER_S + int((match[7] or "").ljust(9, "0"))


@lru_cache(maxsize=8)
def _seconds_text(seconds: int) -> str:
    day, rest = divmod(seconds, 86_400)
    moment = date.fromordinal(_EPOCH_DAY + day)
    return f"{moment:%Y%m%d}-{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def timestamp_to_text(time_ns: int) -> str:
    """Write ns since 1970 as a UTCTimestamp to the millisecond, the finest that FIX 4.4 knows."""
    seconds, rest = divmod(time_ns, NS_PER_S)
    return f"{_seconds_text(seconds)}.{rest // 1_000_000:03d}"
