"""Runs of feed, book and gate: ``FastFeed``."""

import ctypes
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tickgate.records import schema
from tickgate.records.dtypes import record_dtype
from tickgate.records.schema import Record
from tickgate_hdl.top.config import CardConfig
from tickgate_hdl.top.feed_gate import CONTROLS, SHOWN

from tickgate_sim.fast.beats import BEAT, Beats
from tickgate_sim.fast.build import build

__all__ = [
    "EVENT", "INJECT", "LINE_A", "LINE_B", "ORDER", "TOP", "FastError", "FastFeed", "LineResult",
    "Result", "inject_beats",
]  # fmt: skip

LINE_A, LINE_B = ("239.192.0.1", 26400), ("239.192.0.2", 26400)
"""Groups and ports to which the lines listen, unless chosen otherwise."""
_SWEEP_LIMIT, _SWEEP_STEP = 2_000_000, 1024
"""Cycles after reset in which the tables must have been swept, and how often that is looked at."""
_LIMIT = 1 << 40


def _recorded(record: Record) -> np.dtype[np.void]:
    whole = record_dtype(record)
    return np.dtype([("cycle", "<u8"), *((f.name, whole[f.name]) for f in record.fields)])


TOP, EVENT = _recorded(schema.TOP_OF_BOOK), _recorded(schema.FEED_EVENT)
"""A record with the cycle, counted from reset, in which it left the book; fields as in
``docs/records.md``."""
_DECISION, _CARD_EVENT = _recorded(schema.GATE_DECISION), _recorded(schema.CARD_EVENT)
_PASSED = _recorded(schema.ORDER_REQUEST)
_STREAMS = (TOP, EVENT, _DECISION, _CARD_EVENT, _PASSED)

ORDER = np.dtype([("cycle", "<u8"), ("body", "V48")])
"""An order request, and the cycle of the run before which it is not offered."""
INJECT = np.dtype(
    [
        ("data", "<u8"),
        ("cycle", "<u8"),
        ("keep", "u1"),
        ("first", "u1"),
        ("last", "u1"),
        ("snapshot", "u1"),
        ("reserved", "V4"),
    ]
)
"""Eight bytes of a packet that the host hands in; ``cycle`` as in ``BEAT``."""

_POINTER = ctypes.c_void_p
_U32, _U64, _INT = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "tf_create": (_POINTER, [_U32]),
    "tf_destroy": (None, [_POINTER]),
    "tf_write": (None, [_POINTER, _U32, _U64]),
    "tf_read": (_U64, [_POINTER, _U32]),
    "tf_busy": (_INT, [_POINTER]),
    "tf_cycles": (_U64, [_POINTER]),
    "tf_messages": (_U64, [_POINTER]),
    "tf_line": (None, [_POINTER, _U32, _POINTER, _U64]),
    "tf_inject": (None, [_POINTER, _POINTER, _U64]),
    "tf_orders": (None, [_POINTER, _POINTER, _U64]),
    "tf_updates": (None, [_POINTER, _POINTER, _U64]),
    "tf_start": (None, [_POINTER, _INT]),
    "tf_run": (None, [_POINTER, _U64]),
    "tf_finish": (_INT, [_POINTER, _U64, _U64]),
    "tf_report": (None, [_POINTER, _U32, _POINTER]),
    "tf_lost": (_U64, [_POINTER, _U32, ctypes.POINTER(_POINTER)]),
    "tf_records": (_U64, [_POINTER, _U32, ctypes.POINTER(_POINTER)]),
    "tf_forget": (None, [_POINTER]),
}
_CONTROL = {name: number for number, name in enumerate(CONTROLS)}
_SHOWN = {name: number for number, name in enumerate(SHOWN)}


class FastError(Exception):
    """The model did not do what it must: what was expected, what was seen."""


@dataclass(frozen=True, slots=True)
class LineResult:
    """How a line went.

    ``late_beats`` had to wait since the line was not ready, ``stalled_cycles`` is for how long in
    all, ``lag`` the most cycles that a beat was taken after its own cycle. ``lost`` are the numbers
    of the frames, from 0, that a line that may not wait has lost.
    """

    late_beats: int
    stalled_cycles: int
    lag: int
    lost: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run.

    ``tops``, ``events``, ``decisions``, ``card_events`` and ``passed`` are records in order;
    ``counters`` are all of the feed and the gate since reset, by the names of the registers;
    ``cycles`` the run took, from its first beat until all was quiet; ``messages`` the book took;
    ``seconds`` of real time.
    """

    tops: NDArray[np.void]
    events: NDArray[np.void]
    decisions: NDArray[np.void]
    card_events: NDArray[np.void]
    passed: NDArray[np.void]
    lines: tuple[LineResult, LineResult]
    counters: dict[str, int]
    cycles: int
    messages: int
    seconds: float
    high_water_lines: int
    high_water_window: int


def inject_beats(payload: bytes, *, snapshot: bool = False, cycle: int = 0) -> NDArray[np.void]:
    """Return a MoldUDP64 packet, or messages of a snapshot in one, as beats of the host's port."""
    if not payload:
        raise ValueError("a packet must have at least one byte")
    count = -(-len(payload) // 8)
    result = np.zeros(count, INJECT)
    result["data"] = np.frombuffer(payload.ljust(8 * count, b"\0"), "<u8")
    result["keep"] = 0xFF
    result["keep"][-1] = 0xFF >> (8 * count - len(payload))
    result["first"][0] = result["last"][-1] = 1
    result["snapshot"], result["cycle"] = snapshot, cycle
    return result


class FastFeed:
    """Feed, book and gate of one channel or more, with the sizes of ``config``.

    ``symbols`` are loaded in order; ``line_a`` and ``line_b`` are group and port of the lines of
    channel 0; ``seed`` decides what memories hold before they are swept. The same calls always give
    the same results, cycle for cycle.
    """

    def __init__(
        self,
        config: CardConfig | None = None,
        symbols: Sequence[str] = (),
        *,
        line_a: tuple[str, int] = LINE_A,
        line_b: tuple[str, int] = LINE_B,
        reorder_cycles: int = 156_250,
        seed: int = 0,
        locate_bits: int = 16,
        library: Path | None = None,
    ) -> None:
        self.config = config or CardConfig()
        if len(symbols) > self.config.symbols:
            raise ValueError(f"{self.config.symbols} symbols at most, not {len(symbols)}")
        self._c = _load(library or build(self.config, locate_bits=locate_bits))
        self._handle = _POINTER(self._c.tf_create(seed))
        self._kept: list[NDArray[np.void]] = []
        while self._c.tf_busy(self._handle):
            if self.cycles > _SWEEP_LIMIT:
                raise FastError(f"tables must be swept in {_SWEEP_LIMIT} cycles")
            self.run_cycles(_SWEEP_STEP)
        for name, (group, port) in (("a", line_a), ("b", line_b)):
            address = int.from_bytes(socket.inet_aton(group), "big")
            self.write(**{f"group_{name}": address, f"port_{name}": port})
        self.write(reorder_cycles=reorder_cycles)
        for index, symbol in enumerate(symbols):
            self.load_symbol(index, symbol)

    def __enter__(self) -> "FastFeed":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the model."""
        if self._handle:
            self._c.tf_destroy(self._handle)
            self._handle = _POINTER()

    # ---- settings ----

    def write(self, **values: int) -> None:
        """Set values or give strobes, by the names of ``tickgate_hdl.top.feed_gate.CONTROLS``, in
        the order given; each takes three cycles."""
        for name, value in values.items():
            if not 0 <= value < 1 << 64:
                raise ValueError(f"{name} must fit 64 bits, was {value}")
            self._c.tf_write(self._handle, _CONTROL[name], value)

    def read(self, name: str) -> int:
        """Return a value of ``tickgate_hdl.top.feed_gate.SHOWN``; takes two cycles."""
        value: int = self._c.tf_read(self._handle, _SHOWN[name])
        return value

    def load_symbol(self, index: int, symbol: str, *, enable: bool = True) -> None:
        """Write an entry of the symbol table."""
        if not 0 <= index < self.config.symbols:
            raise ValueError(f"an index must be 0 to {self.config.symbols - 1}, not {index}")
        if not (symbol.isascii() and 0 < len(symbol) <= 8):
            raise ValueError(f"a symbol must be 1 to 8 ASCII characters, not {symbol!r}")
        name = symbol.encode()
        self.write(
            symbol_index=index,
            symbol_name=int.from_bytes(name.ljust(8), "little"),
            symbol_enable=int(enable),
            symbol_write=1,
        )

    def counters(self) -> dict[str, int]:
        """Return the counters of feed and gate, without ``count_`` and what follows the name."""
        return {
            name.removeprefix("count_").removesuffix("__count"): self.read(name)
            for name in SHOWN
            if name.startswith("count_")
        }

    def type_counts(self, letters: Sequence[str]) -> dict[str, int]:
        """Return how many messages of each ITCH type were counted."""
        counts = {}
        for letter in letters:
            self.write(itch_type_select=ord(letter))
            counts[letter] = self.read("itch_type_count")
        return counts

    @property
    def cycles(self) -> int:
        """Cycles since reset."""
        cycles: int = self._c.tf_cycles(self._handle)
        return cycles

    # ---- runs ----

    def run(
        self,
        line_a: Beats | None = None,
        line_b: Beats | None = None,
        *,
        drop: bool = False,
        inject: NDArray[np.void] | None = None,
        orders: NDArray[np.void] | None = None,
        settle: int = 64,
        limit: int = _LIMIT,
    ) -> Result:
        """Offer beats, packets of the host and orders; run until all is quiet for ``settle``.

        With ``drop`` the lines may not wait, as a MAC may not: a frame of which a beat finds the
        line not ready is lost, and ends bad if it had begun. Records are those of this run and of
        what was done before it and not taken. Raises FastError when it is not over after ``limit``
        cycles.
        """
        begun, start, messages = self.cycles, time.perf_counter(), self._messages
        self.offer(line_a, line_b, drop=drop, inject=inject, orders=orders)
        self.finish(settle, limit)
        cycles, seconds = self.cycles - begun, time.perf_counter() - start
        tops, events, decisions, card_events, passed = self.take()
        return Result(
            tops=tops,
            events=events,
            decisions=decisions,
            card_events=card_events,
            passed=passed,
            lines=(self._line(0), self._line(1)),
            counters=self.counters(),
            cycles=cycles,
            messages=self._messages - messages,
            seconds=seconds,
            high_water_lines=self.read("high_water_lines"),
            high_water_window=self.read("high_water_window"),
        )

    def offer(
        self,
        line_a: Beats | None = None,
        line_b: Beats | None = None,
        *,
        drop: bool = False,
        inject: NDArray[np.void] | None = None,
        orders: NDArray[np.void] | None = None,
    ) -> None:
        """Load what the next cycles offer; cycles of beats and orders count from now on."""
        given = [
            _checked("line_a", line_a, BEAT),
            _checked("line_b", line_b, BEAT),
            _checked("inject", inject, INJECT),
            _checked("orders", orders, ORDER),
        ]
        self._kept = given[:2]  # the harness reads them while it runs
        for number, array in enumerate(self._kept):
            self._c.tf_line(self._handle, number, array.ctypes.data, len(array))
        self._c.tf_inject(self._handle, given[2].ctypes.data, len(given[2]))
        self._c.tf_orders(self._handle, given[3].ctypes.data, len(given[3]))
        self._c.tf_start(self._handle, int(drop))

    def finish(self, settle: int = 64, limit: int = _LIMIT) -> None:
        """Run until what was offered is taken, and quiet for ``settle`` cycles if that is not 0.

        Raises FastError when it is not after ``limit`` cycles.
        """
        if not self._c.tf_finish(self._handle, settle, limit):
            raise FastError(f"feed, book and gate must be quiet in {limit} cycles")

    def run_cycles(self, cycles: int) -> None:
        """Run the clock."""
        self._c.tf_run(self._handle, cycles)

    def take(self) -> tuple[NDArray[np.void], ...]:
        """Return the records since the last call: TopOfBook, FeedEvent, GateDecision, CardEvent,
        and order requests that passed."""
        found = []
        for number, dtype in enumerate(_STREAMS):
            start = _POINTER()
            count = self._c.tf_records(self._handle, number, ctypes.byref(start))
            found.append(_copied(start, count, dtype))
        self._c.tf_forget(self._handle)
        return tuple(found)

    @property
    def _messages(self) -> int:
        messages: int = self._c.tf_messages(self._handle)
        return messages

    def _line(self, number: int) -> LineResult:
        report = (_U64 * 3)()
        self._c.tf_report(self._handle, number, report)
        start = _POINTER()
        count = self._c.tf_lost(self._handle, number, ctypes.byref(start))
        late, stalled, lag = report
        return LineResult(late, stalled, lag, _copied(start, count, np.dtype("<u8")))


def _checked(
    name: str, array: NDArray[np.void] | None, dtype: np.dtype[np.void]
) -> NDArray[np.void]:
    if array is None:
        return np.zeros(0, dtype)
    if array.dtype != dtype:
        raise TypeError(f"{name} must be an array of {dtype}, not of {array.dtype}")
    return np.ascontiguousarray(array)


def _copied(start: ctypes.c_void_p, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    if not count:
        return np.zeros(0, dtype)
    return np.frombuffer(ctypes.string_at(start, count * dtype.itemsize), dtype).copy()


def _load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library
