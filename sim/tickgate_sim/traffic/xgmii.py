"""XGMII characters of frames, right and wrong ones, eight to a word."""

import zlib

__all__ = ["ERROR", "IDLE", "START", "TERMINATE", "Character", "Wire"]

IDLE, START, TERMINATE, ERROR = 0x07, 0xFB, 0xFD, 0xFE

_PREAMBLE = bytes(6 * [0x55] + [0xD5])


Character = tuple[int, bool]
"""A byte on a lane, and whether it is a control character."""


class Wire:
    """Characters one after the other; the first is in lane 0 of a word."""

    def __init__(self) -> None:
        self.characters: list[Character] = []

    def control(self, *values: int) -> None:
        """Add control characters."""
        self.characters += [(value, True) for value in values]

    def data(self, data: bytes) -> None:
        """Add bytes."""
        self.characters += [(value, False) for value in data]

    def idle(self, count: int) -> None:
        """Add idle characters."""
        self.control(*count * [IDLE])

    def align(self, lane: int | None = None) -> None:
        """Add idle characters up to ``lane``, by default 0 or 4, whichever comes first."""
        while len(self.characters) % (4 if lane is None else 8) != (lane or 0):
            self.control(IDLE)

    def frame(
        self,
        frame: bytes,
        *,
        lane: int | None = None,
        bad_fcs: bool = False,
        preamble: bytes = _PREAMBLE,
        end: int | None = TERMINATE,
    ) -> None:
        """Add a frame, its check sequence added, that starts in ``lane``, or as soon as it can.

        ``end`` is the control character that ends it; None leaves it open.
        """
        self.align(lane)
        self.control(START)
        check = zlib.crc32(frame) ^ (0x10000 if bad_fcs else 0)
        self.data(preamble + frame + check.to_bytes(4, "little"))
        if end is not None:
            self.control(end)

    def words(self) -> list[tuple[int, int]]:
        """All of it as (data, control) of words, idle characters at the end."""
        self.align(0)
        result = []
        for at in range(0, len(self.characters), 8):
            lanes = self.characters[at : at + 8]
            data = int.from_bytes(bytes(value for value, _ in lanes), "little")
            control = sum(is_control << bit for bit, (_, is_control) in enumerate(lanes))
            result.append((data, control))
        return result
