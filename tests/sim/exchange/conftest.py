"""A trading day without sockets or a clock: time is a counter, packets and replies are lists."""

from collections.abc import Callable
from typing import Any

import pytest
from tickgate.protocols import moldudp64, ouch50
from tickgate_sim.exchange.config import Account, ExchangeConfig
from tickgate_sim.exchange.core import Exchange


class Day:
    """An exchange at a time that moves by a microsecond with each message."""

    def __init__(self, **settings: Any) -> None:
        defaults: dict[str, Any] = {
            "symbols": (("AAPL", 100_0000, 100), ("MSFT", 400_0000, 100), ("PENY", 5000, 100)),
            "accounts": (
                Account(username="ALICE", password="A", firm="ALFA"),
                Account(username="BOB", password="B", firm="BETA", cancel_on_disconnect=True),
            ),
            "messages_per_second": 0,
            "orders_per_side": 0,
        }
        self.packets: list[bytes] = []
        self.config = ExchangeConfig(**{**defaults, **settings})
        self.exchange = Exchange(self.config, self.packets.extend)
        self.now = 9 * 3600 * 10**9
        self._read: dict[str, int] = {}

    @property
    def messages(self) -> list[bytes]:
        """All ITCH messages in the packets so far."""
        return [message for packet in self.packets for message in moldudp64.decode(packet).messages]

    def open(self) -> None:
        self.exchange.open(self.now)
        for name in self.exchange.ports:
            self.replies(name)

    def send(self, user: str, message: ouch50.InboundMessage | bytes) -> None:
        self.now += 1000
        data = message if isinstance(message, bytes) else message.encode()
        self.exchange.inbound(self.exchange.ports[user], data, self.now)

    def replies(self, user: str) -> list[ouch50.OutboundMessage]:
        """What came for the user since the last call."""
        history = self.exchange.ports[user].history
        start = self._read.get(user, 0)
        self._read[user] = len(history)
        return [ouch50.decode_outbound(message) for message in history[start:]]

    def ask(
        self, user: str, message: ouch50.InboundMessage | bytes
    ) -> list[ouch50.OutboundMessage]:
        """Send a message; all that came back for its sender."""
        self.send(user, message)
        return self.replies(user)


@pytest.fixture
def make_day() -> Callable[..., Day]:
    return Day


@pytest.fixture
def day() -> Day:
    """A day that is open, with empty books and no background flow."""
    day = Day()
    day.open()
    return day


@pytest.fixture
def enter() -> Callable[..., ouch50.EnterOrder]:
    """Makes Enter Order messages: ``enter(number, side, quantity, price, **other fields)``."""

    def make(number: int, side: str, quantity: int, price: int, **fields: Any) -> ouch50.EnterOrder:
        return ouch50.EnterOrder(
            **{
                "user_ref_num": number,
                "side": side,
                "quantity": quantity,
                "symbol": "AAPL",
                "price": price,
                "time_in_force": "0",
                "display": "Y",
                "capacity": "A",
                "intermarket_sweep_eligibility": "N",
                "cross_type": "N",
                "clordid": f"C{number}",
                **fields,
            }
        )

    return make


@pytest.fixture
def replace() -> Callable[..., ouch50.ReplaceOrder]:
    """Makes Replace messages: ``replace(original, number, quantity, price, **other fields)``."""

    def make(
        original: int, number: int, quantity: int, price: int, **fields: Any
    ) -> ouch50.ReplaceOrder:
        return ouch50.ReplaceOrder(
            **{
                "orig_user_ref_num": original,
                "user_ref_num": number,
                "quantity": quantity,
                "price": price,
                "time_in_force": "0",
                "display": "Y",
                "intermarket_sweep_eligibility": "N",
                "clordid": f"C{number}",
                **fields,
            }
        )

    return make
