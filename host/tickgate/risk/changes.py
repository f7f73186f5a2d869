"""What differs between two sets of limits, field by field, and which way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tickgate.risk.fields import (
    ACCOUNT_FIELDS,
    CLEARING_FIRM_FIELDS,
    FIRM_FIELDS,
    GROUP_FIELDS,
    POSITION_FIELDS,
    SESSION_FIELDS,
    STRATEGY_FIELDS,
    SYMBOL_FIELDS,
    LimitField,
    value_of,
)
from tickgate.risk.limits import AccountLimits, Limits, PositionLimit
from tickgate.risk.reader import percents_text

ABSENT = "–"


@dataclass(frozen=True, slots=True)
class Change:
    """One field: where it is, what it was and is; a dash where it is not set.

    ``effect``: loosened, tightened, changed (lets other orders pass than before, neither more nor
    less), or nothing when the same orders pass as before.
    """

    key: str
    before: str
    after: str
    effect: str

    def __str__(self) -> str:
        mark = f" ({self.effect})" if self.effect else ""
        return f"{self.key}: {self.before} → {self.after}{mark}"


def changes(before: Limits, after: Limits) -> list[Change]:
    """All that differs: firm, clearing firms, groups, sessions, strategies, accounts, symbols,
    warnings."""
    found = list(_of("the firm", before.firm, after.firm, FIRM_FIELDS))
    for what, was, now, fields in (
        ("clearing firm", before.clearing_firms, after.clearing_firms, CLEARING_FIRM_FIELDS),
        ("group", before.groups, after.groups, GROUP_FIELDS),
        ("session", before.sessions, after.sessions, SESSION_FIELDS),
        ("strategy", before.strategies, after.strategies, STRATEGY_FIELDS),
    ):
        for name in _names(was, now):
            found += _of(f"{what} {name}", was.get(name), now.get(name), fields)
    for name in _names(before.accounts, after.accounts):
        old, new = before.accounts.get(name), after.accounts.get(name)
        found += _of(name, old, new, ACCOUNT_FIELDS)
        for symbol in _names(old.positions if old else {}, new.positions if new else {}):
            found += _of_position(name, symbol, old, new)
    for name in _names(before.symbols, after.symbols):
        found += _of(name, before.symbols.get(name), after.symbols.get(name), SYMBOL_FIELDS)
    if before.warnings != after.warnings:
        percents = [percents_text(limits.warnings) or "none" for limits in (before, after)]
        found.append(Change("warnings: percent", percents[0], percents[1], ""))
    return found


def _names(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return sorted(before.keys() | after.keys())


def _of(
    where: str, old: object | None, new: object | None, fields: tuple[LimitField, ...]
) -> Iterator[Change]:
    for field in fields:
        if old is None or new is None:
            effect = "loosened" if old is None else "tightened"
        else:
            effect = field.effect(value_of(old, field), value_of(new, field))
            if not effect:
                continue
        yield Change(f"{where}: {field.name}", _text(field, old), _text(field, new), effect)


def _of_position(
    account: str, symbol: str, old: AccountLimits | None, new: AccountLimits | None
) -> Iterator[Change]:
    """A position limit that is not set is the account's own."""
    was = old.positions.get(symbol) if old else None
    now = new.positions.get(symbol) if new else None
    where = f"{account} in {symbol}"
    if was is not None and now is not None:
        yield from _of(where, was, now, POSITION_FIELDS)
        return
    for field in POSITION_FIELDS:
        yield Change(
            f"{where}: {field.name}",
            _text(field, was),
            _text(field, now),
            _position_effect(
                field, old.position(symbol) if old else None, new.position(symbol) if new else None
            ),
        )


def _position_effect(
    field: LimitField, old: PositionLimit | None, new: PositionLimit | None
) -> str:
    if old is None or new is None:
        return "loosened" if old is None else "tightened"
    return field.effect(value_of(old, field), value_of(new, field))


def _text(field: LimitField, record: object | None) -> str:
    return ABSENT if record is None else field.show(value_of(record, field))
