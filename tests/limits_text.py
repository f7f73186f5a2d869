"""Tables of a limits file that tests which are not about them have in common."""


def shared_tables(credit: str, *sessions: str) -> str:
    """The firm, group DESK and clearing firm CLEAR, each with this gross and net credit in USD,
    FIX sessions that may send what they like, and strategy ALGO, of any number of executions."""
    owners = ("firm", "groups.DESK", "clearing_firms.CLEAR")
    text = "".join(
        f'[{owner}]\ngross_credit = "{credit}"\nnet_credit = "{credit}"\n' for owner in owners
    )
    text += f"[strategies.ALGO]\nalgo_id = 7\nmax_executions = {(1 << 32) - 1}\n"
    return text + "".join(f"[sessions.{name}]\nrate = 65535\nburst = 65535\n" for name in sessions)


def symbol_table(name: str, collar: str, tick: str = "0.0001") -> str:
    """A symbol with this collar and tick in USD, any lot and rate, and no uploaded references."""
    return f"""\
[symbols.{name}]
collar = "{collar}"
tick = "{tick}"
lot = 1
rate = 65535
burst = 65535
waived = ["national", "luld", "window"]
"""
