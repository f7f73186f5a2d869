"""What a lossy network does to one line of the feed: decided by packet counts and a seed alone.

No clock and no socket here, and no float: chances are in parts per million. Each data packet draws
the same number of times whatever the settings are, so a setting changed at packet k changes no
decision about another kind of fault, and the same seed and settings give the same faults.
"""

from dataclasses import dataclass, fields
from heapq import heappop, heappush
from random import Random

MILLION = 1_000_000
MAX_DEPTH = 1000
MAX_DELAY_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """How bad a line is.

    ``loss_ppm``, ``duplicate_ppm`` and ``reorder_ppm`` are chances of a data packet in parts per
    million. A duplicate leaves right behind its original. A reordered packet leaves behind the
    next ``reorder_depth`` packets. ``delay_packets`` holds every packet back until so many more
    were published, ``delay_ms`` for a time. Raises ValueError for a value out of range.
    """

    loss_ppm: int = 0
    duplicate_ppm: int = 0
    reorder_ppm: int = 0
    reorder_depth: int = 3
    delay_packets: int = 0
    delay_ms: int = 0

    def __post_init__(self) -> None:
        ranges = {"reorder_depth": (1, MAX_DEPTH), "delay_packets": (0, MAX_DEPTH)}
        ranges["delay_ms"] = (0, MAX_DELAY_MS)
        for item in fields(self):
            value = getattr(self, item.name)
            low, high = ranges.get(item.name, (0, MILLION))
            if type(value) is not int or not low <= value <= high:
                raise ValueError(
                    f"{item.name} must be an integer from {low} to {high}, not {value!r}"
                )


class Impairment:
    """Takes the packets of one line in order and gives back what is left of them, in its order.

    Counters, in data packets unless said otherwise: ``lost``, ``cut``, ``duplicated``,
    ``reordered``, and ``control_lost`` for heartbeats and end-of-session packets lost or cut.
    """

    def __init__(self, settings: LineSettings, seed: str) -> None:
        self.settings = settings
        self.lost = 0
        self.cut = 0
        self.duplicated = 0
        self.reordered = 0
        self.control_lost = 0
        self._data_chance = Random(f"{seed} data")
        self._control_chance = Random(f"{seed} control")
        self._index = 0
        self._held: list[tuple[int, bool, int, int, bytes]] = []
        self._cut_packets = 0
        self._cut_until_told = False

    @property
    def held(self) -> int:
        """Packets that wait for later ones to pass them."""
        return len(self._held)

    def start_cut(self, packets: int | None) -> None:
        """Let nothing through: for the next ``packets`` data packets, or (None) until told."""
        self._cut_until_told = packets is None
        self._cut_packets = packets or 0

    def end_cut(self) -> None:
        """Let packets through again."""
        self.start_cut(0)

    @property
    def is_cut(self) -> bool:
        """Whether the next packet would be cut."""
        return self._cut_until_told or self._cut_packets > 0

    def data(self, packet: bytes) -> list[bytes]:
        """What leaves now that one more data packet was published; often that packet itself."""
        loss, duplicate, reorder = (self._data_chance.randrange(MILLION) for _ in range(3))
        settings = self.settings
        self._index += 1
        if self.is_cut:
            self.cut += 1
            self._cut_packets = max(0, self._cut_packets - 1)
        elif loss < settings.loss_ppm:
            self.lost += 1
        else:
            late = reorder < settings.reorder_ppm
            release = self._index + settings.delay_packets + late * settings.reorder_depth
            twice = duplicate < settings.duplicate_ppm
            self.reordered += late
            self.duplicated += twice
            for copy in range(1 + twice):
                heappush(self._held, (release, late, self._index, copy, packet))
        return self._release(self._index)

    def control(self, packet: bytes) -> list[bytes]:
        """What leaves with a heartbeat or end-of-session packet: all that waits goes before it."""
        lost = self._control_chance.randrange(MILLION) < self.settings.loss_ppm
        out = self._release(None)
        if lost or self.is_cut:
            self.control_lost += 1
        else:
            out.append(packet)
        return out

    def _release(self, index: int | None) -> list[bytes]:
        out: list[bytes] = []
        while self._held and (index is None or self._held[0][0] <= index):
            out.append(heappop(self._held)[-1])
        return out
