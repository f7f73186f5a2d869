"""What the demo records, read by tshark: whole SoupBinTCP and MoldUDP64, nothing malformed.

tshark's OUCH dissector is of OUCH 4, so it leaves the payloads of OUCH 5.0 as data; those are
decoded here with the product's own tables, from the bytes that tshark reassembled.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tickgate.protocols.ouch50 import decode_inbound, decode_outbound
from tickgate_sim.wire.mode import choose

pytestmark = pytest.mark.system

MOST_PAYLOAD = 4_096


def dissect(tshark: str, file: Path, *words: str) -> list[str]:
    """Lines that tshark prints; it must end well."""
    done = subprocess.run(
        [tshark, "-r", str(file), *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("mode", ["tap", "relay"])
def test_what_the_demo_records(
    mode: str, card_is_built: None, tmp_path: Path, require_tool: Callable[[str], str]
) -> None:
    tshark = require_tool("tshark")
    if mode == "tap" and choose().mode != "tap":
        pytest.skip(f"no TAP here: {choose().reason}")
    file = tmp_path / "demo.pcap"
    words = [
        "demo",
        "--seconds",
        "4",
        "--mode",
        mode,
        "--pcap",
        str(file),
        "--build",
        str(tmp_path),
    ]
    demo = subprocess.run(
        [sys.executable, "-m", "tickgate.cli", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "positions agree with the exchange: yes" in demo.stdout
    figures = json.loads((tmp_path / "demo.json").read_text())

    opened = "tcp.flags.syn == 1 && tcp.flags.ack == 0"
    gateway = dissect(tshark, file, "-Y", opened, "-T", "fields", "-e", "tcp.dstport")
    feed = set(dissect(tshark, file, "-Y", "udp", "-T", "fields", "-e", "udp.dstport"))
    assert len(gateway) == 1, "one order-entry connection"
    assert 1 <= len(feed) <= 2, "line A, and B where the wire carries it"
    known = ["-d", f"tcp.port=={gateway[0]},soupbintcp"]
    for port in feed:
        known += ["-d", f"udp.port=={port},moldudp64"]
    checks = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]
    checks += ["-o", "udp.check_checksum:TRUE"]

    bad = "_ws.malformed || _ws.short || _ws.expert.severity >= 6291456"  # warnings and errors
    assert dissect(tshark, file, *known, *checks, "-Y", bad) == []

    def kinds(direction: str) -> Counter[str]:
        chosen = f"soupbintcp && tcp.{direction}port == {gateway[0]}"
        fields = ["-T", "fields", "-E", "occurrence=a", "-e", "soupbintcp.packet_type"]
        letters = ",".join(dissect(tshark, file, *known, "-Y", chosen, *fields))
        return Counter(letters.replace("'", "").split(","))

    from_card, from_exchange = kinds("dst"), kinds("src")
    assert from_card["L"] == 1, "one Login Request"
    assert from_exchange["A"] == 1, "it was accepted"
    assert from_card["U"] == figures["demo.orders_sent"], "each request that passed the gate"
    assert from_exchange["S"] >= figures["demo.fills"]
    assert set(from_card) <= set("LURO")
    assert set(from_exchange) <= set("ASH+Z")

    sent, heard = payloads(dissect(tshark, file, "-q", "-z", "follow,tcp,raw,0"))
    requests = Counter(type(decode_inbound(data)).__name__ for data in sent)
    replies = Counter(type(decode_outbound(data)).__name__ for data in heard)
    assert sum(requests.values()) == figures["demo.orders_sent"]
    assert replies["OrderExecuted"] == figures["demo.fills"]
    print(mode, dict(requests), dict(replies))


def payloads(lines: list[str]) -> tuple[list[bytes], list[bytes]]:
    """OUCH messages to and from the exchange, of tshark's account of a stream."""
    streams = bytearray(), bytearray()
    for line in lines:
        text = line.strip()
        if text and all(letter in "0123456789abcdef" for letter in text):
            streams[line.startswith("\t")].extend(bytes.fromhex(text))
    found: tuple[list[bytes], list[bytes]] = [], []
    for stream, messages in zip(streams, found, strict=True):
        while stream:
            length = int.from_bytes(stream[:2], "big")
            assert 1 <= length <= MOST_PAYLOAD
            packet = bytes(stream[2 : 2 + length])
            assert len(packet) == length, "the last packet is whole"
            if packet[:1] in (b"U", b"S"):
                messages.append(packet[1:])
            del stream[: 2 + length]
    return found
