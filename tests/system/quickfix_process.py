"""A QuickFIX initiator in a process of its own, and how tests talk to it."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

SETTINGS = """
[DEFAULT]
ConnectionType=initiator
StartTime=00:00:00
EndTime=00:00:00
HeartBtInt=1
ReconnectInterval=1
SocketConnectHost=127.0.0.1
SocketConnectPort={port}
UseDataDictionary=Y
DataDictionary={dictionary}
FileStorePath={store}
[SESSION]
BeginString=FIX.4.4
SenderCompID={sender}
TargetCompID={target}
"""


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"still not so after 30 s: {what}"
        time.sleep(0.01)


class QuickFix:
    """The QuickFIX process, its commands, and what it told so far."""

    def __init__(self, config: Path, *names: str) -> None:
        """``names``: our CompID, the gateway's, and the password if there is one."""
        self.logons = self.logouts = 0
        self.reports: list[tuple[str, str, bool]] = []
        self.fields: list[dict[int, str]] = []
        """Each report's fields by tag."""
        self.admin_in: list[str] = []
        self.rejected: list[str] = []
        script = Path(__file__).with_name("quickfix_peer.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(config), *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.startswith("["):
                continue  # QuickFIX's own log
            kind, *values = json.loads(line)
            if kind == "logon":
                self.logons += 1
            elif kind == "logout":
                self.logouts += 1
            elif kind == "report":
                self.reports.append(tuple(values[:3]))
                self.fields.append({int(tag): value for tag, value in values[3].items()})
            elif kind == "admin":
                self.admin_in += values
                self.rejected += ["session-level Reject"] * (values == ["3"])
            elif kind == "rejected":
                self.rejected += values

    def command(self, *words: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def orders(self, name: str, count: int) -> list[str]:
        names = [f"{name}-{number}" for number in range(count)]
        for cl_ord_id in names:
            self.command("order", cl_ord_id)
        return names

    def stop(self) -> None:
        if self.process.poll() is None:
            self.command("stop")
            self.process.wait(timeout=30)
        self.listener.join()
