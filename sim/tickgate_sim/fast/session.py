"""A short session of a model that logs its activity: ``python -m tickgate_sim.fast.session``.

Arguments: the library, how many parts it logs, how many symbols it has, and the file to write.
"""

import ctypes
import sys
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tickgate_sim.fast.beats import beats
from tickgate_sim.fast.feed import FastFeed
from tickgate_sim.traffic.frames import GROUP, PORT, datagram, mold_packet
from tickgate_sim.traffic.mix import SYMBOLS, real_mix

__all__ = ["main"]

_ALONE, _BOTH = 4000, 400
"""Messages on one line, and then on both."""
_PACKET = 40
"""Messages of a packet: about as many as a frame holds."""
_CYCLES = 20_000


def _activity(library: Path, parts: int, symbols: int) -> NDArray[np.uint8]:
    """Return for each cycle a bit for each part: it had to be run."""
    names = SYMBOLS[:symbols]
    messages = list(real_mix(1, _ALONE + _BOTH, names))
    packets = [mold_packet(1 + at, messages[at:at + _PACKET])
               for at in range(0, len(messages), _PACKET)]
    groups = (GROUP, GROUP + 1)
    frames = [[datagram(packet, group=group) for packet in packets] for group in groups]
    alone = _ALONE // _PACKET
    log = np.zeros((_CYCLES, -(-parts // 64)), "<u8")
    loaded = ctypes.CDLL(str(library))
    line_a, line_b = ((str(IPv4Address(group)), PORT) for group in groups)
    with FastFeed(symbols=names, library=library, line_a=line_a, line_b=line_b) as feed:
        left = ctypes.c_uint64.in_dll(loaded, "activity_left")
        ctypes.c_void_p.in_dll(loaded, "activity_log").value = log.ctypes.data
        left.value = _CYCLES
        feed.run(beats(frames[0][:alone]))
        feed.run(beats(frames[0][alone:], load=1.0), beats(frames[1][alone:], load=1.0, start=9))
        log = log[:_CYCLES - left.value]
    return np.unpackbits(log.view(np.uint8), axis=1, count=parts, bitorder="little")


def main(arguments: list[str] | None = None) -> int:
    """Run the session and write what was logged, an array of bool by cycle and part."""
    library, parts, symbols, path = sys.argv[1:] if arguments is None else arguments
    np.save(path, _activity(Path(library), int(parts), int(symbols)).astype(bool))
    return 0


if __name__ == "__main__":
    sys.exit(main())
