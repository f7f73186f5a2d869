"""What an order-entry port keeps for the whole session, connected or not."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tickgate_sim.exchange.config import Account


@dataclass(slots=True)
class Arrivals:
    """Inbound messages of one type: how many, and when the last came (ns since midnight)."""

    count: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class Details:
    """What the replies about an order repeat but the matching engine has no use for."""

    capacity: str
    cross_type: str
    clordid: str
    intermarket_sweep_eligibility: str


@dataclass(slots=True)
class Port:
    """The state of one account's port.

    ``history`` holds every sequenced message of the session, number 1 first: any connection can
    be served again from any number. ``highest`` is the largest UserRefNum taken on each channel
    (UserRefIdx), ``details`` is by token. ``ignored`` counts what was dropped without an answer,
    by cause. ``on_message`` is called after messages were added.
    """

    account: Account
    history: list[bytes] = field(default_factory=list)
    highest: Counter[int] = field(default_factory=Counter)
    details: dict[int, Details] = field(default_factory=dict)
    arrivals: dict[str, Arrivals] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    entry_disabled: bool = False
    on_message: Callable[[], None] | None = None

    @property
    def owner(self) -> str:
        """The name under which the engine knows the port's orders."""
        return self.account.username

    @property
    def next_sequence(self) -> int:
        """Number of the next sequenced message."""
        return len(self.history) + 1

    def send(self, message: bytes) -> None:
        """Add a sequenced message to the session."""
        self.history.append(message)
        if self.on_message is not None:
            self.on_message()

    def arrived(self, kind: str, now: int) -> None:
        """Count an inbound message of type ``kind``."""
        arrivals = self.arrivals.setdefault(kind, Arrivals())
        arrivals.count += 1
        arrivals.last = now


TOKEN_BITS = 32


def token_of(channel: int, user_ref_num: int) -> int:
    """The engine's token for a UserRefNum of a channel (UserRefIdx, 0 if the message has none)."""
    return channel << TOKEN_BITS | user_ref_num


def channel_and_number(token: int) -> tuple[int, int]:
    """Channel and UserRefNum of a token."""
    return token >> TOKEN_BITS, token & ((1 << TOKEN_BITS) - 1)
