"""The ``ecp5`` profile: a block in its harness, placed and routed on an LFE5UM5G-85F by nextpnr."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tickgate_hdl.timing.tools import NEXTPNR, YOSYS, release, run, yosys

__all__ = ["DEVICE", "TARGET_MHZ", "Late", "Placed", "Route", "place", "read_report"]

DEVICE = "LFE5UM5G-85F, speed grade 8, CABGA756"
"""The device that the options of nextpnr below name."""

TARGET_MHZ = 156.25
"""Clock of 64 bits at 10 Gbit/s."""

_OPTIONS = ("--um5g-85k", "--speed", "8", "--package", "CABGA756", "--freq", str(TARGET_MHZ),
            "--lpf-allow-unconstrained", "--timing-allow-fail",
            # Of a large design it makes so much shorter wires than the default one that routing
            # comes to an end.
            "--placer", "static", "--detailed-timing-report")

_RESOURCES = {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "dp16kd": "DP16KD", "mult18": "MULT18X18D"}


@dataclass(frozen=True)
class Route:
    """The slowest path of a placed and routed block, register to register."""

    start: str
    """The register or memory that it starts at."""
    end: str
    """The register or memory that it ends at."""
    total_ns: float
    """Its delay, setup time included."""
    routing_ns: float
    """What of it is wires."""
    hops: tuple[str, ...]
    """The nets on the way."""


@dataclass(frozen=True)
class Late:
    """A register, or memory, that is reached later than the target's period allows."""

    name: str
    endpoints: int
    """Its inputs that are."""
    slack_ns: float
    """What the latest one lacks, negative."""


@dataclass(frozen=True)
class Placed:
    """A block on the device, with one seed."""

    seed: int
    fmax_mhz: float
    slack_ns: float
    """What is left of the target's period; negative when the target is missed."""
    route: Route
    late: tuple[Late, ...]
    """Registers that miss the target, the latest first."""
    used: dict[str, int]
    """LUT4s, flip-flops, block RAMs, multipliers: how many, the harness's included."""
    available: dict[str, int]
    """Of each, how many the device has."""


def _scripts(netlist):
    """Return the recipes for one netlist; the second for when the first crashes."""
    # A register that its signal keeps is not merged with others of the same value.
    kept = "setattr -set keep 1 a:keep %ci1:+[Q] a:keep %d"
    read = ["read_rtlil {rtlil}", "chformal -remove", "proc", kept, "flatten"]
    tail = ["autoname", f"write_json -selected {netlist}"]
    synth = "synth_ecp5 -top top"
    return (
        [*read, "opt -full", synth, "select top", *tail],
        [*read, "opt -fine -full", "wreduce", "share", "opt -full", synth, "select top", *tail],
        [*read, "opt -full", f"{synth} -nowidelut", "select top", *tail],
    )


def _register(cell):
    """Return a register's name without what Yosys appends to it."""
    return re.sub(r"_(TRELLIS_FF|CCU2C|LUT4|PFUMX|L6MUX21)_.*$", "", cell)


def read_report(text, seed):
    """Return what nextpnr's JSON report says about the one clock, as :class:`Placed`.

    Raises ValueError when there is not exactly one clock, or no path between its registers.
    """
    report = json.loads(text)
    if len(report["fmax"]) != 1:
        raise ValueError(f"a design must have exactly one clock, was {sorted(report['fmax'])}")
    (clock, rates), = report["fmax"].items()
    edge = f"posedge {clock}"
    paths = [path["path"] for path in report["critical_paths"]
             if path["from"] == edge and path["to"] == edge]
    if not paths:
        raise ValueError(f"there must be a path between registers of {clock}, was none")
    path = paths[0]
    routing = [part for part in path if part["type"] == "routing"]
    route = Route(
        start=_register(path[0]["from"]["cell"]), end=_register(path[-1]["to"]["cell"]),
        total_ns=sum(part["delay"] for part in path),
        routing_ns=sum(part["delay"] for part in routing),
        hops=tuple(part["net"] for part in routing))
    fmax, period = rates["achieved"], 1000 / rates["constraint"]
    setup = sum(part["delay"] for part in path if part["type"] == "setup")
    return Placed(
        seed=seed, fmax_mhz=fmax, slack_ns=period - 1000 / fmax, route=route,
        late=_late(report["detailed_net_timings"], edge, period - setup),
        used={name: report["utilization"][cell]["used"] for name, cell in _RESOURCES.items()},
        available={name: report["utilization"][cell]["available"]
                   for name, cell in _RESOURCES.items()})


def _late(nets, edge, period):
    """Return what is reached later than ``period``, less the set-up time, as :class:`Late`.

    The set-up time is not told of each endpoint: that of the slowest path's end counts for all.
    """
    slacks = {}
    for net in nets:
        for endpoint in net["endpoints"]:
            slack = period - max(endpoint["delay"])
            if slack < 0 and net["event"] == endpoint["event"] == edge:
                slacks.setdefault(_register(endpoint["cell"]), []).append(slack)
    late = (Late(name, len(each), min(each)) for name, each in slacks.items())
    return tuple(sorted(late, key=lambda one: one.slack_ns))


def place(kept, name, rtlil, seeds, *, jobs, progress):
    """Synthesise, place and route one block with each seed; return a list of :class:`Placed`.

    ``rtlil`` is the block in its harness, ``jobs`` how many nextpnr may run at a time,
    ``progress`` is called with a line for each long step that begins.

    Raises ToolError.
    """
    def synthesise(path):
        progress(f"{name}: synthesis")
        recipes = [[line.format(rtlil=rtlil.name) for line in script]
                   for script in _scripts(path.name)]
        yosys(recipes, folder=kept.folder, name=name)

    scripts = "\n".join(line for script in _scripts("") for line in script)
    netlist = kept.file(
        f"{name}.netlist", ".json", (rtlil.read_bytes(), scripts, release(YOSYS)), synthesise)
    content = netlist.read_bytes()

    def with_seed(seed):
        def route(path):
            progress(f"{name}: place and route, seed {seed}")
            run("tickgate_hdl.timing.nextpnr",
                [*_OPTIONS, "--json", netlist.name, "--seed", str(seed), "--report", path.name],
                folder=kept.folder, log=f"{name}.seed{seed}.nextpnr.log")

        report = kept.file(
            f"{name}.seed{seed}", ".json",
            (content, " ".join(_OPTIONS), str(seed), release(NEXTPNR)), route)
        placed = read_report(report.read_text(), seed)
        progress(f"{name}: seed {seed} gives {placed.fmax_mhz:.2f} MHz")
        return placed

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(with_seed, seeds))
