"""Recordings: the file's format, the connection's numbers, and what tshark thinks of them."""

import struct
import subprocess

import pytest
from tickgate_sim.wire.pcap import Pcap, TcpRecorder

FIN, SYN, PSH, ACK = 1, 2, 8, 16


def packets(path):
    data = path.read_bytes()
    assert struct.unpack_from("<IHHiIII", data) == (0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    at, found = 24, []
    while at < len(data):
        seconds, micros, kept, length = struct.unpack_from("<IIII", data, at)
        assert kept == length
        found.append((seconds, micros, data[at + 16 : at + 16 + kept]))
        at += 16 + kept
    return found


def segments(path):
    """From the card?, flags, sequence, acknowledgement, payload."""
    for _, _, frame in packets(path):
        source, _, sequence, acknowledgement = struct.unpack_from(">HHII", frame, 34)
        yield source != 9000, frame[47], sequence, acknowledgement, frame[54:]


def test_frames_are_kept_as_they_are_with_their_time(tmp_path):
    with Pcap(tmp_path / "x.pcap", clock_ns=lambda: 1_700_000_000_123_456_789) as pcap:
        pcap.write(bytes(60))
        pcap.write(b"\1" * 1514)
    assert packets(tmp_path / "x.pcap") == [
        (1_700_000_000, 123_456, bytes(60)),
        (1_700_000_000, 123_456, b"\1" * 1514),
    ]


def test_a_connection_has_its_handshakes_and_its_numbers(tmp_path):
    with Pcap(tmp_path / "x.pcap") as pcap:
        tcp = TcpRecorder(pcap, 9000)
        tcp.from_card(b"four")
        tcp.from_exchange(b"sixsix")
        tcp.from_card(b"x")
        tcp.close(by_exchange=True)
        tcp.close(by_exchange=False)
    c, s = 1_000_000, 2_000_000
    assert list(segments(tmp_path / "x.pcap")) == [
        (True, SYN, c, 0, b""),
        (False, SYN | ACK, s, c + 1, b""),
        (True, ACK, c + 1, s + 1, b""),
        (True, PSH | ACK, c + 1, s + 1, b"four"),
        (False, PSH | ACK, s + 1, c + 5, b"sixsix"),
        (True, PSH | ACK, c + 5, s + 7, b"x"),
        (False, FIN | ACK, s + 7, c + 6, b""),
        (True, FIN | ACK, c + 6, s + 8, b""),
        (False, ACK, s + 8, c + 7, b""),
    ]


def test_a_long_chunk_is_several_segments(tmp_path):
    data = bytes(i % 251 for i in range(4000))
    with Pcap(tmp_path / "x.pcap") as pcap:
        TcpRecorder(pcap, 9000).from_exchange(data)
    payloads = [payload for *_, payload in segments(tmp_path / "x.pcap") if payload]
    assert [len(p) for p in payloads] == [1460, 1460, 1080]
    assert b"".join(payloads) == data


def test_each_connection_has_a_port_of_its_own(tmp_path):
    with Pcap(tmp_path / "x.pcap") as pcap:
        TcpRecorder(pcap, 9000)
        TcpRecorder(pcap, 9000)
    ports = {frame[34:36] for *_, frame in packets(tmp_path / "x.pcap")}
    assert len(ports - {(9000).to_bytes(2, "big")}) == 2


def test_tshark_finds_nothing_wrong(tmp_path, require_tool):
    tshark = require_tool("tshark")
    path = tmp_path / "x.pcap"
    login = b"L" + b"TICK  " + b"secret    " + b" " * 10 + b"1".rjust(20)
    heartbeat = b"R"
    with Pcap(path) as pcap:
        tcp = TcpRecorder(pcap, 9000)
        tcp.from_card(len(login).to_bytes(2, "big") + login)
        tcp.from_exchange(b"\0\1H")
        tcp.from_card(b"\0\1" + heartbeat)
        tcp.close(by_exchange=False)
    options = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    wrong = ("_ws.malformed", "tcp.analysis.flags", "tcp.checksum.status == 0")
    bad = " || ".join((*wrong, "ip.checksum.status == 0"))

    def run(*words):
        command = [tshark, "-r", str(path), *options, "-d", "tcp.port==9000,soupbintcp", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert run("-Y", bad) == ""
    types = run("-Y", "soupbintcp", "-T", "fields", "-e", "soupbintcp.packet_type")
    assert types.replace("'", "").split() == ["L", "H", "R"]


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        Pcap(tmp_path / "none" / "x.pcap")
