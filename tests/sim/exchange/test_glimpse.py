"""The GLIMPSE server over real sockets: whole snapshots for many, and what bad clients get."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tickgate.protocols import glimpse50, soupbintcp
from tickgate_sim.exchange import glimpse as glimpse_module
from tickgate_sim.exchange.glimpse import GlimpseServer

SESSION = "TICKGATE01"
PATIENCE_S = 20
Packets = list[soupbintcp.SoupPacket]


def login(
    username: str = "GLIMPS", password: str = "GLIMPSE", session: str = "", sequence: int = 1
) -> bytes:
    return soupbintcp.LoginRequest(
        username=username,
        password=password,
        requested_session=session,
        requested_sequence_number=sequence,
    ).encode()


class Venue:
    """A GLIMPSE server of a day on a free port."""

    def __init__(self, day: Any, **settings: int) -> None:
        self.day = day
        self.taken = 0
        defaults = {"max_clients": 8, "snapshot_timeout_ms": 15_000}
        timing = {"heartbeat_ms": 1000, "client_timeout_ms": 15_000}
        self.server = GlimpseServer(
            self.take,
            session=SESSION,
            username="glimps",
            password="GLIMPSE",
            **{**defaults, **timing, **settings},
        )
        self.port = 0

    def take(self) -> list[bytes]:
        self.taken += 1
        snapshot: list[bytes] = self.day.exchange.snapshot()
        return snapshot

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, data: bytes) -> Packets:
        """All packets up to the end of the stream, after sending ``data``."""
        reader, writer = await self.connect()
        writer.write(data)
        packets = await read(reader)
        writer.close()
        return packets


async def read(reader: asyncio.StreamReader) -> Packets:
    """All packets but heartbeats up to the end of the stream."""
    cutter, packets = soupbintcp.PacketReader(), []
    while data := await reader.read(65536):
        packets += cutter.feed(data)
    assert cutter.pending == 0
    return [item for item in packets if not isinstance(item, soupbintcp.ServerHeartbeat)]


def payloads(packets: Packets) -> list[bytes]:
    return [item.payload for item in packets if isinstance(item, soupbintcp.SequencedData)]


@pytest.fixture
def busy(make_day: Any) -> Any:
    day = make_day(messages_per_second=1000, orders_per_side=300)
    day.open()
    return day


@pytest.fixture
def serve(busy: Any) -> Callable[..., Venue]:
    """Runs a coroutine with a venue, with a limit on its time; the venue."""

    def run(scenario: Callable[[Venue], Awaitable[None]], **settings: int) -> Venue:
        async def main() -> Venue:
            venue = Venue(busy, **settings)
            venue.port = await venue.server.listen("127.0.0.1", 0)
            try:
                await asyncio.wait_for(scenario(venue), PATIENCE_S)
            finally:
                await venue.server.end_session()
            return venue

        return asyncio.run(main())

    return run


def test_a_client_gets_the_snapshot_and_the_end(serve: Any) -> None:
    async def scenario(venue: Venue) -> None:
        for session in ("", SESSION):
            packets = await venue.ask(login(session=session))
            assert packets[0] == soupbintcp.LoginAccepted(session=SESSION, sequence_number=1)
            assert payloads(packets) == venue.day.exchange.snapshot()
            assert packets[-1] == soupbintcp.EndOfSession()
            assert len(packets) == len(venue.day.exchange.snapshot()) + 2

    assert serve(scenario).server.counts == {"connections": 2, "logins": 2, "snapshots": 2}


def test_each_of_many_clients_gets_the_state_of_its_own_log_in(serve: Any) -> None:
    async def scenario(venue: Venue) -> None:
        day, clients = venue.day, []
        for _ in range(6):
            reader, writer = await venue.connect()
            writer.write(login())
            accepted = await reader.readexactly(33)
            assert accepted[2:3] == b"A"
            clients.append((reader, writer, day.exchange.snapshot()))
            day.now += 10**8
            day.exchange.advance(day.now)
        numbers = set()
        for reader, writer, snapshot in clients:
            got = payloads(await read(reader))
            assert got == snapshot
            numbers.add(glimpse50.decode(got[-1]).sequence_number)
            writer.close()
        assert len(numbers) == 6

    serve(scenario)


@pytest.mark.parametrize(
    ("request_fields", "code"),
    [
        ({"username": "OTHER"}, "A"),
        ({"password": "OTHER"}, "A"),
        ({"session": "TICKGATE02"}, "S"),
        ({"sequence": 0}, "S"),
        ({"sequence": 2}, "S"),
    ],
)
def test_a_log_in_that_is_wrong_is_rejected(
    serve: Any, request_fields: dict[str, Any], code: str
) -> None:
    async def scenario(venue: Venue) -> None:
        packets = await venue.ask(login(**request_fields))
        assert packets == [soupbintcp.LoginRejected(reject_reason_code=code)]

    venue = serve(scenario)
    assert venue.taken == 0
    assert venue.server.counts == {"connections": 1, f"logins_rejected_{code}": 1}


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (soupbintcp.UnsequencedData(b"x").encode(), "not_logged_in"),
        (soupbintcp.ClientHeartbeat().encode(), "not_logged_in"),
        (soupbintcp.ServerHeartbeat().encode(), "not_logged_in"),
        (b"\x00\x00", "malformed_packets"),
        (b"\xff\xffL", "malformed_packets"),
        (b"GET / HTTP/1.1\r\n\r\n", "malformed_packets"),
    ],
)
def test_what_is_no_log_in_is_told_and_closed(serve: Any, data: bytes, cause: str) -> None:
    async def scenario(venue: Venue) -> None:
        packets = await venue.ask(data)
        assert [type(item) for item in packets] == [soupbintcp.Debug]
        assert payloads(await venue.ask(login())) == venue.day.exchange.snapshot()

    assert serve(scenario).server.counts[cause] == 1


def test_a_client_may_not_send_messages_or_log_in_twice(serve: Any) -> None:
    async def scenario(venue: Venue) -> None:
        for extra in (soupbintcp.UnsequencedData(b"x").encode(), login()):
            packets = await venue.ask(login() + extra)
            assert isinstance(packets[-1], soupbintcp.Debug)

    venue = serve(scenario)
    assert venue.server.counts["misplaced_packet"] == 2
    assert venue.taken == 2


def test_heartbeats_and_a_log_out_are_taken(serve: Any) -> None:
    async def scenario(venue: Venue) -> None:
        beat = soupbintcp.ClientHeartbeat().encode()
        assert isinstance((await venue.ask(login() + beat * 3))[-1], soupbintcp.EndOfSession)
        out = soupbintcp.LogoutRequest().encode()
        assert not isinstance((await venue.ask(login() + out))[-1], soupbintcp.EndOfSession)

    assert serve(scenario).server.counts["logouts"] == 1


def test_one_client_too_many_is_told_so(serve: Any) -> None:
    async def scenario(venue: Venue) -> None:
        held = [await venue.connect() for _ in range(2)]
        while len(venue.server.connections) < 2:
            await asyncio.sleep(0.002)
        packets = await venue.ask(login())
        assert packets == [soupbintcp.Debug(b"too many clients at once")]
        held[0][1].close()
        while len(venue.server.connections) > 1:
            await asyncio.sleep(0.002)
        assert payloads(await venue.ask(login()))
        held[1][1].close()

    assert serve(scenario, max_clients=2).server.counts["too_many_clients"] == 1


def test_a_client_that_says_nothing_is_closed(serve: Any) -> None:
    async def scenario(venue: Venue) -> None:
        packets = await venue.ask(b"")
        assert packets == [soupbintcp.Debug(b"nothing was heard for too long")]

    assert serve(scenario, client_timeout_ms=50).server.counts["timeouts"] == 1


def huge(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """A snapshot that no socket buffer takes whole."""
    snapshot = [b"A" * 400] * 40_000 + [glimpse50.EndOfSnapshot(sequence_number=9).encode()]
    monkeypatch.setattr(Venue, "take", lambda _: snapshot)
    return snapshot


def test_a_client_that_does_not_read_costs_no_memory_and_is_closed_in_time(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge(monkeypatch)

    async def scenario(venue: Venue) -> None:
        reader, writer = await venue.connect()
        writer.write(login())
        await asyncio.sleep(0.2)
        (connection,) = venue.server.connections
        assert connection._transport.get_write_buffer_size() < 200_000
        while venue.server.connections:
            await asyncio.sleep(0.01)
        got = await reader.read()
        assert soupbintcp.EndOfSession().encode() not in got, "the stream is cut"
        writer.close()

    counts = serve(scenario, snapshot_timeout_ms=400).server.counts
    assert (counts["reads_too_slowly"], counts["snapshots"]) == (1, 0)


def test_a_client_that_reads_slowly_gets_all_of_it(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = huge(monkeypatch)
    monkeypatch.setattr(glimpse_module, "CLOSE_SECONDS", 0.0)

    async def scenario(venue: Venue) -> None:
        reader, writer = await venue.connect()
        writer.write(login())
        await asyncio.sleep(0.2)
        assert payloads(await read(reader)) == snapshot
        writer.close()

    assert serve(scenario).server.counts["snapshots"] == 1


def test_others_are_served_while_one_does_not_read(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = huge(monkeypatch)

    async def scenario(venue: Venue) -> None:
        _, idle = await venue.connect()
        idle.write(login())
        assert payloads(await venue.ask(login())) == snapshot
        idle.transport.abort()

    serve(scenario)


def test_random_bytes_hurt_nobody(serve: Any) -> None:
    async def scenario(venue: Venue) -> None:
        rng = random.Random(1)
        for _ in range(60):
            data = bytearray(login() + soupbintcp.ClientHeartbeat().encode())
            for _ in range(rng.randrange(1, 6)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            _, writer = await venue.connect()
            writer.write(bytes(data))
            writer.write_eof()
            writer.close()
        assert payloads(await venue.ask(login())) == venue.day.exchange.snapshot()

    serve(scenario, max_clients=100)


def test_the_end_of_the_day_ends_a_snapshot_under_way(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge(monkeypatch)

    async def scenario(venue: Venue) -> None:
        _, writer = await venue.connect()
        writer.write(login())
        await asyncio.sleep(0.1)
        await venue.server.end_session()
        assert not venue.server.connections
        with pytest.raises(ConnectionError):
            await venue.connect()
        writer.close()

    assert serve(scenario).server.counts["snapshots"] == 0
