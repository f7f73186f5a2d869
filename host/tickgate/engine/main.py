"""The engine as a process: settings, signals, start and end."""

import gc
import signal
import sys
from pathlib import Path

from tickgate.engine.config import ConfigError, EngineConfig
from tickgate.engine.engine import Engine
from tickgate.engine.inputs import UnknownInput
from tickgate.fix.store import StoreError
from tickgate.journal import JournalError
from tickgate.risk.limits import LimitsError


def run(config_path: Path) -> int:
    """Run an engine until a command, SIGTERM or SIGINT ends it; returns the exit status."""
    try:
        engine = Engine(EngineConfig.load(config_path))
    except (
        ConfigError,
        JournalError,
        StoreError,
        LimitsError,
        UnknownInput,
        OSError,
    ) as error:
        print(f"tickgate engine: {error}", file=sys.stderr)
        return 1

    def stop(_signal: int, _frame: object) -> None:
        engine.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if engine.journal.repair is not None:
        print(f"tickgate engine: repaired: {engine.journal.repair}", flush=True)
    host, port = engine.fix_address
    print(f"tickgate engine: FIX on {host}:{port}", flush=True)
    gc.freeze()  # what the start made lives as long as the process
    try:
        engine.run()
    except JournalError as error:
        print(f"tickgate engine: stopped: {error}", file=sys.stderr)
        return 1
    return 0
