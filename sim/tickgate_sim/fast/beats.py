"""Frames as beats with the cycle in which each comes, in numpy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["BEAT", "Beats", "beats", "wire_cycles"]

BEAT = np.dtype(
    [
        ("data", "<u8"),
        ("cycle", "<u8"),
        ("keep", "u1"),
        ("last", "u1"),
        ("error", "u1"),
        ("reserved", "V5"),
    ]
)
"""Eight bytes of a frame, the first in bits 7:0; ``cycle`` counts from the run's start: the beat is
not offered before. Layout of ``Beat`` in the harness."""

Beats = NDArray[np.void]
"""An array of ``BEAT``."""

_MIN_FRAME = 60
_OVERHEAD = 8 + 4 + 12
"""Bytes that a frame takes on the wire beside its own: preamble, check sequence, gap."""


def wire_cycles(lengths: NDArray[np.int64], load: float = 1.0) -> NDArray[np.int64]:
    """Return the cycle in which each frame begins that follows the one before at once.

    ``lengths`` are bytes without check sequence, at most ``load`` of the wire's time is used, at
    eight bytes a cycle (10 Gbit/s at 156.25 MHz). A frame's beats come one a cycle.
    """
    if not 0 < load <= 1:
        raise ValueError(f"a load must be above 0 and at most 1, not {load!r}")
    taken = np.maximum(lengths, _MIN_FRAME) + _OVERHEAD
    begins = np.concatenate([[0], np.cumsum(taken)[:-1]]) / (8 * load)
    result: NDArray[np.int64] = np.ceil(begins).astype(np.int64)
    return result


def beats(
    frames: Sequence[bytes],
    *,
    start: int = 0,
    load: float | None = None,
    cycles_per_frame: int | None = None,
    errors: Sequence[bool] | None = None,
) -> Beats:
    """Return frames without check sequence as beats; shorter ones than 60 bytes are padded.

    With ``load`` frames follow each other as on a wire that is used for that part of its time (1.0
    is line rate), with ``cycles_per_frame`` they begin in equal distances, with neither each comes
    as soon as it is taken. ``errors`` marks frames whose check sequence is wrong.

    Raises ValueError for an empty frame, for a load or a distance that cannot be.
    """
    if load is not None and cycles_per_frame is not None:
        raise ValueError("load and cycles_per_frame exclude each other")
    if not frames:
        return np.zeros(0, BEAT)
    lengths = np.fromiter(map(len, frames), np.int64, len(frames))
    if not lengths.all():
        raise ValueError("a frame must have at least one byte")
    padded = np.maximum(lengths, _MIN_FRAME)
    counts = -(-padded // 8)
    ends = np.cumsum(counts)
    firsts = ends - counts
    result = np.zeros(int(ends[-1]), BEAT)
    result["data"] = np.frombuffer(
        b"".join(
            frame.ljust(8 * int(count), b"\0") for frame, count in zip(frames, counts, strict=True)
        ),
        "<u8",
    )
    result["keep"] = 0xFF
    result["keep"][ends - 1] = 0xFF >> (8 * counts - padded)
    result["last"][ends - 1] = 1
    if errors is not None:
        if len(errors) != len(frames):
            raise ValueError(f"{len(frames)} frames need as many errors, not {len(errors)}")
        result["error"][ends - 1] = np.asarray(errors, bool)
    if load is not None:
        begins = wire_cycles(padded, load)
    elif cycles_per_frame is not None:
        if cycles_per_frame < counts.max():
            raise ValueError(
                f"a frame of {counts.max()} beats needs as many cycles, not {cycles_per_frame}"
            )
        begins = np.arange(len(frames), dtype=np.int64) * cycles_per_frame
    else:
        result["cycle"] = start
        return result
    within = np.arange(len(result)) - np.repeat(firsts, counts)
    result["cycle"] = start + np.repeat(begins, counts) + within
    return result
