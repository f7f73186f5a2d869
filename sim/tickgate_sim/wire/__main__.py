"""``python -m tickgate_sim.wire --socket PATH --feed GROUP:PORT --ouch HOST:PORT [--feed-b
GROUP:PORT] [--rerequest HOST:PORT] [--glimpse HOST:PORT] -- COMMAND...``."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tickgate_sim.wire.broker import Wire, run, say
from tickgate_sim.wire.mode import ModeError, choose
from tickgate_sim.wire.namespace import NamespaceError
from tickgate_sim.wire.sockets import GLIMPSE, REREQUEST

AUTO_HOST = "auto"


def main() -> int:
    """Choose the way and run the broker; or with ``--probe`` only say which way it is."""
    parser = argparse.ArgumentParser(prog="tickgate_sim.wire", description="The card's network.")
    parser.add_argument("--mode", choices=("auto", "tap", "relay"), default="auto")
    parser.add_argument("--probe", action="store_true", help="print the way as JSON and end")
    parser.add_argument("--socket", type=Path, help="where the card asks")
    parser.add_argument("--feed", type=_host_port, help="GROUP:PORT of the feed's line A")
    parser.add_argument("--feed-b", type=_host_port, help="GROUP:PORT of the feed's line B")
    parser.add_argument(
        "--ouch", type=_host_port, help="HOST:PORT of the gateway; HOST may be 'auto'"
    )
    for name, what in ((REREQUEST, "re-request server"), (GLIMPSE, "GLIMPSE server")):
        parser.add_argument(
            f"--{name}",
            type=_host_any_port,
            help=f"HOST:PORT of this machine for the {what}; 0: the system chooses",
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
        feeds = (words.feed, words.feed_b) if words.feed_b else (words.feed,)
        services = {REREQUEST: words.rerequest, GLIMPSE: words.glimpse}
        services = {name: address for name, address in services.items() if address}
        if services and not words.command:
            parser.error("--rerequest and --glimpse need a command that serves there")
        return run(Wire(words.socket, feeds, ouch, words.pcap, services), plan, words.command)
    except (ModeError, NamespaceError, OSError) as error:
        say(str(error))
        return 1


def _host_port(text: str, lowest: int = 1) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not lowest <= int(port) < 65536:
        raise argparse.ArgumentTypeError(f"must be HOST:PORT, not {text!r}")
    return host, int(port)


def _host_any_port(text: str) -> tuple[str, int]:
    return _host_port(text, lowest=0)


if __name__ == "__main__":
    sys.exit(main())
