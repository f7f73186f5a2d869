"""What trades, and when: instruments, market hours and halts."""

from collections.abc import Iterable

from tickgate_sim.exchange.events import Event, MarketEvent, RejectReason, TradingState
from tickgate_sim.exchange.instruments import Instrument


class UnknownSymbolError(ValueError):
    """A command named a symbol that does not trade here."""


class Market:
    """Trading state of the exchange and of each symbol; closed until opened."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.instruments = {item.symbol: item for item in instruments}
        self.is_open = False
        self.halted: set[str] = set()

    def open(self, now: int) -> list[Event]:
        """Start the day: system event O, the state of each symbol, system events S and Q."""
        self.is_open = True
        states = (
            TradingState(now, symbol, "H" if symbol in self.halted else "T", "")
            for symbol in self.instruments
        )
        return [MarketEvent(now, "O"), *states, MarketEvent(now, "S"), MarketEvent(now, "Q")]

    def close(self) -> None:
        """End the day: new orders are refused from here on."""
        self.is_open = False

    def halt(self, now: int, symbol: str, reason: str = "") -> list[Event]:
        """Refuse orders and replacements in ``symbol``; resting orders stay and can be cancelled.

        Nothing happens when it is halted already. Raises UnknownSymbolError.
        """
        self.require(symbol)
        if symbol in self.halted:
            return []
        self.halted.add(symbol)
        return [TradingState(now, symbol, "H", reason)] if self.is_open else []

    def resume(self, now: int, symbol: str, reason: str = "") -> list[Event]:
        """Let a halted ``symbol`` trade again. Raises UnknownSymbolError."""
        self.require(symbol)
        if symbol not in self.halted:
            return []
        self.halted.remove(symbol)
        return [TradingState(now, symbol, "T", reason)] if self.is_open else []

    def refusal(self, symbol: str) -> RejectReason | None:
        """Why no order in ``symbol`` is taken now; None when orders are."""
        if symbol not in self.instruments:
            return RejectReason.INVALID_SYMBOL
        if not self.is_open:
            return RejectReason.DESTINATION_CLOSED
        return RejectReason.HALTED if symbol in self.halted else None

    def require(self, symbol: str) -> None:
        """Raise UnknownSymbolError unless ``symbol`` trades here."""
        if symbol not in self.instruments:
            raise UnknownSymbolError(f"symbol must be one that trades here, not {symbol!r}")
