"""``python -m tickgate_sim.wire --socket PATH --feed GROUP:PORT --ouch HOST:PORT --
COMMAND...``."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tickgate_sim.wire.broker import Wire, run, say
from tickgate_sim.wire.mode import ModeError, choose
from tickgate_sim.wire.namespace import NamespaceError

AUTO_HOST = "auto"


def main() -> int:
    """Choose the way and run the broker; or with ``--probe`` only say which way it is."""
    parser = argparse.ArgumentParser(prog="tickgate_sim.wire", description="The card's network.")
    parser.add_argument("--mode", choices=("auto", "tap", "relay"), default="auto")
    parser.add_argument("--probe", action="store_true", help="print the way as JSON and end")
    parser.add_argument("--socket", type=Path, help="where the card asks")
    parser.add_argument("--feed", type=_host_port, help="GROUP:PORT of the multicast feed")
    parser.add_argument(
        "--ouch", type=_host_port, help="HOST:PORT of the gateway; HOST may be 'auto'"
    )
    parser.add_argument("--pcap", type=Path, help="record frames and order entry to this file")
    parser.add_argument("command", nargs="*", help="the exchange, after --")
    words = parser.parse_args()
    try:
        plan = choose(words.mode)
        if words.probe:
            print(json.dumps(asdict(plan)))
            return 0
        if not (words.socket and words.feed and words.ouch):
            parser.error("--socket, --feed and --ouch are needed")
        if plan.mode == "tap" and not words.command:
            parser.error("tap mode needs a command: nothing else can reach the namespace")
        host, port = words.ouch
        ouch = (plan.address if host == AUTO_HOST else host, port)
        return run(Wire(words.socket, words.feed, ouch, words.pcap), plan, words.command)
    except (ModeError, NamespaceError, OSError) as error:
        say(str(error))
        return 1


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"must be HOST:PORT, not {text!r}")
    return host, int(port)


if __name__ == "__main__":
    sys.exit(main())
