"""The ``latency`` profile: a block mapped to UltraScale+ cells by Yosys, and how deep its logic is.

There is no open place and route for UltraScale+, so nothing here is a frequency.
"""

from dataclasses import dataclass

from tickgate_hdl.timing.levels import Path, deepest_paths
from tickgate_hdl.timing.netlist import cell_counts, read_netlist
from tickgate_hdl.timing.tools import YOSYS, release, yosys

__all__ = ["MOST_LEVELS", "Mapped", "map_block", "resources"]

MOST_LEVELS = 8
"""LUTs in a row that a path of the ``latency`` profile may have."""

_PATHS = 5


@dataclass(frozen=True)
class Mapped:
    """A block in UltraScale+ cells."""

    paths: tuple[Path, ...]
    """The paths with the most LUTs in a row, deepest first, each to another register."""
    used: dict[str, int]
    """LUTs, flip-flops, carry cells and so on: how many."""

    @property
    def lut_levels(self) -> int:
        """LUTs in a row on the deepest path; 0 when there is no logic."""
        return self.paths[0].luts if self.paths else 0


def _scripts(netlist):
    """Return the recipes for one netlist; the second for when the first crashes.

    The steps of ``synth_xilinx`` are taken as they are but for the mapping to LUTs, which is done
    by ``abc`` instead of ``abc9``: it maps what lies between registers, memories and carry cells to
    the fewest LUTs in a row. ``abc9`` weighs delays of carry cells and saves LUTs at any depth
    where there are slower paths with carry cells.
    """
    read = ["read_rtlil {rtlil}", "chformal -remove", "proc", "flatten"]
    synth = (
        "synth_xilinx -family xcup -uram -flatten -noiopad -noclkbuf -top top -run begin:map_luts",
        "opt_expr -mux_undef -noclkinv", "abc -luts 2:2,3,6:5", "clean",
        "xilinx_srl -fixed -minlen 3",
        "techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6",
        "xilinx_dffopt", "opt_lut_ins -tech xilinx", "clean")
    tail = ["select top", f"write_json -selected {netlist}"]
    return (
        [*read, "opt -full", *synth, *tail],
        [*read, "opt -fine -full", "wreduce", "share", "opt -full", *synth, *tail],
    )


def resources(counts):
    """Return LUTs, flip-flops and the other resources that cells of these types and counts take."""
    def total(*starts):
        return sum(count for kind, count in counts.items() if kind.startswith(starts))

    return {
        "lut": total("LUT", "INV"), "ff": total("FD"), "carry": total("CARRY"),
        "muxf": total("MUXF"), "srl": total("SRL"), "dsp": total("DSP"),
        "ramb36": total("RAMB36"), "ramb18": total("RAMB18"), "uram": total("URAM"),
        "lutram": sum(count for kind, count in counts.items()
                      if kind.startswith("RAM") and not kind.startswith("RAMB")),
    }


def map_block(kept, name, rtlil, *, progress):
    """Map one block, given as RTLIL without a harness; return :class:`Mapped`.

    ``progress`` is called with a line when the long step begins.

    Raises ToolError, and LevelsError for a netlist that cannot be walked.
    """
    def synthesise(path):
        progress(f"{name}: synthesis")
        recipes = [[line.format(rtlil=rtlil.name) for line in script]
                   for script in _scripts(path.name)]
        yosys(recipes, folder=kept.folder, name=name)

    scripts = "\n".join(line for script in _scripts("") for line in script)
    netlist = read_netlist(kept.file(
        f"{name}.netlist", ".json", (rtlil.read_bytes(), scripts, release(YOSYS)),
        synthesise))
    return Mapped(tuple(deepest_paths(netlist, _PATHS)), resources(cell_counts(netlist)))
