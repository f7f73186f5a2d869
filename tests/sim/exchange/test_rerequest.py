"""The re-request server: what is answered, with what, and what is only counted."""

import asyncio
import os
import socket
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.protocols import moldudp64
from tickgate_sim.exchange.impairment import MILLION
from tickgate_sim.exchange.mold import MAX_PAYLOAD, MoldStream
from tickgate_sim.exchange.rerequest import Rerequests, RerequestServer

SECOND = 10**9
STORED = [b"%04d" % number * 9 for number in range(1, 501)]


def server(*, per_second: int = 0, loss_ppm: int = 0, seed: str = "1") -> Rerequests:
    stream = MoldStream("DAY1")
    stream.pack(STORED)
    return Rerequests(stream, seed=seed, per_second=per_second, loss_ppm=loss_ppm)


def request(sequence: int, count: int, session: bytes = b"DAY1") -> bytes:
    return struct.pack(">10sQH", session.ljust(10), sequence, count)


def ask(rerequests: Rerequests, data: bytes, now: int = 0) -> moldudp64.Packet | None:
    answer = rerequests.answer(data, now)
    return None if answer is None else moldudp64.decode(answer)


def test_the_messages_asked_for_are_given() -> None:
    assert ask(server(), request(7, 3)) == moldudp64.Packet("DAY1", 7, tuple(STORED[6:9]))


def test_an_answer_is_one_packet_and_the_rest_must_be_asked_for() -> None:
    rerequests, got = server(), list[bytes]()
    while len(got) < 300:
        answer = rerequests.answer(request(1 + len(got), 300 - len(got)), 0)
        assert answer is not None
        assert len(answer) <= MAX_PAYLOAD
        packet = moldudp64.decode(answer)
        assert packet.sequence_number == 1 + len(got)
        assert packet.messages
        got += packet.messages
    assert got == STORED[:300]
    assert rerequests.counts["answered"] == 300 // ((MAX_PAYLOAD - 20) // 38) + 1


def test_what_is_not_there_yet_is_left_out_of_the_answer() -> None:
    assert ask(server(), request(499, 65535)) == moldudp64.Packet("DAY1", 499, tuple(STORED[498:]))


def test_a_message_longer_than_a_packet_is_given_by_itself() -> None:
    stream = MoldStream("DAY1", max_payload=30)
    stream.pack([b"x" * 100, b"y"])
    rerequests = Rerequests(stream, seed="1", per_second=0, loss_ppm=0)
    assert ask(rerequests, request(1, 2)) == moldudp64.Packet("DAY1", 1, (b"x" * 100,))


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (request(1, 1, b"DAY2"), "wrong_session"),
        (request(1, 1, b""), "wrong_session"),
        (request(0, 1), "sequence_zero"),
        (request(1, 0), "count_zero"),
        (request(501, 1), "not_yet"),
        (request(2**64 - 1, 65535), "not_yet"),
        (request(1, 1)[:-1], "malformed"),
        (request(1, 1) + b"x", "malformed"),
        (request(1, 1, b"\xff\xfe"), "malformed"),
        (b"", "malformed"),
    ],
)
def test_what_is_no_good_is_counted_and_not_answered(data: bytes, cause: str) -> None:
    rerequests = server()
    assert rerequests.answer(data, 0) is None
    assert rerequests.counts == {"requests": 1, cause: 1}


@given(st.binary(max_size=40))
def test_no_request_does_harm(data: bytes) -> None:
    rerequests = server()
    rerequests.answer(data, 0)
    assert rerequests.counts.total() == 2, "each request has one outcome"
    assert ask(rerequests, request(1, 1)) == moldudp64.Packet("DAY1", 1, (STORED[0],))


def test_a_limit_lets_a_second_go_at_once_and_then_its_rate() -> None:
    rerequests = server(per_second=10)
    burst = [rerequests.answer(request(1, 1), 0) is not None for _ in range(15)]
    assert burst == [True] * 10 + [False] * 5
    later = [
        rerequests.answer(request(1, 1), now) is not None
        for now in range(0, 3 * SECOND, SECOND // 20)
    ]
    assert sum(later) == 29, "one in every tenth of a second from 0.1 s on"
    assert rerequests.counts["over_limit"] == 5 + 60 - 29


def test_answers_are_lost_as_asked_by_the_seed() -> None:
    def lost(seed: str, ppm: int) -> list[bool]:
        rerequests = server(loss_ppm=ppm, seed=seed)
        return [rerequests.answer(request(1, 1), 0) is None for _ in range(2000)]

    assert 300 < sum(lost("1", 200_000)) < 500
    assert lost("1", 200_000) == lost("1", 200_000) != lost("2", 200_000)
    assert all(lost("1", MILLION))


def run(scenario: Any) -> Rerequests:
    """Runs a coroutine with the server's address while it serves."""
    rerequests = server()

    async def main() -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        serving = RerequestServer(rerequests, lambda: 0)
        address = serving.listen_on(sock)
        try:
            await asyncio.wait_for(scenario(address), 20)
        finally:
            serving.close()

    asyncio.run(main())
    return rerequests


def client() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def test_each_requester_gets_its_own_answers() -> None:
    async def scenario(address: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        with client() as first, client() as second:
            for number in range(100):
                first.sendto(request(1 + number, 1), address)
                second.sendto(request(200 + number, 1), address)
            for sock, start in ((first, 1), (second, 200)):
                for number in range(100):
                    packet = moldudp64.decode(await loop.sock_recv(sock, 2000))
                    assert packet.sequence_number == start + number

    assert run(scenario).counts == {"requests": 200, "answered": 200}


def test_a_requester_that_is_gone_and_noise_stop_nothing() -> None:
    async def scenario(address: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        with client() as gone:
            for _ in range(20):
                gone.sendto(request(1, 1), address)
        with client() as sock:
            for size in (0, 1, 19, 21, 1400, 60_000):
                sock.sendto(os.urandom(size), address)
            sock.sendto(request(5, 1), address)
            packet = moldudp64.decode(await loop.sock_recv(sock, 2000))
            assert packet.sequence_number == 5

    counts = run(scenario).counts
    assert counts["malformed"] == 6
    assert counts["requests"] == 27
