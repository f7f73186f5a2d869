"""The fields of a limits file, table by table: file, grids, comparison and documents read these.

Numbers come from the limits image (``tickgate.risk.image``) with unit, range and label; what the
image holds as bits is here a list of names, a tick size or a lot.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tickgate.risk.image import (
    ACCOUNT,
    CLEARING_FIRM,
    FIRM,
    GROUP,
    LOTS,
    MAX_AMOUNT,
    MEMBERSHIPS,
    PERMISSIONS,
    POSITION,
    RESTRICTIONS,
    SESSION,
    STRATEGY,
    SYMBOL,
    TICKS,
    WAIVED,
    ImageField,
    ImageTable,
)
from tickgate.risk.reader import Reader, usd_text

Value = int | str | tuple[str, ...] | None
"""A number, 1/10000 USD, a name, or names; None stands for all symbols, ``()`` for no limit."""
ALL = "all"
OWNER_NAME = re.compile(r"[!-~]{1,32}")
"""Of an account, a group or a clearing firm."""
SYMBOL_NAME = re.compile(r"[!-+\--~]{1,8}")
"""Printable, without the comma that parts the symbols of a list in a grid's cell."""


@dataclass(frozen=True, slots=True)
class LimitField:
    """One field of a table of the file.

    ``unit`` is an image field's, or ``name`` (of another table), ``names`` (some of ``names``),
    ``symbols`` (a list, or all), or ``id`` (a number of which more is not more of anything).
    """

    name: str
    unit: str
    label: str
    doc: str
    most: int = 0
    choices: tuple[int, ...] = ()
    """The only values that a number can have, if not all."""
    names: tuple[str, ...] = ()
    optional: bool = False
    """It may be left out: no names, or a number that is not set, which is ``()``."""
    restricts: bool = False
    """More of it allows less."""

    @property
    def is_number(self) -> bool:
        """Whether it is one number, of money or of things."""
        return self.unit not in ("name", "names", "symbols")

    def read(self, table: Reader) -> Value:
        """Its value in a table of a file. Raises LimitsError."""
        if self.optional and self.name not in table:
            return ()
        if self.unit == "name":
            return table.text(self.name, OWNER_NAME)
        if self.unit == "symbols":
            return self._symbols(table)
        if self.unit == "names":
            found = table.texts(self.name)
            for name in found:
                if name not in self.names:
                    known = ", ".join(self.names)
                    raise table.wrong(self.name, f" cannot have {name!r}; known: {known}")
            return tuple(name for name in self.names if name in found)
        read = table.usd if self.unit == "usd" else table.integer
        value = read(self.name, self.most)
        if self.choices and value not in self.choices:
            known = ", ".join(self.show(choice) for choice in self.choices)
            raise table.wrong(self.name, f" must be one of {known}, not {self.show(value)}")
        return value

    def _symbols(self, table: Reader) -> Value:
        if table.given(self.name) == ALL:
            return None
        found = table.texts(self.name)
        for symbol in found:
            if symbol == ALL or not SYMBOL_NAME.fullmatch(symbol):
                text = f' must be "all" or a list of symbols, which cannot have {symbol!r}'
                raise table.wrong(self.name, text)
        return tuple(sorted(found))

    def toml(self, value: Value) -> str:
        """The value as TOML."""
        if isinstance(value, int) and self.unit != "usd":
            return str(value)
        return json.dumps(list(value) if isinstance(value, tuple) else self.cell(value))

    def cell(self, value: Value) -> str | int:
        """The value in a grid's cell."""
        if value is None:
            return ALL
        if isinstance(value, tuple):
            return ", ".join(value)
        return usd_text(value) if self.unit == "usd" and isinstance(value, int) else value

    def cell_toml(self, cell: object) -> str:
        """What a cell says as TOML; text that is no such value stays text, for ``read`` to name."""
        text = str("" if cell is None else cell).strip()
        if self.unit == "name" or (self.unit == "symbols" and text == ALL):
            return json.dumps(text)
        if not self.is_number:
            return json.dumps([name.strip() for name in text.split(",") if name.strip()])
        text = text.replace(",", "")
        plain = self.unit != "usd" and text.isascii() and text.isdigit()
        return str(int(text)) if plain else json.dumps(text)

    def show(self, value: Value) -> str:
        """The value for a reader."""
        return str(self.cell(value)) or "none"

    def effect(self, before: Value, after: Value) -> str:
        """``loosened``, ``tightened``, ``changed`` (neither), or nothing for equal values."""
        if before == after:
            return ""
        if self._allows(after, before):
            return "loosened"
        return "tightened" if self._allows(before, after) else "changed"

    def _allows(self, wide: Value, narrow: Value) -> bool:
        """Whether one value lets pass all that the other lets pass."""
        if self.unit == "id" or isinstance(wide, str) or isinstance(narrow, str):
            return False
        if wide is None or narrow is None:
            return wide is None
        if isinstance(wide, tuple) and isinstance(narrow, tuple):
            return set(wide) <= set(narrow) if self.restricts else set(wide) >= set(narrow)
        if isinstance(wide, tuple) or isinstance(narrow, tuple):
            return isinstance(wide, tuple)  # a number that is not set
        assert isinstance(wide, int)
        assert isinstance(narrow, int)
        if self.choices:
            return narrow % wide == 0
        return wide <= narrow if self.restricts else wide >= narrow


def _numbers(table: ImageTable) -> tuple[LimitField, ...]:
    return tuple(
        LimitField(
            field.name, field.unit, field.label, field.doc, field.most, restricts=field.restricts
        )
        for field in table.fields
        if field.unit not in ("flag", "bits", "row")
    )


def _image(table: ImageTable, name: str) -> ImageField:
    return next(field for field in table.fields if field.name == name)


def _referenced(field: LimitField) -> LimitField:
    if field.name not in UNLESS_WAIVED:
        return field
    waived = " and ".join(f"`{name}`" for name in UNLESS_WAIVED[field.name])
    doc = f"{field.doc} May be left out if {waived} are waived."
    return replace(field, doc=doc, optional=True)


def _restricted(who: str) -> LimitField:
    field = _image(SYMBOL, "restricted")
    doc = f"What {who} do: buy, sell at all, or sell short."
    return LimitField(
        "restricted", "names", field.label, doc, names=RESTRICTIONS, optional=True, restricts=True
    )


def _step(name: str, unit: str, doc: str, sizes: Mapping[int, int]) -> LimitField:
    field = _image(SYMBOL, name)
    return LimitField(
        name, unit, field.label, doc, field.most, choices=tuple(sizes), restricts=True
    )


_SYMBOLS = LimitField(
    "symbols", "symbols", "Symbols", "Symbols that the account may trade: a list, or all."
)
_PERMISSIONS = LimitField(
    "permissions",
    "names",
    _image(ACCOUNT, "permissions").label,
    "What orders may be: sides, times in force, intermarket sweeps, extended hours; with "
    "self_match also such that would trade with a working order of the same group.",
    names=PERMISSIONS,
)


def _member(table: ImageTable) -> LimitField:
    field = _image(ACCOUNT, table.name)
    doc = f"The {field.label.lower()} whose credit it shares; fixed until the card is reset."
    return LimitField(field.name, "name", field.label, doc)


_TICK = _step("tick", "usd", "Prices are multiples of it.", TICKS)
_LOT = _step("lot", "shares", "Quantities are multiples of it.", LOTS)

_WAIVED = LimitField(
    "waived",
    "names",
    _image(SYMBOL, "waived").label,
    "References from outside the card that orders are not held to: the national best bid, the "
    "limit up-limit down band, the reference of a time window.",
    names=WAIVED,
    optional=True,
)
UNLESS_WAIVED = {"window_collar": ("window",), "max_reference_age": WAIVED}
"""Numbers of a symbol that must be there unless all of these references are waived."""

_BUYING_POWER = LimitField(
    "buying_power",
    "usd",
    "Buying power",
    "Cost of all positions with the value of the orders that add to them. Checked by the host. May "
    "be left out: then only gross and net credit bound the account's money.",
    MAX_AMOUNT,
    optional=True,
)

POSITION_FIELDS = (*_numbers(POSITION), _restricted("the account may not"))
ACCOUNT_FIELDS = (
    *(_member(table) for table in MEMBERSHIPS),
    _PERMISSIONS,
    _SYMBOLS,
    *_numbers(ACCOUNT),
    _BUYING_POWER,
    *_numbers(POSITION),
)
SYMBOL_FIELDS = (
    *(_referenced(field) for field in _numbers(SYMBOL)),
    _TICK,
    _LOT,
    _restricted("nobody may"),
    _WAIVED,
)
FIRM_FIELDS = _numbers(FIRM)
GROUP_FIELDS = _numbers(GROUP)
SESSION_FIELDS = _numbers(SESSION)
STRATEGY_FIELDS = (
    LimitField(
        "algo_id",
        "id",
        "Algo id",
        "What orders call the strategy: TargetStrategy (847) of FIX. Each strategy has another.",
        (1 << 32) - 1,
    ),
    *_numbers(STRATEGY),
)
CLEARING_FIRM_FIELDS = _numbers(CLEARING_FIRM)


def number_names(fields: tuple[LimitField, ...]) -> tuple[str, ...]:
    """Names of the numbers among some fields, without those that have a few choices only."""
    return tuple(field.name for field in fields if field.is_number and not field.choices)


def value_of(record: object, field: LimitField) -> Value:
    """Value of a field in a record of ``tickgate.risk.limits``."""
    numbers: Mapping[str, int] = getattr(record, "numbers", {})
    if field.is_number and field.optional:
        return numbers.get(field.name, ())
    value: Value = numbers.get(field.name) if field.name in numbers else getattr(record, field.name)
    return value
