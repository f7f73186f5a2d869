"""What the engine needs of a card, and the card itself in that form."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tickgate.card import registers as reg
from tickgate.card.driver import CardDriver
from tickgate.card.simulated import connect
from tickgate.card.status import Identity, KillScope, KillState, Status

_CONNECT_TIMEOUT_S = 1.0


class Card(Protocol):
    """A card as the engine uses it; methods as in ``tickgate.card.driver.CardDriver``.

    Every method raises a CardError; CardGone when the card does not answer.
    """

    kind: str

    def identify(self) -> Identity: ...
    def status(self) -> Status: ...
    def last_token(self) -> int: ...
    def rings_enabled(self) -> bool:
        """Whether an earlier host set rings up and they run."""

    def requests_pending(self) -> bool:
        """Whether the card has not yet taken all that was announced to it."""

    def setup_rings(self, order_log2: int, event_log2: int, market_log2: int) -> None: ...
    def attach_rings(self, events_seen: int = 0) -> None: ...
    def submit(self, record_body: bytes) -> bool: ...
    def ring_doorbell(self) -> None: ...
    def poll_events(self, limit: int) -> list[bytes]: ...
    def consume_events(self, n: int) -> None: ...
    def poll_market(self, limit: int) -> list[bytes]: ...
    def arm_interrupts(self) -> None: ...
    def upload_limits(self, image_words: Mapping[int, int], generation: int) -> None: ...
    def arm(self) -> None: ...
    def disarm(self) -> None: ...
    def set_watchdog(self, ms: int) -> None: ...
    def touch_watchdog(self) -> None: ...
    def kill(self, scope: KillScope, index: int | None, on: bool) -> int: ...
    def kill_state(self) -> KillState: ...
    def load_symbol(self, i: int, name: str | None) -> None: ...
    def load_position(self, account: int, symbol: int, shares: int) -> None: ...
    def set_feed(self, group: str, port: int) -> None: ...
    def soup_connect(self, on: bool) -> None: ...
    def soup_login(self, user: str, password: str, session: str, sequence: int) -> None: ...
    def counters(self) -> dict[str, int]: ...
    def wake_filenos(self) -> list[int]:
        """File descriptors that get readable when the card has something, or is gone."""

    def acknowledge(self) -> None:
        """Take the interrupts that fired."""

    def close(self) -> None: ...


class SimulatedCard(CardDriver):
    """The driver on the simulated card's bus, with what the engine needs besides."""

    kind = "simulated"

    def __init__(self, path: Path) -> None:
        """Attach to the card at a socket. Raises CardGone or CardBusy."""
        super().__init__(connect(path, _CONNECT_TIMEOUT_S))

    def rings_enabled(self) -> bool:
        """Whether an earlier host set rings up and they run."""
        return self.registers.read(reg.RING_ENABLE) != 0

    def requests_pending(self) -> bool:
        """Whether the card has not yet taken all that was announced to it."""
        read = self.registers.read
        return read(reg.ORDER_RING_TAIL) != read(reg.ORDER_RING_HEAD)

    def wake_filenos(self) -> list[int]:
        """The interrupts, and the connection that tells the card's end."""
        return [irq.fileno() for irq in self.transport.irqs] + [self.transport.fileno()]

    def acknowledge(self) -> None:
        """Take the interrupts that fired."""
        for irq in self.transport.irqs:
            irq.acknowledge()

    def close(self) -> None:
        """Let go of the card; it keeps its state."""
        self.transport.close()
