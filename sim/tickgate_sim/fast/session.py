"""A short session of a model: ``python -m tickgate_sim.fast.session``.

Arguments: the library and how many symbols it has; if it logs its activity, how many parts, and the
file to write.
"""

import ctypes
import sys
from collections.abc import Callable
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


def _session(library: Path, symbols: int, begin: Callable[[], None]) -> None:
    """Run the session; ``begin`` is called when the model is there and nothing was offered."""
    names = SYMBOLS[:symbols]
    messages = list(real_mix(1, _ALONE + _BOTH, names))
    packets = [mold_packet(1 + at, messages[at:at + _PACKET])
               for at in range(0, len(messages), _PACKET)]
    groups = (GROUP, GROUP + 1)
    frames = [[datagram(packet, group=group) for packet in packets] for group in groups]
    alone = _ALONE // _PACKET
    line_a, line_b = ((str(IPv4Address(group)), PORT) for group in groups)
    with FastFeed(symbols=names, library=library, line_a=line_a, line_b=line_b) as feed:
        begin()
        feed.run(beats(frames[0][:alone]))
        feed.run(beats(frames[0][alone:], load=1.0), beats(frames[1][alone:], load=1.0, start=9))


def _activity(library: Path, symbols: int, parts: int) -> NDArray[np.uint8]:
    """Return for each cycle a bit for each part: it had to be run."""
    log = np.zeros((_CYCLES, -(-parts // 64)), "<u8")
    loaded = ctypes.CDLL(str(library))
    left = ctypes.c_uint64.in_dll(loaded, "activity_left")

    def begin() -> None:
        ctypes.c_void_p.in_dll(loaded, "activity_log").value = log.ctypes.data
        left.value = _CYCLES

    _session(library, symbols, begin)
    log = log[:_CYCLES - left.value]
    return np.unpackbits(log.view(np.uint8), axis=1, count=parts, bitorder="little")


def main(arguments: list[str] | None = None) -> int:
    """Run the session and write what was logged, an array of bool by cycle and part."""
    library, symbols, *logged = sys.argv[1:] if arguments is None else arguments
    if logged:
        parts, path = logged
        np.save(path, _activity(Path(library), int(symbols), int(parts)).astype(bool))
    else:
        _session(Path(library), int(symbols), lambda: None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
