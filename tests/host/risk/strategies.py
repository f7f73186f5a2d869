"""A good limits file, and any limits that a file can say, for hypothesis."""

from hypothesis import strategies as st
from tickgate.risk.fields import (
    ACCOUNT_FIELDS,
    FIRM_FIELDS,
    POSITION_FIELDS,
    SESSION_FIELDS,
    STRATEGY_FIELDS,
    SYMBOL_FIELDS,
    UNLESS_WAIVED,
    number_names,
)
from tickgate.risk.image import LOTS, PERMISSIONS, RESTRICTIONS, TICKS, WAIVED
from tickgate.risk.limits import (
    AccountLimits,
    CreditLimits,
    Limits,
    PositionLimit,
    SessionLimits,
    StrategyLimits,
    SymbolLimits,
)

GOOD = """\
[accounts.ALPHA]
group = "DESK"
clearing_firm = "CLEAR"
permissions = ["day", "buy", "short"]
symbols = ["MSFT"]
max_quantity = 5000
max_value = "250000.00"
rate = 100
burst = 50
duplicate_window = 0
cancel_rate = 65535
cancel_burst = 65535
max_orders = 500
max_open_quantity = 200000000000
max_open_value = "5000000.00"
max_day_quantity = 2000000
max_day_value = "90000000.00"
gross_credit = "10000000.00"
net_credit = "4000000.00"
max_long = 20000
max_short = 10
locates = 1000
max_rejects = 5
[accounts.ALPHA.positions.AAPL]
max_long = 500
max_short = 0
locates = 1000
restricted = ["short", "buy"]
[symbols.AAPL]
collar = "1.5"
tick = "0.01"
lot = 100
rate = 65535
burst = 65535
window_collar = "2.5"
max_reference_age = 1000
[symbols.MSFT]
collar_bps = 50
reference = "400.00"
tick = "0.005"
lot = 1
rate = 65535
burst = 65535
restricted = ["sell"]
max_reference_age = 250
waived = ["window", "national"]
[firm]
gross_credit = "20000000.00"
net_credit = "900000000000000.00"
[sessions.C1]
rate = 65535
burst = 65535
[strategies.MAKER]
algo_id = 1001
max_executions = 300
[groups.DESK]
gross_credit = "10000000.00"
net_credit = "1000000.00"
[clearing_firms.CLEAR]
gross_credit = "15000000.00"
net_credit = "3000000.00"
"""

printable = st.characters(min_codepoint=33, max_codepoint=126)
names = st.text(printable, min_size=1, max_size=8)
symbol_names = names.filter(lambda name: "," not in name and name != "all")


def numbers(fields):
    """Any numbers of some fields."""
    wanted = number_names(fields)
    given = {field: st.integers(0, field.most) for field in fields if field.name in wanted}
    return st.fixed_dictionaries(
        {field.name: value for field, value in given.items() if not field.optional},
        optional={field.name: value for field, value in given.items() if field.optional},
    )


def some(of):
    """Any of a few names, in their order."""
    return st.sets(st.sampled_from(of)).map(lambda chosen: tuple(n for n in of if n in chosen))


positions = st.builds(PositionLimit, numbers(POSITION_FIELDS), some(RESTRICTIONS))
def complete(limit):
    """Whether a symbol has the numbers that go with the references that it does not waive."""
    return all(
        name in limit.numbers or set(references) <= set(limit.waived)
        for name, references in UNLESS_WAIVED.items()
    )


symbols = st.builds(
    SymbolLimits,
    numbers(SYMBOL_FIELDS),
    st.sampled_from(list(TICKS)),
    st.sampled_from(list(LOTS)),
    some(RESTRICTIONS),
    some(WAIVED),
).filter(complete)
credits = st.builds(CreditLimits, numbers(FIRM_FIELDS))


percents = st.sets(st.integers(1, 100), max_size=4).map(lambda found: tuple(sorted(found)))
"""Percentages of warnings."""
sessions = st.builds(SessionLimits, numbers(SESSION_FIELDS))
strategies = st.builds(
    StrategyLimits, numbers(STRATEGY_FIELDS).filter(lambda numbers: numbers["algo_id"])
)


def accounts(groups, clearing_firms):
    """Any account of one of each."""
    return st.builds(
        AccountLimits,
        numbers(ACCOUNT_FIELDS),
        st.sampled_from(groups),
        st.sampled_from(clearing_firms),
        some(PERMISSIONS),
        st.none() | st.sets(symbol_names, max_size=3).map(lambda found: tuple(sorted(found))),
        st.dictionaries(symbol_names, positions, max_size=3),
    )


@st.composite
def any_limits(draw):
    """Any limits: nobody belongs to what is not there."""
    groups = draw(st.dictionaries(names, credits, min_size=1, max_size=3))
    clearing_firms = draw(st.dictionaries(names, credits, min_size=1, max_size=3))
    members = accounts(list(groups), list(clearing_firms))
    return Limits(
        draw(st.dictionaries(names, members, max_size=3)),
        draw(st.dictionaries(symbol_names, symbols, max_size=3)),
        draw(credits),
        groups,
        clearing_firms,
        draw(st.dictionaries(names, sessions, max_size=3)),
        draw(
            st.lists(
                st.tuples(names, strategies),
                max_size=3,
                unique_by=(lambda row: row[0], lambda row: row[1].numbers["algo_id"]),
            ).map(dict)
        ),
        draw(percents),
    )


limits = any_limits()
