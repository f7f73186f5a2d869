# amaranth: UnusedElaboratable=no
"""Measures: ``python -m tickgate_sim.bench [--only PART] [--out FOLDER]``.

Prints tables and writes ``bench.json``, one flat object of figure name to number. Cycle counts are
exact and the same on every machine; times and figures a second are this machine's, at this moment.
Of a run with ``--only`` the figures of the other parts stay as they were.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tickgate_hdl.book.order_table import OrderTable
from tickgate_hdl.top.config import CardConfig

from tickgate_sim.bench import designs, gate, kill, latency, mac, speed
from tickgate_sim.bench.line_rate import LineRate, line_rate

__all__ = ["main"]

Say = Callable[[str], None]
Part = Callable[[Path, dict[str, float], Say], list[str]]
"""Measures into the figures, with a folder for its files; returns lines for a reader."""
_NO_KNEE = 0


def _feed(folder: Path, figures: dict[str, float], say: Say) -> list[str]:
    say("line rate, every mix")
    lines = [*_line_rate(folder, figures), ""]
    say("latency")
    lines += _latency(folder, figures, say)
    config = CardConfig.latency()
    table = OrderTable(sets=2, ways=1, symbol_bits=1)
    return [
        *lines, "", "Open designs and this one (figures of others as their authors state them)",
        *designs.table(
            symbols=config.symbols, orders=config.order_sets * config.order_ways,
            order_cycles=table.latency, common=int(figures["book.cycles.common"]),
            worst=int(figures["book.cycles.worst"])),
    ]  # fmt: skip


def _line_rate(folder: Path, figures: dict[str, float]) -> list[str]:
    rows = list(line_rate(folder))
    lines = [
        "Line rate: full frames back to back on both lines, none may wait",
        f"  {'mix':12} {'messages':>9} {'cycles each':>12} {'lost':>6} {'frames lost':>12} "
        f"{'line FIFO, beats':>17} {'window, messages':>17} {'worst, cycles':>14}",
    ]
    for row in rows:
        lines.append(_line(row))
        prefix = f"{row.mix}_line_rate"
        figures |= {
            f"feed.lost.{prefix}": row.lost,
            f"feed.lost_frames.{prefix}": row.lost_frames,
            f"feed.line_high_water.{prefix}": row.line_high_water,
            f"feed.window_high_water.{prefix}": row.window_high_water,
            f"feed.cycles_per_message.{prefix}": round(row.cycles_per_message, 2),
            f"book.cycles.most.{prefix}": row.worst_cycles,
        }
    return lines


def _line(row: LineRate) -> str:
    return (
        f"  {row.mix:12} {row.messages:9,} {row.cycles_per_message:12.2f} {row.lost:6,} "
        f"{row.lost_frames:12,} {row.line_high_water:17,} {row.window_high_water:17,} "
        f"{row.worst_cycles:14,}"
    )


def _latency(folder: Path, figures: dict[str, float], say: Say) -> list[str]:
    alone, common, types = latency.unloaded(folder)
    figures["book.cycles.common"] = common
    figures["book.cycles.worst"] = alone.most
    lines = ["Latency in cycles: beat with a message's last byte in, best bid and offer out",
             f"  {'':12} {'count':>8} {'min':>5} {'mean':>7} {'p99':>5} {'max':>6}"]
    loads = {}
    for spread in (alone, *types.values()):
        lines.append(_spread(spread))
        if spread is not alone:
            figures[f"book.cycles.{spread.what}.min"] = spread.least
            figures[f"book.cycles.{spread.what}.max"] = spread.most
    for load, spread in zip(latency.LOADS, latency.loaded(folder), strict=True):
        say(f"latency at {spread.what} of line rate")
        lines.append(_spread(spread))
        loads[load] = spread
        prefix = f"book.cycles.load_{round(100 * load)}"
        figures |= {
            f"{prefix}.min": spread.least, f"{prefix}.mean": round(spread.mean, 2),
            f"{prefix}.p99": spread.p99, f"{prefix}.max": spread.most,
        }  # fmt: skip
    at = latency.knee(alone, loads)
    figures["book.knee_load_percent"] = _NO_KNEE if at is None else round(100 * at)
    lines.append("  knee (mean over twice that of a message alone): "
                 + ("none up to line rate" if at is None else f"{round(100 * at)} % of line rate"))
    return lines


def _spread(spread: latency.Spread) -> str:
    return (f"  {spread.what:12} {spread.count:8,} {spread.least:5} {spread.mean:7.2f} "
            f"{spread.p99:5} {spread.most:6}")


def _mac(_folder: Path, figures: dict[str, float], say: Say) -> list[str]:
    say("latency of the MAC")
    figures |= mac.measure()
    return [
        "MAC: 64 bit, 156.25 MHz",
        f"  start character to first word out {figures['mac.rx_cycles']:.0f} cycles, "
        f"first word in to start character {figures['mac.tx_cycles']:.0f}",
    ]


def _gate(folder: Path, figures: dict[str, float], say: Say) -> list[str]:
    say("the gate in both profiles; the first time it is built")
    measured = gate.measure(folder)
    figures |= gate.figures(measured)
    return gate.table(measured)


def _kill(folder: Path, figures: dict[str, float], say: Say) -> list[str]:
    say("kills from REST, command line and console, on the whole machine")
    times, left_out = kill.measure(folder, say)
    figures |= kill.figures(times)
    return kill.table(times, left_out)


def _speed(folder: Path, figures: dict[str, float], say: Say) -> list[str]:
    say("speed of the simulation")
    figures |= speed.measure(folder)
    return [
        "Simulation of feed, book and gate on one core",
        f"  {figures['sim.cycles_per_second']:,.0f} cycles a second, "
        f"{figures['sim.messages_per_second']:,.0f} messages a second",
    ]


_PARTS: dict[str, Part] = {
    "feed": _feed, "mac": _mac, "gate": _gate, "kill": _kill, "speed": _speed,
}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run the program. Return its exit status: 1 when a message was lost at line rate."""
    parser = argparse.ArgumentParser("python -m tickgate_sim.bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=_PARTS, action="append", help="a part; may be repeated")
    parser.add_argument("--out", type=Path, default=Path("build"), metavar="FOLDER",
                        help="folder for bench.json (build)")
    options = parser.parse_args(arguments)
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {line}", file=sys.stderr, flush=True)

    folder = options.out / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    figures: dict[str, float] = {}
    tables = [
        "\n".join(part(folder, figures, say))
        for name, part in _PARTS.items() if not options.only or name in options.only]
    path = options.out / "bench.json"
    kept = json.loads(path.read_text()) if options.only and path.exists() else {}
    path.write_text(json.dumps(kept | figures, indent=1, sort_keys=True) + "\n")
    print("\n\n".join(tables) + f"\nfigures: {path}")
    lost = sum(value for name, value in figures.items() if name.startswith("feed.lost."))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
