"""Where the captured order-entry packets are."""

import os
import struct
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def captured():
    """Return a function: name of a capture -> SoupBinTCP bytes of its first TCP segment."""
    shared = Path(os.environ.get("TICKGATE_SHARED", REPOSITORY.parent / "shared"))
    folder = shared / "data" / "ouch"
    if not folder.is_dir():
        pytest.skip(f"captured OUCH packets are not here: {folder} (set TICKGATE_SHARED)")

    def payload(name):
        capture = (folder / f"nasdaq-ouch50__{name}.pcap").read_bytes()
        size = struct.unpack_from("<I", capture, 32)[0]
        frame = capture[40:40 + size]
        ip = frame[14:14 + int.from_bytes(frame[16:18], "big")]
        tcp = ip[4 * (ip[0] & 15):]
        data = tcp[4 * (tcp[12] >> 4):]
        # A capture may begin in the middle of the stream: cut to the whole packet at its end.
        for at in range(len(data) - 2):
            if at + 2 + int.from_bytes(data[at:at + 2], "big") == len(data):
                return data[at:]
        raise AssertionError(f"{name} has no whole packet at its end")

    return payload
