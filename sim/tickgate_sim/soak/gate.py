"""A million random orders through the gate's gateware, each compared with the golden model."""

from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from tickgate.risk.checks import CHECKS
from tickgate_hdl.top.config import PROFILES, CardConfig

from tickgate_sim.gate_model import SMALL, run_gate
from tickgate_sim.tb.gate_tally import Tally

__all__ = ["GateRun", "compare", "figures", "table", "total"]

_TELL_S = 60


@dataclass(frozen=True, slots=True)
class GateRun:
    """One profile against the model."""

    profile: str
    seed: int
    tally: Tally
    differs: bool
    """Whether something was not equal; the run ends there, and ``log`` says what."""
    log: Path


def compare(
    folder: Path, orders: int, seed: int, say: Callable[[str], None]
) -> list[GateRun]:
    """Run both profiles at once, half of the orders each. Files go into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    share = -(-orders // len(PROFILES))
    with ProcessPoolExecutor(len(PROFILES)) as pool:
        futures: list[Future[GateRun]] = [
            pool.submit(_run, folder.resolve(), profile, share, seed + number)
            for number, profile in enumerate(PROFILES)]
        waits = set(futures)
        while waits:
            _, waits = wait(waits, timeout=_TELL_S)
            done = sum(Tally.read(_tally(folder, profile)).orders for profile in PROFILES)
            say(f"gate: {done:,} of {orders:,} orders compared")
        return [future.result() for future in futures]


def _tally(folder: Path, profile: str) -> Path:
    return folder / f"gate-{profile}.json"


def _run(folder: Path, profile: str, orders: int, seed: int) -> GateRun:
    path = _tally(folder, profile)
    path.unlink(missing_ok=True)
    log = path.with_suffix(".log")
    registered, differs = PROFILES[profile]().registered, False
    try:
        run_gate(
            CardConfig(**SMALL, registered=registered),
            "gate_random",
            testcase="equals_the_model",
            seed=seed,
            environment={"GATE_ROUNDS": "0", "GATE_ORDERS": str(orders), "GATE_TALLY": str(path)},
            log=log,
        )
    except SystemExit:  # how the runner says that a test failed
        differs = True
    return GateRun(profile, seed, Tally.read(path), differs, log)


def total(runs: list[GateRun]) -> Tally:
    """Counts of all runs together."""
    return sum((each.tally for each in runs), Tally())


def figures(runs: list[GateRun], seconds: float) -> dict[str, float]:
    """Figures by name."""
    everything = total(runs)
    return {
        "gate.orders": everything.orders,
        "gate.orders_passed": everything.passed,
        "gate.events": everything.events,
        "gate.commits": everything.commits,
        "gate.kills": everything.kills,
        "gate.resets": everything.resets,
        "gate.cycles": everything.cycles,
        "gate.differences": sum(each.differs for each in runs),
        "gate.checks_failed_at_least_once": everything.failed,
        "gate.checks_failed_alone": sum(bool(count) for count in everything.alone.values()),
        "gate.seconds": round(seconds),
    }


def table(runs: list[GateRun], seconds: float) -> list[str]:
    """Lines for a reader."""
    columns = ("orders", "passed", "events", "withdrawn", "commits", "kills", "resets", "tables",
               "cycles")  # fmt: skip
    everything = total(runs)
    rows = [(each.profile, each.seed, each.tally, int(each.differs)) for each in runs]
    lines = [
        f"Gate against its golden model, {seconds:,.0f} s: verdict, checks, generation, exposures",
        f"  {'profile':8} {'seed':>4}" + "".join(f" {name:>10}" for name in columns)
        + f" {'differences':>12}",
        *(f"  {profile:8} {seed:4}"
          + "".join(f" {getattr(tally, name):10,}" for name in columns) + f" {differences:12}"
          for profile, seed, tally, differences in rows),
        *(f"  {each.profile} differs: {each.log}" for each in runs if each.differs),
        "",
        f"  {'check':18} {'alone':>10} {'with others':>12}",
    ]  # fmt: skip
    lines += [
        f"  {check.name:18} {everything.alone[check.name]:10,} "
        f"{everything.together[check.name]:12,}"
        for check in CHECKS
    ]
    return lines
