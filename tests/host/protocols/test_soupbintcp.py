"""SoupBinTCP: golden bytes, any split of a stream, illegal packets, captures."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.protocols import soupbintcp as soup
from tickgate.protocols.wire import UnknownMessage, WireError

LOGIN = soup.LoginRequest(
    username="user",
    password="password",
    requested_session="",
    requested_sequence_number=1,
)

GOLDEN = [
    (
        LOGIN,
        b"\x00\x2fLuser  password  " + b" " * 10 + b" " * 19 + b"1",
    ),
    (
        soup.LoginAccepted(session="TG01", sequence_number=135),
        b"\x00\x1fA      TG01" + b" " * 17 + b"135",
    ),
    (soup.LoginRejected(reject_reason_code="S"), b"\x00\x02JS"),
    (soup.SequencedData(b"abc"), b"\x00\x04Sabc"),
    (soup.SequencedData(), b"\x00\x01S"),
    (soup.UnsequencedData(b"d" * 300), b"\x01\x2dU" + b"d" * 300),
    (soup.Debug(payload=b"hello"), b"\x00\x06+hello"),
    (soup.ServerHeartbeat(), b"\x00\x01H"),
    (soup.ClientHeartbeat(), b"\x00\x01R"),
    (soup.EndOfSession(), b"\x00\x01Z"),
    (soup.LogoutRequest(), b"\x00\x01O"),
]


@pytest.mark.parametrize(("packet", "data"), GOLDEN, ids=lambda x: type(x).__name__)
def test_golden_bytes(packet: soup.SoupPacket, data: bytes) -> None:
    assert packet.encode() == data
    assert soup.decode(data) == packet
    assert type(packet).decode(data) == packet
    assert soup.PacketReader().feed(data) == [packet]


def test_every_type_has_a_golden_vector() -> None:
    assert {type(packet) for packet, _ in GOLDEN} == set(soup.PACKETS.values())


def test_tables_are_those_of_the_written_specification(spec_tables) -> None:
    checked = set()
    for heading, rows in spec_tables("soupbintcp").items():
        if heading.startswith("Packets "):
            cls = soup.PACKETS[heading[8]]
            assert [(f.offset, f.length, f.name) for f in cls.FIELDS[2:]] == [
                row[:3] for row in rows
            ]
            checked.add(cls.TYPE)
    assert checked == set("LAJ")


def test_text_and_numbers_padded_on_either_side() -> None:
    session, number = b"TG01".ljust(10), b"135".ljust(20)
    assert soup.decode(b"\x00\x1fA" + session + number) == soup.LoginAccepted(
        session="TG01", sequence_number=135
    )


def test_the_password_stays_out_of_logs() -> None:
    assert "password'" not in repr(LOGIN)
    assert "user" in repr(LOGIN)


@given(st.lists(st.sampled_from(GOLDEN), max_size=8), st.data())
def test_any_split_gives_the_same_packets(chosen, data) -> None:
    stream = b"".join(raw for _, raw in chosen)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    reader, packets = soup.PacketReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        packets += reader.feed(stream[start:end])
    assert packets == [packet for packet, _ in chosen]
    assert reader.pending == 0


def test_byte_by_byte_and_a_cut_end() -> None:
    reader = soup.PacketReader()
    data = soup.SequencedData(b"xyz").encode()
    got = [reader.feed(data[i : i + 1]) for i in range(len(data))]
    assert got == [[], [], [], [], [], [soup.SequencedData(b"xyz")]]
    reader.feed(data[:-1])
    assert reader.pending == len(data) - 1


@given(data=st.data())
def test_round_trip(data, values_of) -> None:
    cls = data.draw(st.sampled_from(list(soup.PACKETS.values())))
    values = data.draw(values_of(cls))
    if issubclass(cls, soup.PayloadPacket):
        values["payload"] = data.draw(st.binary(max_size=300))
    packet = cls(**values)
    assert soup.decode(packet.encode()) == packet


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_give_packets_or_one_error(chunks: list[bytes]) -> None:
    reader = soup.PacketReader()
    for chunk in chunks:
        if reader.error is not None:
            with pytest.raises(WireError):
                reader.feed(chunk)
            continue
        with contextlib.suppress(WireError):
            packets = reader.feed(chunk)
            assert all(soup.decode(packet.encode()) == packet for packet in packets)


ILLEGAL = [
    (b"\x00\x00", "packet_length must be at least 1, was 0"),
    (b"\x00\x02H", "packet_length of ServerHeartbeat must be 1, was 2"),
    (b"\x00\x2eL", "packet_length of LoginRequest must be 47, was 46"),
    (b"\xff\xffA", "packet_length of LoginAccepted must be 31, was 65535"),
    (b"\x00\x01x", "no packet type b'x'"),
    (b"\x00\x1fA" + b"\xff" * 10 + b"1" * 20, "LoginAccepted.session must be ASCII"),
    (b"\x00\x1fA" + b" " * 10 + b"-1".rjust(20), "sequence_number must be ASCII digits"),
    (b"\x00\x1fA" + b" " * 10 + b"1_0".rjust(20), "sequence_number must be ASCII digits"),
    (b"\x00\x1fA" + b" " * 10 + b" " * 20, "sequence_number must be ASCII digits"),
]


@pytest.mark.parametrize(("data", "problem"), ILLEGAL)
def test_illegal_packet(data: bytes, problem: str) -> None:
    reader = soup.PacketReader()
    with pytest.raises(WireError, match=problem):
        reader.feed(data)
    with pytest.raises(WireError, match=problem):  # the stream is lost for good
        reader.feed(soup.ServerHeartbeat().encode())


@pytest.mark.parametrize(("data", "problem"), ILLEGAL)
def test_packets_before_an_illegal_one_are_not_lost(data: bytes, problem: str) -> None:
    reader = soup.PacketReader()
    assert reader.feed(soup.SequencedData(b"fill").encode() + data) == [soup.SequencedData(b"fill")]
    assert reader.error is not None
    with pytest.raises(WireError, match=problem):
        reader.feed(b"")


def test_decode_of_one_packet() -> None:
    with pytest.raises(WireError, match="at least 3 bytes long, was 2"):
        soup.decode(b"\x00\x01")
    with pytest.raises(UnknownMessage):
        soup.decode(b"\x00\x01x")
    with pytest.raises(WireError, match=r"SequencedData\.packet_length must be 3, was 4"):
        soup.decode(b"\x00\x04Sab")
    with pytest.raises(WireError, match=r"LogoutRequest\.packet_length must be 1, was 2"):
        soup.decode(b"\x00\x02O")
    with pytest.raises(WireError, match="SequencedData is >= 3 bytes long, was 2"):
        soup.SequencedData.decode(b"\x00\x01")


@pytest.mark.parametrize(
    ("packet", "problem"),
    [
        (soup.SequencedData(bytes(65535)), "payload is at most 65534 bytes long, was 65535"),
        (soup.LoginAccepted(session="S", sequence_number=10**20), "number of <= 20 digits"),
        (soup.LoginAccepted(session="S", sequence_number=-1), "number of <= 20 digits"),
        (soup.LoginAccepted(session="S" * 11, sequence_number=1), "LoginAccepted.session"),
        (soup.LoginRejected(reject_reason_code=""), "one ASCII character"),
    ],
)
def test_encode_checks_every_value(packet: soup.SoupPacket, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        packet.encode()


def test_largest_payload() -> None:
    packet = soup.SequencedData(bytes(65534))
    assert soup.decode(packet.encode()) == packet


def test_captured_login(shared_data: Path, tcp_payloads: Callable[[Path], list[bytes]]) -> None:
    (payload,) = tcp_payloads(shared_data / "soup" / "jnx__LoginRequestPacket.pcap")
    (login,) = soup.PacketReader().feed(payload)
    assert isinstance(login, soup.LoginRequest)
    assert (login.username, login.password) == ("user", "password")
    assert (login.requested_session, login.requested_sequence_number) == ("", 0)
    assert login.encode() == payload
