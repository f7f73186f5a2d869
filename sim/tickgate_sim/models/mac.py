"""Golden model of the MAC's receiving half: XGMII characters in, frames and counters out."""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["MacFrame", "receive"]

_START, _TERMINATE = 0xFB, 0xFD
_PREAMBLE = [(0x55, 0)] * 6 + [(0xD5, 0)]


class MacFrame(NamedTuple):
    """A frame without preamble and check sequence; ``start`` is its start character's number."""

    data: bytes
    error: bool
    start: int


def receive(
    words: Sequence[tuple[int, int]], max_bytes: int = 9216
) -> tuple[list[MacFrame], dict[str, int]]:
    """Return what is received of words, as (data, control), and the counters by name.

    A frame that has no byte besides its check sequence is only counted.
    """
    line = [(data >> 8 * lane & 255, control >> lane & 1)
            for data, control in words for lane in range(8)]
    counts = dict.fromkeys(
        ("frames", "bad_coding", "runts", "bad_fcs", "oversize", "bad_preamble"), 0)
    frames = []
    taken, refused, broken = set(), set(), set()
    at = 0
    while at < len(line):
        if line[at] != (_START, 1):
            at += 1
            continue
        word, lane = divmod(at, 8)
        rest = line[at + 1 : at + 8]
        here = rest[: 7 - lane]
        if lane not in (0, 4) or here != _PREAMBLE[: len(here)]:
            refused.add(word)
            at += 1
            continue
        taken.add(word)
        if rest != _PREAMBLE:
            broken.add(word + 1)
            at += 1
            continue
        start = at
        at += 8
        body = []
        while at < len(line) and not line[at][1]:
            body.append(line[at][0])
            at += 1
        if at == len(line):
            break  # the wire ends first
        frame = _judge(bytes(body), line[at][0] == _TERMINATE, start, max_bytes, counts)
        if frame.data:
            frames.append(frame)
    # One whose preamble goes on wrongly is refused whatever else the word has.
    counts["bad_preamble"] = len(refused - taken | broken)
    return frames, counts


def _judge(
    body: bytes, terminated: bool, start: int, max_bytes: int, counts: dict[str, int]
) -> MacFrame:
    """Count a frame, and return it."""
    data, check = body[:-4], body[-4:]
    counts["frames"] += 1
    if len(data) > max_bytes:
        counts["oversize"] += 1
        return MacFrame(data[:max_bytes], True, start)
    if not terminated:
        kind = "bad_coding"
    elif len(body) < 64:
        kind = "runts"
    elif zlib.crc32(data) != int.from_bytes(check, "little"):
        kind = "bad_fcs"
    else:
        return MacFrame(data, False, start)
    counts[kind] += 1
    return MacFrame(data, True, start)
