"""The exchange as a process of its own, for tests with peers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_S = 20


@contextmanager
def running_exchange(config: Path) -> Iterator[dict[str, Any]]:
    """Start the exchange; give its ready line; end it and see that it ends well."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tickgate_sim.exchange", "--config", str(config)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
