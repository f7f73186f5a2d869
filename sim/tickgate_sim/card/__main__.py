"""``python -m tickgate_sim.card build`` and ``... run --socket PATH [--wire PATH]``."""

import argparse
import os
import sys

from tickgate_sim.card.build import BuildError, build


def main() -> int:
    """Build the card; for ``run``, become its process."""
    parser = argparse.ArgumentParser(prog="tickgate_sim.card", description="The Verilated card.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the card, or find it built")
    run = commands.add_parser("run", help="run the live card until it is stopped")
    run.add_argument("--socket", required=True, help="where hosts attach")
    run.add_argument("--wire", help="socket of the wire broker; without it the card has no network")
    run.add_argument("--line-b", help="group whose frames come in on line B; others on line A")
    run.add_argument("--dma-mib", type=int, default=16, help="memory shared with the host, in MiB")
    run.add_argument("--latency", type=int, default=40, help="cycles that a DMA read takes")
    run.add_argument("--seed", type=int, default=0, help="what memories hold at power-up")
    words = parser.parse_args()
    try:
        card = build()
    except BuildError as error:
        print(f"card: {error}", file=sys.stderr)
        return 1
    if words.command == "build":
        print(card.program.parent)
        return 0
    command = [str(card.program), "--socket", words.socket]
    if words.wire is not None:
        command += ["--wire", words.wire]
    if words.line_b is not None:
        command += ["--line-b", words.line_b]
    for name in ("dma_mib", "latency", "seed"):
        command += [f"--{name.replace('_', '-')}", str(getattr(words, name))]
    os.execv(command[0], command)


if __name__ == "__main__":
    sys.exit(main())
