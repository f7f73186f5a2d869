"""Which kill switches are on, by name: what the operators want, whatever happened to the card."""

from typing import get_args

from tickgate.card.kills import KillScope

SCOPES: tuple[KillScope, ...] = get_args(KillScope)


class Kills:
    """The switches. ``all`` is one; the others are sets of names: CompIDs, accounts and so on."""

    def __init__(self) -> None:
        self.all = False
        self.targets: dict[str, set[str]] = {scope: set() for scope in SCOPES if scope != "all"}

    def switch(self, scope: str, target: str | None, on: bool) -> None:
        """Turn one on or off. Raises ValueError for a scope or target that cannot be."""
        if scope == "all":
            if target is not None:
                raise ValueError(f"the kill switch for all has no target, was {target!r}")
            self.all = on
            return
        if scope not in self.targets:
            raise ValueError(f"scope must be one of {', '.join(SCOPES)}, not {scope!r}")
        if target is None:
            raise ValueError(f"the kill switch of a {scope} needs a target")
        names = self.targets[scope]
        (names.add if on else names.discard)(target)
