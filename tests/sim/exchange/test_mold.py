"""Packets of the feed, taken apart with struct only."""

import struct

from tickgate_sim.exchange.mold import MAX_PAYLOAD, MoldStream


def take_apart(packet: bytes) -> tuple[bytes, int, int, list[bytes]]:
    session, sequence, count = struct.unpack_from(">10sQH", packet)
    at, messages = 20, []
    while at < len(packet):
        (length,) = struct.unpack_from(">H", packet, at)
        messages.append(packet[at + 2 : at + 2 + length])
        at += 2 + length
    return session, sequence, count, messages


def test_messages_that_occurred_together_share_a_packet() -> None:
    stream = MoldStream("DAY1")
    assert [take_apart(packet) for packet in stream.pack([b"a", b"bc"])] == [
        (b"DAY1      ", 1, 2, [b"a", b"bc"])
    ]
    assert [take_apart(packet) for packet in stream.pack([b"d"])] == [(b"DAY1      ", 3, 1, [b"d"])]
    assert stream.pack([]) == []


def test_a_packet_never_outgrows_the_payload() -> None:
    stream = MoldStream("DAY1")
    messages = [bytes([index % 256]) * 36 for index in range(100)]
    packets = stream.pack(messages)
    parts = [take_apart(packet) for packet in packets]
    assert max(map(len, packets)) <= MAX_PAYLOAD
    assert [len(part[3]) for part in parts] == [36, 36, 28]
    assert [part[1] for part in parts] == [1, 37, 73]
    assert [message for part in parts for message in part[3]] == messages


def test_a_packet_may_be_exactly_full() -> None:
    stream = MoldStream("DAY1", max_payload=20 + 3 * 3)
    assert [len(packet) for packet in stream.pack([b"x"] * 4)] == [29, 23]


def test_heartbeat_and_end_carry_the_next_number() -> None:
    stream = MoldStream("DAY1")
    stream.pack([b"a", b"b"])
    assert stream.heartbeat() == b"DAY1      " + struct.pack(">QH", 3, 0)
    assert stream.end_of_session() == b"DAY1      " + struct.pack(">QH", 3, 0xFFFF)
    assert stream.next_sequence == 3


def test_all_messages_are_kept() -> None:
    stream = MoldStream("DAY1")
    stream.pack([b"a", b"b"])
    stream.pack([b"c"])
    assert stream.messages == [b"a", b"b", b"c"]
