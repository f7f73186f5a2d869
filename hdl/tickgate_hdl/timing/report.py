"""What the flow tells: figures by name, and a table to read."""

from statistics import median

from tickgate_hdl.timing.ecp5 import DEVICE, TARGET_MHZ
from tickgate_hdl.timing.xcup import MOST_LEVELS

__all__ = ["document", "ecp5_figures", "ecp5_lines", "latency_figures", "latency_lines"]

_LATE = 6
"""Registers that are named of those that miss the target."""

_BEGIN, _END = "<!-- figures: begin -->\n", "<!-- figures: end -->"


def document(page, lines):
    """Return a page of documentation with ``lines`` in the place kept for figures.

    Raises ValueError when the page does not have exactly one such place.
    """
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end or _BEGIN in after:
        raise ValueError(f"a page must have one place for figures, from {_BEGIN.strip()} to {_END}")
    table = "\n".join(lines).strip("\n")
    return f"{before}{_BEGIN}```\n{table}\n```\n{_END}{after}"


def ecp5_figures(name, placed, harness):
    """Return figures of a block that was placed with several seeds, by name.

    ``harness`` is how many flip-flops of the harness to leave out. Resources are those of the seed
    with the lowest frequency.
    """
    worst = min(placed, key=lambda one: one.fmax_mhz)
    prefix = f"{name}.ecp5"
    figures = {f"{prefix}.fmax_mhz.seed_{one.seed}": round(one.fmax_mhz, 2) for one in placed}
    figures |= {
        f"{prefix}.fmax_mhz.worst_seed": round(worst.fmax_mhz, 2),
        f"{prefix}.fmax_mhz.median": round(median(one.fmax_mhz for one in placed), 2),
        f"{prefix}.fmax_mhz.target": TARGET_MHZ,
        f"{prefix}.seeds": len(placed),
        f"{prefix}.seeds_met": sum(one.slack_ns >= 0 for one in placed),
        f"{prefix}.period_met": int(worst.slack_ns >= 0),
        f"{prefix}.slack_ns.worst_seed": round(worst.slack_ns, 3),
        f"{prefix}.late_endpoints.worst_seed": sum(late.endpoints for late in worst.late),
        f"{prefix}.critical_path.routing_percent": round(
            100 * worst.route.routing_ns / worst.route.total_ns, 1),
    }
    for kind, used in _without_harness(worst, harness).items():
        figures[f"{prefix}.{kind}"] = used
        figures[f"{prefix}.{kind}_percent"] = round(100 * used / worst.available[kind], 1)
    return figures


def _without_harness(placed, harness):
    return {**placed.used, "ff": max(0, placed.used["ff"] - harness)}


def ecp5_lines(name, placed, harness):
    """Return the lines of the table that tell of a block that was placed with several seeds."""
    lines = [f"{name}, ecp5 ({DEVICE}), target {TARGET_MHZ} MHz"]
    for one in placed:
        verdict = "met" if one.slack_ns >= 0 else f"missed by {-one.slack_ns:.2f} ns"
        lines += [
            f"  seed {one.seed}: {one.fmax_mhz:7.2f} MHz, slack {one.slack_ns:+.2f} ns, {verdict}",
            f"    {one.route.start} -> {one.route.end}: {one.route.total_ns:.2f} ns, "
            f"of it {one.route.routing_ns:.2f} ns wires, {len(one.route.hops)} hops",
        ]
        if one.late:
            lines.append(
                f"    {sum(late.endpoints for late in one.late)} endpoints of {len(one.late)} "
                "registers are late: " + ", ".join(
                    f"{late.name} {-late.slack_ns:.2f} ns" for late in one.late[:_LATE]))
    used = _without_harness(placed[0], harness)
    lines.append("  resources: " + ", ".join(
        f"{kind} {count} ({100 * count / placed[0].available[kind]:.1f} %)"
        for kind, count in used.items()))
    return lines


def latency_figures(name, mapped):
    """Return figures of a block that was mapped to UltraScale+ cells, by name."""
    prefix = f"{name}.latency_profile"
    deepest = mapped.paths[0] if mapped.paths else None
    return {
        f"{prefix}.lut_levels": mapped.lut_levels,
        f"{prefix}.lut_levels.target": MOST_LEVELS,
        f"{prefix}.lut_levels_met": int(mapped.lut_levels <= MOST_LEVELS),
        f"{prefix}.carries_and_muxes_on_path": deepest.others if deepest else 0,
        **{f"{prefix}.{kind}": count for kind, count in mapped.used.items()},
    }


def latency_lines(name, mapped):
    """Return the lines of the table that tell of a block that was mapped to UltraScale+ cells."""
    over = mapped.lut_levels - MOST_LEVELS
    verdict = "met" if over <= 0 else f"missed by {over}"
    lines = [
        f"{name}, latency profile (UltraScale+, Yosys mapping): {mapped.lut_levels} LUT levels, "
        f"target {MOST_LEVELS}, {verdict}",
    ]
    lines += [
        f"    {path.luts} LUTs, {path.others} carries and muxes: {path.start} -> {path.end}"
        for path in mapped.paths
    ]
    lines.append("  resources: " + ", ".join(
        f"{kind} {count}" for kind, count in mapped.used.items() if count))
    return lines
