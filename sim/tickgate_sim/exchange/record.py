"""``python -m tickgate_sim.exchange.record --out FILE``: a whole day as a file, without sockets.

The exchange trades with itself in virtual time, as fast as it can, and the feed's messages go to a
BinaryFILE of ITCH 5.0. The mix is near that of a real day: mostly adds and deletes, some replaces,
few executions and partial cancels. Statements to the public, halts among them, are strewn in, so
that every type of message occurs in a long enough day. The same arguments give the same bytes.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import BinaryIO

from tickgate_sim.exchange.background import MPID, FlowMix
from tickgate_sim.exchange.clock import SECOND_NS
from tickgate_sim.exchange.config import ConfigError, ExchangeConfig
from tickgate_sim.exchange.core import Exchange
from tickgate_sim.exchange.mold import MoldStream

MIX = FlowMix(replace=9, take=2, reduce=1, improved_ppm=40_000, passive=True)
"""Near the shares of a whole day of Nasdaq's feed (44 % A, 43 % D, 8 % U, 2 % E, 1 % X)."""
FIRST_SYMBOLS = (
    ("AAPL", 189_3100),
    ("MSFT", 410_1200),
    ("NVDA", 131_2500),
    ("TSLA", 248_2000),
    ("AMZN", 201_7000),
    ("META", 563_3300),
    ("NVR", 8_214_5000),
    ("PENY", 5200),
)
"""Reference prices in 1/10000 USD: ordinary ones, one very high, one below a dollar."""
MAX_SYMBOLS = 10_000
OPEN_NS = (9 * 3600 + 30 * 60) * SECOND_NS
SECONDS_A_DAY = 6 * 3600 + 30 * 60
STEP_NS = SECOND_NS
MESSAGES_A_STATEMENT = 4000
"""Mean number of messages from one statement to the public to the next."""
HALT_NS = 20 * SECOND_NS


class _FileStream(MoldStream):
    """Counts the feed's messages and writes them to a file; nothing is kept or packed."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__("RECORD")
        self.counts: Counter[int] = Counter()
        self._file = file
        self._next = 1

    @property
    def next_sequence(self) -> int:
        """Number of the next message."""
        return self._next

    def pack(self, messages: Sequence[bytes]) -> list[bytes]:
        """Write the messages; there is no packet to send."""
        self._next += len(messages)
        for message in messages:
            self.counts[message[0]] += 1
            self._file.write(len(message).to_bytes(2, "big") + message)
        return []


@dataclass(slots=True)
class _Statements:
    """What the exchange says about its symbols besides orders and trades."""

    exchange: Exchange
    symbols: Sequence[tuple[str, int, int]]
    chance: Random
    halted_until: dict[str, int] = field(default_factory=dict)
    _turn: int = 0

    def opening(self, now: int) -> None:
        """What is said once, before trading: breaker levels, market makers, operational state."""
        levels = {f"level_{n}": percent * 10**8 for n, percent in ((1, 4650), (2, 4350), (3, 4000))}
        self.exchange.notice("V", "", levels, now)
        for symbol, _, _ in self.symbols:
            values = {"mpid": MPID, "primary_market_maker": "Y", "market_maker_mode": "N"}
            self.exchange.notice("L", symbol, {**values, "market_participant_state": "A"}, now)

    def make(self, now: int) -> None:
        """One statement about one symbol; the kinds take turns, so that none is missing."""
        symbol, price, _ = self.chance.choice(self.symbols)
        kinds = ("halt", "Y", "N", "h", "J", "I", "Q", "B", "K", "O", "W")
        kind = kinds[self._turn % len(kinds)]
        self._turn += 1
        if kind == "halt":
            self.exchange.halt(symbol, now, "T1")
            self.halted_until.setdefault(symbol, now + HALT_NS)
            return
        about = "" if kind == "W" else symbol
        self.exchange.notice(kind, about, self._values(kind, price), now)

    def resume(self, now: int) -> None:
        """Let the symbols trade again whose halt is over."""
        for symbol in [name for name, until in self.halted_until.items() if until <= now]:
            del self.halted_until[symbol]
            self.exchange.resume(symbol, now)

    def _values(self, kind: str, price: int) -> dict[str, int | str]:
        choice, match = self.chance.choice, self.chance.randrange(1, 1 << 40)
        shares = 100 * self.chance.randrange(1, 500)
        low, high = price * 95 // 100, price * 105 // 100
        values: dict[str, dict[str, int | str]] = {
            "Y": {"reg_sho_action": choice("012")},
            "N": {"interest_flag": choice("BSAN")},
            "h": {"market_code": choice("QBX"), "operational_halt_action": choice("HT")},
            "J": {
                "auction_collar_reference_price": price,
                "upper_auction_collar_price": high,
                "lower_auction_collar_price": low,
                "auction_collar_extension": self.chance.randrange(3),
            },
            "I": {
                "paired_shares": shares,
                "imbalance_shares": shares // 2,
                "imbalance_direction": choice("BSN"),
                "far_price": low,
                "near_price": high,
                "current_reference_price": price,
                "cross_type": "C",
                "price_variation_indicator": choice("L12"),
            },
            "Q": {
                "shares": shares,
                "cross_price": price,
                "match_number": match,
                "cross_type": choice("OCH"),
            },
            "B": {"match_number": match},
            "K": {
                "ipo_quotation_release_time": 34_200,
                "ipo_quotation_release_qualifier": "A",
                "ipo_price": price,
            },
            "O": {
                "open_eligibility_status": choice("NY"),
                "minimum_allowable_price": low,
                "maximum_allowable_price": high,
                "near_execution_price": price,
                "near_execution_time": OPEN_NS,
                "lower_price_range_collar": low,
                "upper_price_range_collar": high,
            },
            "W": {"breached_level": choice("123")},
        }
        return values[kind]


def symbols(count: int) -> tuple[tuple[str, int, int], ...]:
    """The first ``count`` symbols with prices (1/10000 USD) and round lots."""
    made = ((f"SYM{number:05}", 10_0000 + 1700 * number) for number in range(count))
    named = [*FIRST_SYMBOLS[:count], *made][:count]
    return tuple((name, price, 100) for name, price in named)


def record(
    file: BinaryIO, *, symbol_count: int, messages: int, seed: int, orders_per_side: int
) -> Counter[str]:
    """Write a day to ``file`` that closes once it has ``messages``; how many of each type.

    The close adds a Delete for every order that is left, and three system events. Raises
    ConfigError for numbers that cannot work, OSError if the file cannot be written.
    """
    if not 1 <= symbol_count <= MAX_SYMBOLS:
        raise ConfigError(f"symbols must be 1 to {MAX_SYMBOLS}, not {symbol_count}")
    config = ExchangeConfig(
        symbols=symbols(symbol_count),
        accounts=(),
        seed=seed,
        orders_per_side=orders_per_side,
        messages_per_second=max(1, messages // SECONDS_A_DAY),
    )
    stream = _FileStream(file)
    exchange = Exchange(config, lambda packets: None, stream=stream, mix=MIX)
    chance = Random(f"{seed} statements")
    statements = _Statements(exchange, config.symbols, chance)
    now = OPEN_NS
    exchange.open(now)
    statements.opening(now)
    for step_end, due in _steps(now, stream, messages, chance):
        exchange.advance(step_end)
        statements.resume(step_end)
        if due:
            statements.make(step_end)
        now = step_end
    exchange.close(now)
    file.write(bytes(2))
    return Counter({chr(kind): count for kind, count in stream.counts.items()})


def _steps(
    now: int, stream: _FileStream, messages: int, chance: Random
) -> Iterator[tuple[int, bool]]:
    """Ends of the steps of a day until it has its messages, and whether a statement is due."""
    statement_at = stream.next_sequence
    while stream.next_sequence <= messages:
        now += STEP_NS
        due = stream.next_sequence >= statement_at
        if due:
            statement_at += chance.randrange(1, 2 * MESSAGES_A_STATEMENT)
        yield now, due


def command(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tickgate_sim.exchange.record",
        description="Record a day of the simulated exchange to a BinaryFILE of ITCH 5.0.",
    )
    parser.add_argument("--out", required=True, metavar="FILE")
    parser.add_argument("--symbols", type=int, default=8)
    parser.add_argument("--messages", type=int, default=1_000_000, help="before the day closes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders-per-side", type=int, default=200, help="of each symbol's book")
    words = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        with open(words.out, "wb") as file:
            counts = record(
                file,
                symbol_count=words.symbols,
                messages=words.messages,
                seed=words.seed,
                orders_per_side=words.orders_per_side,
            )
    except (ConfigError, OSError) as error:
        print(f"record: {error}", file=sys.stderr)
        return 1
    seconds = time.monotonic() - began
    mix = " ".join(f"{kind}:{count}" for kind, count in counts.most_common())
    print(f"{counts.total()} messages in {seconds:.1f} s, {counts.total() / seconds:.0f} a second")
    print(mix)
    return 0


if __name__ == "__main__":
    sys.exit(command())
