"""Writes the pages of checks and limits from their declarations: ``python -m tickgate.risk.docs``.

``docs/checks.md`` is written whole; in ``docs/limits.md`` what is between the marks. With
``--check`` nothing is written; the exit code is 1 if a page differs.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from tickgate import docpages
from tickgate.risk.checks import CHECKS, Check
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
)
from tickgate.risk.host_checks import HOST_CHECKS

FOLDER = Path(__file__).resolve().parents[3] / "docs"
BEGIN = "<!-- generated from tickgate.risk by `make generate`; do not edit -->"
END = "<!-- end of what is generated -->"

TABLES = (
    ("account", "accounts.<account>", ACCOUNT_FIELDS),
    ("account and symbol", "accounts.<account>.positions.<symbol>", POSITION_FIELDS),
    ("symbol", "symbols.<symbol>", SYMBOL_FIELDS),
    ("session", "sessions.<CompID>", SESSION_FIELDS),
    ("strategy", "strategies.<strategy>", STRATEGY_FIELDS),
    ("group", "groups.<group>", GROUP_FIELDS),
    ("clearing firm", "clearing_firms.<clearing firm>", CLEARING_FIRM_FIELDS),
    ("firm", "firm", FIRM_FIELDS),
)
"""Scope, table of the file and fields."""

_CHECK_OF = {
    "group": "group_gross_credit",
    "clearing_firm": "clearing_firm_gross_credit",
    "permissions": "permission",
    "symbols": "entitlement",
    "rate": "message_rate",
    "burst": "message_rate",
    "cancel_burst": "cancel_rate",
    "max_open_quantity": "open_quantity",
    "max_open_value": "open_value",
    "max_day_quantity": "day_quantity",
    "max_day_value": "day_value",
    "max_long": "position_limit",
    "max_short": "position_limit",
    "locates": "locate_budget",
    "duplicate_window": "duplicative",
    "collar": "price_collar",
    "max_reference_age": "reference_age",
    "waived": "reference_age",
    "max_executions": "repeated_executions",
    "max_rejects": "consecutive_rejects",
}
"""Check that a limit's field is for, where they have different names."""

_HEADS = (
    "| no. | check | scope | refuses | rule | its limits, with units | what a client is told |",
    "|---|---|---|---|---|---|---|",
)
_ALIASES = {"collar": ", or `collar_bps` of a `reference`"}


def check_of(scope: str, field: LimitField) -> Check:
    """The check that compares with a limit."""
    name = _CHECK_OF.get(field.name, field.name)
    if scope in ("session", "symbol") and name == "message_rate":
        name = f"{scope}_rate"
    if scope in ("firm", "group", "clearing firm"):
        name = f"{scope.replace(' ', '_')}_{name}"
    return next(check for check in (*CHECKS, *HOST_CHECKS) if check.name == name)


def checks_page() -> str:
    """All checks of the gate, by number."""
    lines = [
        "# Checks of the gate",
        "",
        "Generated from `tickgate.risk.checks` by `make generate`; do not edit.",
        "",
        "Each order is told the number of the first check that refuses it, the lowest, and a bit",
        "for each one that does; FIX clients read names and text. Actions: O enter, U replace,",
        "X cancel. How each is worked out is in [gate.md](gate.md); what the limits are in",
        "[limits.md](limits.md).",
        "",
        *_HEADS,
    ]
    lines += [_row(check) for check in CHECKS]
    lines += [
        "",
        "## Checks of the host",
        "",
        "From `tickgate.risk.host_checks`: made before an order goes to the card, for what it has",
        "no room for or cannot know ([risk-engine.md](risk-engine.md)). Only the lowest that fails",
        "is told. In braces what is filled in.",
        "",
        *_HEADS,
    ]
    lines += [_row(check) for check in HOST_CHECKS]
    return "\n".join(lines) + "\n"


def _row(check: Check) -> str:
    limits = "; ".join(_limits_of(check)) or "–"
    return (
        f"| {check.bit} | `{check.name}` | {check.scope} | {', '.join(check.applies_to)} | "
        f"{check.rule} | {limits} | {check.text} |"
    )


def _limits_of(check: Check) -> Iterator[str]:
    for scope, _, fields in TABLES:
        for field in fields:
            if check_of(scope, field) is check:
                yield f"`{field.name}` ({scope}): {_unit(field)}"


def limits_table() -> str:
    """All limits, by table of the file."""
    lines = [
        "| limit | in table | scope | unit | most | check | rule | who may change it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for scope, table, fields in TABLES:
        for field in fields:
            check = check_of(scope, field)
            lines.append(
                f"| `{field.name}`{_ALIASES.get(field.name, '')} | `[{table}]` | {scope} | "
                f"{_unit(field)} | {_most(field)} | {_made_by(check)} | {check.rule} | risk |"
            )
    lines.append("")
    for scope, _, fields in TABLES:
        for field in fields:
            more = " May be left out: then nothing is." if field.optional and field.names else ""
            lines.append(f"- `{field.name}` ({scope}): {field.doc}{more}")
    return "\n".join(lines)


def _made_by(check: Check) -> str:
    return f"`{check.name}`" + (" (host)" if check in HOST_CHECKS else "")


def _unit(field: LimitField) -> str:
    if field.names:
        return "list of " + ", ".join(f"`{name}`" for name in field.names)
    if field.unit == "name":
        return "name of its table"
    if field.unit == "symbols":
        return '`"all"` or a list of symbols'
    unit = {"usd": "USD as text"}.get(field.unit, field.unit)
    if field.choices:
        return f"{unit}: {', '.join(field.show(choice) for choice in field.choices)}"
    return unit


def _most(field: LimitField) -> str:
    return field.show(field.most) if field.is_number and not field.choices else "–"


def pages(folder: Path = FOLDER) -> dict[str, str]:
    """Text of each page by file name; what is by hand in them is read from ``folder``."""
    text = (folder / "limits.md").read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{folder / 'limits.md'} has no place for the table of limits")
    return {
        "checks.md": checks_page(),
        "limits.md": f"{before}{begin}\n\n{limits_table()}\n\n{end}{after}",
    }


def stale(folder: Path = FOLDER) -> list[Path]:
    """Pages in ``folder`` that are missing or differ from the declarations."""
    return docpages.stale(pages(folder), folder)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return docpages.run("tickgate.risk.docs", __doc__, pages, FOLDER, arguments)


if __name__ == "__main__":
    sys.exit(main())
