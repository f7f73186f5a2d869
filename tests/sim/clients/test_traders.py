"""The trading clients against an acceptor on a real socket."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tickgate.fix.codec import FixMessage, encode, parse
from tickgate.fix.filestore import FileStore
from tickgate.fix.session import Session, SessionConfig
from tickgate.fix.store import MemoryStore, MessageStore
from tickgate_sim.clients.echo_acceptor import EchoAcceptor
from tickgate_sim.clients.fix_client import ClientConfig, FixClient
from tickgate_sim.clients.traders import (
    ClientSummary,
    FatFinger,
    MarketMaker,
    Taker,
    Trader,
    TraderConfig,
)

SYMBOLS = ("AAPL", "MSFT")
HINTS = {"AAPL": 1_900_000, "MSFT": 4_000_000}


def session(client: str, store: MessageStore | None = None, password: str | None = None) -> Session:
    config = SessionConfig("FIX.4.4", "TICKGATE", client, password=password)
    return Session(config, store or MemoryStore())


def config(client: str = "C1", **more: object) -> TraderConfig:
    settings = {"actions_per_s": 200.0, "price_hints": HINTS} | more
    return TraderConfig(client, f"ACC-{client}", SYMBOLS, 7, **settings)


@pytest.fixture
def acceptor() -> Iterator[EchoAcceptor]:
    sessions = [session("C1"), session("C2"), session("C3", password="secret")]
    with EchoAcceptor(sessions) as acceptor:
        yield acceptor


def run(trader: Trader, acceptor: EchoAcceptor, duration_s: float = 0.5) -> ClientSummary:
    return asyncio.run(trader.run(acceptor.host, acceptor.port, duration_s))


def positions(acceptor: EchoAcceptor, client: str) -> dict[str, int]:
    found = acceptor.call(lambda: acceptor.application.positions(client))
    return {symbol: found.get(symbol, 0) for symbol in SYMBOLS}


def check_books(summary: ClientSummary, trader: Trader, acceptor: EchoAcceptor) -> None:
    assert summary.unanswered == ()
    assert summary.unknown_reports == 0
    assert summary.problems == ()
    assert summary.positions == positions(acceptor, summary.comp_id)
    fills = trader.ledger.fills.values()
    totals = Counter[str]()
    for fill in fills:
        totals[fill.symbol] += fill.signed_quantity
    assert summary.positions == {symbol: totals[symbol] for symbol in SYMBOLS}
    assert summary.cash == -sum(fill.signed_quantity * fill.price for fill in fills)
    assert trader.ledger.live_orders() == []


def test_taker(acceptor: EchoAcceptor) -> None:
    trader = Taker(config())
    summary = run(trader, acceptor)
    check_books(summary, trader, acceptor)
    assert summary.orders_sent == summary.acked == summary.fills == len(summary.latencies_ns) > 0
    assert summary.rejects == {}
    assert 0 < summary.latency_ns(50) <= summary.latency_ns(99) <= summary.latency_ns(100)


def test_market_maker_quotes_both_sides_and_moves(acceptor: EchoAcceptor) -> None:
    trader = MarketMaker(config())
    summary = run(trader, acceptor)
    check_books(summary, trader, acceptor)
    assert summary.orders_sent == 4
    assert summary.replaces_sent > 0
    assert summary.cancels_sent >= 4
    entered = [order for order in trader.ledger.orders.values() if order.kind == "D"]
    assert {(order.symbol, order.side) for order in entered} == {
        (symbol, side) for symbol in SYMBOLS for side in "15"
    }


def test_sales_are_marked_short_unless_the_position_covers_them(acceptor: EchoAcceptor) -> None:
    trader = Taker(config())
    run(trader, acceptor)
    held = Counter[str]()
    sides = set()
    for order in trader.ledger.orders.values():  # each is filled at once, in turn
        sides.add(order.side)
        if order.side == "1":
            held[order.symbol] += order.quantity
            continue
        assert order.side == ("2" if order.quantity <= held[order.symbol] else "5")
        held[order.symbol] -= order.quantity
    assert sides == {"1", "2", "5"}


def test_fat_finger_is_refused_by_the_named_check(acceptor: EchoAcceptor) -> None:
    trader = FatFinger(config())
    summary = run(trader, acceptor)
    check_books(summary, trader, acceptor)
    assert summary.rejects["max_quantity"] > 0
    assert set(summary.rejects) == {"max_quantity"}
    assert summary.acked + summary.rejects["max_quantity"] == summary.orders_sent


def test_password(acceptor: EchoAcceptor) -> None:
    assert run(Taker(config("C3", password="secret")), acceptor, 0.1).logons == 1
    wrong = Taker(config("C3", password="guess"))
    with pytest.raises(TimeoutError):
        asyncio.run(wrong.run(acceptor.host, acceptor.port, 1, start_timeout_s=0.3))


def test_broken_line_loses_and_doubles_nothing(acceptor: EchoAcceptor) -> None:
    trader = Taker(config())

    async def break_twice() -> ClientSummary:
        trading = asyncio.create_task(trader.run(acceptor.host, acceptor.port, 1.5))
        for logons in (1, 2):
            while trader.client.counters.logons < logons or len(trader.ledger.fills) < 5 * logons:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(acceptor.drop_connections)
        return await trading

    summary = asyncio.run(break_twice())
    check_books(summary, trader, acceptor)
    assert summary.logons == 3
    assert summary.fills == summary.orders_sent


def test_gateway_restart_loses_and_doubles_nothing(tmp_path: Path) -> None:
    trader = Taker(config())
    path = tmp_path / "C1.fix"

    async def restart() -> ClientSummary:
        store = FileStore(path)
        first = EchoAcceptor([session("C1", store)])
        with first:
            trading = asyncio.create_task(trader.run(first.host, first.port, 1.5))
            while len(trader.ledger.fills) < 5:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(first.stop)
        store.close()
        sessions = [session("C1", FileStore(path))]
        with EchoAcceptor(sessions, first.application, port=first.port) as again:
            summary = await trading
            check_books(summary, trader, again)
        return summary

    summary = asyncio.run(restart())
    assert summary.logons == 2
    assert summary.fills == summary.orders_sent > 5


def test_two_clients_at_once(acceptor: EchoAcceptor) -> None:
    one, two = Taker(config("C1")), MarketMaker(config("C2"))

    async def both() -> list[ClientSummary]:
        runs = (trader.run(acceptor.host, acceptor.port, 0.3) for trader in (one, two))
        return await asyncio.gather(*runs)

    for trader, summary in zip((one, two), asyncio.run(both()), strict=True):
        check_books(summary, trader, acceptor)


def decisions(seed: int) -> list[tuple[str, str, int, int]]:
    """What a trader would send that gets no answers."""
    trader = FatFinger(TraderConfig("C1", "ACC", SYMBOLS, seed, price_hints=HINTS))
    for _ in range(50):
        trader.act()
    return [
        (order.symbol, order.side, order.quantity, order.price)
        for order in trader.ledger.orders.values()
    ]


def test_decisions_follow_the_seed() -> None:
    assert decisions(1) == decisions(1)
    assert decisions(1) != decisions(2)


def test_market_data_goes_before_hints() -> None:
    quotes = {"AAPL": (10_000, 10_200)}
    trader = Taker(config(), quotes.get)
    assert trader.market("AAPL") == (10_000, 10_200)
    assert trader.market("MSFT") == (3_999_900, 4_000_100)
    assert Taker(TraderConfig("C1", "ACC", SYMBOLS, 1)).market("AAPL") is None


class Wire:
    """Stands for the connection's writing end."""

    def __init__(self) -> None:
        self.sent: list[FixMessage] = []

    def write(self, raw: bytes) -> None:
        self.sent.append(parse(raw))


def gateway_says(client: FixClient, msg_type: str, seq: int, *fields: tuple[int, object]) -> None:
    header = [(35, msg_type), (49, "TICKGATE"), (56, "C1"), (34, seq)]
    header += [(52, "20240102-10:00:00.000")]
    client._receive(parse(encode("FIX.4.4", [*header, *fields])))


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def received() -> list[FixMessage]:
    return []


@pytest.fixture
def client(wire: Wire, received: list[FixMessage]) -> FixClient:
    client = FixClient(ClientConfig("C1", "TICKGATE"), lambda message, _: received.append(message))
    client._writer = wire
    gateway_says(client, "A", 1, (98, 0), (108, 5))
    return client


def test_client_answers_test_requests(client: FixClient, wire: Wire) -> None:
    gateway_says(client, "1", 2, (112, "hello"))
    assert [(item.msg_type, item.get(112)) for item in wire.sent] == [("0", "hello")]


def test_client_asks_for_a_gap_once(
    client: FixClient, wire: Wire, received: list[FixMessage]
) -> None:
    gateway_says(client, "8", 4, (17, "e4"))
    gateway_says(client, "8", 5, (17, "e5"))
    assert [(item.msg_type, item.get(7), item.get(16)) for item in wire.sent] == [("2", "2", "0")]
    gateway_says(client, "4", 2, (43, "Y"), (123, "Y"), (36, 4))
    gateway_says(client, "8", 4, (43, "Y"), (17, "e4"))
    gateway_says(client, "8", 5, (43, "Y"), (17, "e5"))
    gateway_says(client, "8", 5, (43, "Y"), (17, "e5"))
    assert [item.get(17) for item in received] == ["e4", "e5"]
    assert client.counters.duplicates_in == 1


def test_client_resends_with_gap_fills(client: FixClient, wire: Wire) -> None:
    client.send("D", [(11, "a")])
    gateway_says(client, "1", 2, (112, "x"))
    client.send("D", [(11, "b")])
    wire.sent.clear()
    gateway_says(client, "2", 3, (7, 1), (16, 0))
    told = [(item.msg_type, item.get(34), item.get(36), item.get(11)) for item in wire.sent]
    assert told == [("D", "1", None, "a"), ("4", "2", "3", None), ("D", "3", None, "b")]
    assert all(item.get(43) == "Y" and item.get(122) for item in wire.sent)


def test_client_leaves_when_the_gateway_goes_back(client: FixClient) -> None:
    gateway_says(client, "0", 1)
    assert client.logouts == ["gateway's MsgSeqNum is 1, must be 2"]
    assert client._over


def test_nothing_is_left_running() -> None:
    assert not [thread for thread in threading.enumerate() if thread.name == "echo-acceptor"]
