"""The OUCH gateway over real sockets."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tickgate.protocols import ouch50, soupbintcp
from tickgate_sim.exchange import gateway as gateway_module
from tickgate_sim.exchange.gateway import Gateway

SESSION = "TICKGATE01"
PATIENCE_S = 20
"""When a test gives up; nothing should come near it."""


class Client:
    """A SoupBinTCP client that does only what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._stream = reader
        self._writer = writer
        self._reader = soupbintcp.PacketReader()
        self._packets: list[soupbintcp.SoupPacket] = []

    def send(self, *packets: soupbintcp.SoupPacket | bytes) -> None:
        for packet in packets:
            self._writer.write(packet if isinstance(packet, bytes) else packet.encode())

    def order(self, message: ouch50.InboundMessage) -> None:
        self.send(soupbintcp.UnsequencedData(message.encode()))

    async def receive(self) -> soupbintcp.SoupPacket | None:
        """The next packet; None at the end of the stream."""
        while not self._packets:
            data = await self._stream.read(65536)
            if not data:
                return None
            self._packets = self._reader.feed(data)
        return self._packets.pop(0)

    async def until_closed(self) -> list[soupbintcp.SoupPacket]:
        """All packets but heartbeats up to the end of the stream."""
        packets = []
        while (packet := await self.receive()) is not None:
            if not isinstance(packet, soupbintcp.ServerHeartbeat):
                packets.append(packet)
        return packets

    async def messages(self, count: int) -> list[ouch50.OutboundMessage]:
        """The next sequenced messages."""
        found: list[ouch50.OutboundMessage] = []
        while len(found) < count:
            packet = await self.receive()
            assert packet is not None
            if isinstance(packet, soupbintcp.SequencedData):
                found.append(ouch50.decode_outbound(packet.payload))
        return found

    async def login(self, user: str = "ALICE", password: str = "A", **fields: Any) -> Any:
        self.send(login(user, password, **fields))
        return await self.receive()

    def vanish(self) -> None:
        self._writer.transport.abort()


def login(
    user: str, password: str, *, session: str = "", sequence: int = 1
) -> soupbintcp.LoginRequest:
    return soupbintcp.LoginRequest(
        username=user,
        password=password,
        requested_session=session,
        requested_sequence_number=sequence,
    )


class Venue:
    """A gateway on a free port, and a way to reach it."""

    def __init__(self, day: Any, **settings: int) -> None:
        self.day = day
        self.gateway = Gateway(
            day.exchange,
            lambda: day.now,
            session=SESSION,
            **{"heartbeat_ms": 1000, "client_timeout_ms": 15_000, **settings},
        )
        self.port = 0

    async def connect(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port))

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.002)


@pytest.fixture
def trade(day: Any) -> Callable[..., None]:
    """Runs a coroutine with a venue, with a limit on its time."""

    def run(scenario: Callable[[Venue], Awaitable[None]], **settings: int) -> None:
        async def main() -> None:
            venue = Venue(day, **settings)
            venue.port = await venue.gateway.listen("127.0.0.1", 0)
            try:
                await asyncio.wait_for(scenario(venue), PATIENCE_S)
            finally:
                await venue.gateway.end_session()

        asyncio.run(main())

    return run


def test_an_order_is_accepted_and_executed(trade: Any, enter: Any) -> None:
    async def scenario(venue: Venue) -> None:
        alice, bob = await venue.connect(), await venue.connect()
        assert await alice.login() == soupbintcp.LoginAccepted(session=SESSION, sequence_number=1)
        await bob.login("BOB", "B", sequence=0)
        alice.order(enter(1, "S", 100, 100_0000))
        assert [m.message_type for m in await alice.messages(2)] == ["S", "A"]
        bob.order(enter(1, "B", 100, 100_0000))
        assert [m.message_type for m in await bob.messages(2)] == ["A", "E"]
        assert [m.message_type for m in await alice.messages(1)] == ["E"]

    trade(scenario)


def test_the_stream_may_be_cut_anywhere(trade: Any, enter: Any) -> None:
    async def scenario(venue: Venue) -> None:
        client = await venue.connect()
        packets = [login("ALICE", "A")] + [
            soupbintcp.UnsequencedData(enter(number, "B", 100, 99_0000).encode())
            for number in range(1, 4)
        ]
        for byte in b"".join(packet.encode() for packet in packets):
            client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert isinstance(await client.receive(), soupbintcp.LoginAccepted)
        assert [m.message_type for m in await client.messages(4)] == ["S", "A", "A", "A"]

    trade(scenario)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (login("ALICE", "WRONG"), "A"),
        (login("NOBODY", "A"), "A"),
        (login("ALICE", "B"), "A"),
        (login("ALICE", "A", session="OTHER"), "S"),
        (login("ALICE", "A", sequence=3), "S"),
    ],
)
def test_a_login_that_cannot_be_is_rejected_and_closed(
    trade: Any, request_: soupbintcp.LoginRequest, code: str
) -> None:
    async def scenario(venue: Venue) -> None:
        client = await venue.connect()
        client.send(request_)
        assert await client.until_closed() == [soupbintcp.LoginRejected(reject_reason_code=code)]
        assert venue.gateway.counts[f"logins_rejected_{code}"] == 1

    trade(scenario)


@pytest.mark.parametrize("request_", [login("alice", "a"), login("Alice", "A", session=SESSION)])
def test_names_and_passwords_are_compared_without_case(trade: Any, request_: Any) -> None:
    async def scenario(venue: Venue) -> None:
        client = await venue.connect()
        client.send(request_)
        assert isinstance(await client.receive(), soupbintcp.LoginAccepted)

    trade(scenario)


@pytest.mark.parametrize(("sequence", "first"), [(1, 1), (2, 2), (4, 4), (0, 4)])
def test_a_reconnect_is_served_from_the_number_it_asks_for(
    trade: Any, enter: Any, sequence: int, first: int
) -> None:
    async def scenario(venue: Venue) -> None:
        client = await venue.connect()
        await client.login()
        client.order(enter(1, "B", 100, 99_0000))
        client.order(enter(2, "B", 100, 99_0000))
        seen = await client.messages(3)
        client.vanish()
        await venue.until(lambda: not venue.gateway.connections)
        again = await venue.connect()
        assert await again.login(sequence=sequence) == soupbintcp.LoginAccepted(
            session=SESSION, sequence_number=first
        )
        again.order(enter(1, "B", 100, 99_0000))  # sent again: changes nothing
        again.order(enter(3, "B", 100, 99_0000))
        replayed = await again.messages(4 - first + 1)
        assert replayed[:-1] == seen[first - 1 :]
        assert [replayed[-1].message_type, replayed[-1].user_ref_num] == ["A", 3]

    trade(scenario)


def test_fills_while_away_are_replayed(trade: Any, enter: Any) -> None:
    async def scenario(venue: Venue) -> None:
        client = await venue.connect()
        await client.login()
        client.order(enter(1, "S", 100, 100_0000))
        await client.messages(2)
        client.vanish()
        await venue.until(lambda: not venue.gateway.connections)
        venue.day.send("BOB", enter(1, "B", 60, 100_0000))
        again = await venue.connect()
        await again.login(sequence=3)
        (fill,) = await again.messages(1)
        assert isinstance(fill, ouch50.OrderExecuted)
        assert fill.quantity == 60

    trade(scenario)


def test_a_second_login_takes_the_port_over(trade: Any, enter: Any) -> None:
    async def scenario(venue: Venue) -> None:
        first, second = await venue.connect(), await venue.connect()
        await first.login(sequence=0)
        await second.login(sequence=0)
        assert await first.until_closed() == [soupbintcp.Debug(b"logged in from elsewhere")]
        second.order(enter(1, "B", 100, 99_0000))
        assert [m.message_type for m in await second.messages(1)] == ["A"]
        assert venue.gateway.counts["taken_over"] == 1

    trade(scenario)


def test_a_lost_connection_cancels_if_the_account_wants_it(trade: Any, enter: Any) -> None:
    async def scenario(venue: Venue) -> None:
        alice, bob = await venue.connect(), await venue.connect()
        await alice.login()
        await bob.login("BOB", "B")
        alice.order(enter(1, "B", 100, 99_0000))
        bob.order(enter(1, "B", 100, 99_0000))
        await alice.messages(2)
        await bob.messages(2)
        alice.vanish()
        bob.vanish()
        await venue.until(lambda: not venue.gateway.connections)
        live = venue.day.exchange.engine
        assert [live.is_live(user, 1) for user in ("ALICE", "BOB")] == [True, False]

    trade(scenario)


def test_a_logout_closes(trade: Any) -> None:
    async def scenario(venue: Venue) -> None:
        client = await venue.connect()
        await client.login(sequence=0)
        client.send(soupbintcp.LogoutRequest())
        assert await client.until_closed() == []
        assert venue.gateway.counts["logouts"] == 1

    trade(scenario)


def test_a_quiet_server_sends_heartbeats(trade: Any) -> None:
    async def scenario(venue: Venue) -> None:
        client = await venue.connect()
        await client.login(sequence=0)
        for _ in range(3):
            assert await client.receive() == soupbintcp.ServerHeartbeat()
            client.send(soupbintcp.ClientHeartbeat())

    trade(scenario, heartbeat_ms=5)


def test_a_quiet_client_is_closed(trade: Any) -> None:
    async def scenario(venue: Venue) -> None:
        silent, lurker = await venue.connect(), await venue.connect()
        await silent.login(sequence=0)
        reason = [soupbintcp.Debug(b"nothing was heard for too long")]
        assert await silent.until_closed() == reason
        assert await lurker.until_closed() == reason
        assert venue.gateway.counts["timeouts"] == 2

    trade(scenario, client_timeout_ms=60)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"\x00\x00", "malformed_packets"),
        (b"\x00\x01?", "malformed_packets"),
        (b"\x00\x02Rx", "malformed_packets"),
        (b"GET / HTTP/1.1\r\n\r\n" + b"x" * 20_000, "malformed_packets"),
        (login("ALICE", "A").encode()[:-1] + b"x", "malformed_packets"),
        (soupbintcp.ClientHeartbeat().encode(), "not_logged_in"),
        (soupbintcp.UnsequencedData(b"O").encode(), "not_logged_in"),
        (login("ALICE", "A", sequence=0).encode() * 2, "misplaced_packet"),
        (
            login("ALICE", "A", sequence=0).encode() + soupbintcp.SequencedData(b"A").encode(),
            "misplaced_packet",
        ),
        (login("ALICE", "A", sequence=0).encode() + b"\x00\x00", "malformed_packets"),
    ],
)
def test_bad_packets_close_the_connection_and_say_why(trade: Any, data: bytes, cause: str) -> None:
    async def scenario(venue: Venue) -> None:
        bystander = await venue.connect()
        await bystander.login("BOB", "B")
        client = await venue.connect()
        client.send(data)
        packets = await client.until_closed()
        assert isinstance(packets[-1], soupbintcp.Debug)
        assert packets[-1].payload
        assert venue.gateway.counts[cause] == 1
        bystander.order(ouch50.AccountQuery(appendage=None))
        assert [m.message_type for m in await bystander.messages(2)] == ["S", "Q"]

    trade(scenario)


def test_an_order_before_a_bad_packet_still_counts(trade: Any, enter: Any) -> None:
    async def scenario(venue: Venue) -> None:
        client = await venue.connect()
        await client.login(sequence=0)
        order = soupbintcp.UnsequencedData(enter(1, "B", 100, 99_0000).encode()).encode()
        client.send(order + b"\x00\x00" + order)
        kinds = [type(packet).__name__ for packet in await client.until_closed()]
        assert kinds == ["SequencedData", "Debug"]

    trade(scenario)


def test_bad_ouch_messages_leave_the_connection_up(trade: Any, enter: Any) -> None:
    async def scenario(venue: Venue) -> None:
        client = await venue.connect()
        await client.login(sequence=0)
        for message in (b"", b"?", enter(1, "B", 100, 99_0000).encode()[:-3]):
            client.send(soupbintcp.UnsequencedData(message))
        client.send(soupbintcp.Debug(b"hello"))
        client.order(enter(1, "B", 100, 99_0000))
        assert [m.message_type for m in await client.messages(1)] == ["A"]
        assert venue.day.exchange.ports["ALICE"].ignored == {"malformed": 2, "unknown_type": 1}

    trade(scenario)


def test_the_end_of_the_session_is_announced(trade: Any) -> None:
    async def scenario(venue: Venue) -> None:
        alice, lurker = await venue.connect(), await venue.connect()
        await alice.login(sequence=0)
        await venue.until(lambda: len(venue.gateway.connections) == 2)
        await venue.gateway.end_session()
        for client in (alice, lurker):
            assert await client.until_closed() == [soupbintcp.EndOfSession()]

    trade(scenario)


def test_a_client_that_does_not_read_is_cut_off(
    trade: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_module, "MAX_UNREAD_BYTES", 1_000_000)

    async def scenario(venue: Venue) -> None:
        port = venue.day.exchange.ports["ALICE"]
        port.history += [b"x" * 60_000] * 400
        client = await venue.connect()
        client.send(login("ALICE", "A"))
        await venue.until(lambda: venue.gateway.counts["reads_too_slowly"] == 1)
        await venue.until(lambda: not venue.gateway.connections)
        assert len(port.history) == 401
        client.vanish()

    trade(scenario)
