"""What a protocol version allows: the form of its table, and the check of a message against it.

A version is data (see ``fix44``), so that 4.2 and 5.0 are tables and no second session layer.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from tickgate.fix import values
from tickgate.fix.codec import FixMessage
from tickgate.fix.values import FieldError, SessionRejectReason

USER_TAGS_FROM: Final = 5000
"""Tags from here on are for private agreement, and in no table."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name, FIX data type, and the values it may have (empty: any of the type)."""

    tag: int
    name: str
    kind: str
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class MessageDef:
    """A message that is taken in: the tags it must and may have, header and trailer apart."""

    msg_type: str
    name: str
    required: tuple[int, ...]
    allowed: frozenset[int]


@dataclass(frozen=True, slots=True)
class Dictionary:
    """One protocol version.

    ``messages`` are those this product takes; ``known_types`` all that the version has, so that
    one can tell a message not supported here from one that doesn't exist. ``groups`` are the
    count tags of repeating groups, none of which is supported yet.
    """

    begin_string: str
    fields: Mapping[int, Field]
    header: frozenset[int]
    trailer: frozenset[int]
    messages: Mapping[str, MessageDef]
    known_types: frozenset[str]
    groups: frozenset[int]

    def check(
        self, message: FixMessage, *, undefined_tags: bool = False, user_tags: bool = True
    ) -> None:
        """Raise FieldError for the first thing wrong with a message of a supported type.

        ``undefined_tags`` lets tags pass that the version or the message doesn't have;
        ``user_tags`` those from 5000 on.
        """
        if message.defect is not None:
            raise message.defect
        definition = self.messages[message.msg_type]
        seen: set[int] = set()
        in_body = False
        for tag, value in message.fields:
            if tag in self.header:
                if in_body:
                    raise _out_of_order(tag)
            elif tag not in self.trailer:
                in_body = True
                self._check_place(definition, tag, undefined_tags, user_tags)
            if tag in seen:
                raise FieldError(
                    tag, SessionRejectReason.TAG_REPEATED, f"tag {tag} appears more than once"
                )
            seen.add(tag)
            field = self.fields.get(tag)
            if field is not None:
                check_value(field, value)
        for tag in definition.required:
            message.text(tag)

    def _check_place(
        self, definition: MessageDef, tag: int, undefined_tags: bool, user_tags: bool
    ) -> None:
        if tag in self.groups:
            raise FieldError(
                tag, SessionRejectReason.OTHER, f"repeating groups are not supported (tag {tag})"
            )
        if tag in definition.allowed or undefined_tags:
            return
        if tag >= USER_TAGS_FROM:
            if user_tags:
                return
            raise FieldError(
                tag, SessionRejectReason.UNDEFINED_TAG, f"user-defined tag {tag} is not agreed"
            )
        if tag not in self.fields:
            raise FieldError(
                tag, SessionRejectReason.INVALID_TAG_NUMBER, f"tag {tag} is not known here"
            )
        raise FieldError(
            tag,
            SessionRejectReason.TAG_NOT_DEFINED_FOR_MESSAGE,
            f"tag {tag} is not defined for {definition.name} ({definition.msg_type})",
        )


def _out_of_order(tag: int) -> FieldError:
    return FieldError(
        tag, SessionRejectReason.TAG_OUT_OF_ORDER, f"header tag {tag} stands behind the header"
    )


def check_value(field: Field, value: str) -> None:
    """Raise FieldError when ``value`` isn't of the field's type, or not one of its values."""
    check = _CHECKS.get(field.kind)
    if check is not None:
        check(value, field.tag)
    if not field.values:
        return
    parts: Collection[str] = value.split(" ") if field.kind == "MULTIPLEVALUESTRING" else (value,)
    if not field.values.issuperset(parts):
        raise FieldError(
            field.tag,
            SessionRejectReason.VALUE_INCORRECT,
            f"value {value[:20]!r} is not defined for {field.name} ({field.tag})",
        )


def _format(tag: int, must: str) -> FieldError:
    return FieldError(tag, SessionRejectReason.INCORRECT_FORMAT, f"{tag} must be {must}")


def _char(value: str, tag: int) -> None:
    if len(value) != 1:
        raise _format(tag, "one character")


def _boolean(value: str, tag: int) -> None:
    if value not in ("Y", "N"):
        raise _format(tag, "Y or N")


def _natural(value: str, tag: int) -> None:
    if values.integer(value, tag) < 0:
        raise FieldError(tag, SessionRejectReason.VALUE_INCORRECT, f"{tag} must not be negative")


def _decimal(value: str, tag: int) -> None:
    digits = value.removeprefix("-").replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit()):
        raise _format(tag, "a decimal number")


def _date(value: str, tag: int) -> None:
    if len(value) != 8:
        raise _format(tag, "a date YYYYMMDD")
    values.timestamp_to_ns(f"{value}-00:00:00", tag)


_CHECKS: Final[Mapping[str, Callable[[str, int], object]]] = {
    "CHAR": _char,
    "BOOLEAN": _boolean,
    "INT": values.integer,
    "SEQNUM": _natural,
    "LENGTH": _natural,
    "QTY": values.quantity_to_int,
    "PRICE": _decimal,
    "PRICEOFFSET": _decimal,
    "AMT": _decimal,
    "FLOAT": _decimal,
    "PERCENTAGE": _decimal,
    "UTCTIMESTAMP": values.timestamp_to_ns,
    "LOCALMKTDATE": _date,
}
"""Type -> check. Types that are free text (STRING, CURRENCY, DATA and others) have none."""
