"""Sources of events for the engine's loop, in the order in which a turn serves them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

COMMANDS: Final = 0
"""First: a kill must not wait behind orders that came with it."""
CARD: Final = 1
CLIENTS: Final = 2


@dataclass(frozen=True, slots=True)
class Source:
    """What a selector's key carries: its rank in a turn, and what to call with the events."""

    rank: int
    serve: Callable[[int], None]
